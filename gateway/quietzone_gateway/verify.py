"""What the role `verify` looks at: all that a release of the gateway stands on."""

from collections.abc import Sequence
from functools import partial

from quietzone_gateway.identity.repository import ACCOUNTS, account_of
from quietzone_gateway.migrations import MIGRATIONS
from quietzone_kit.documents import Documents
from quietzone_kit.rpc import Peer
from quietzone_kit.verify import Checks, documents_are_readable, store_is_ready


async def verify(checks: Checks, documents: Documents, peers: Sequence[Peer]) -> None:
    """Make the checks."""
    if await checks.see("store", partial(store_is_ready, documents, [ACCOUNTS], MIGRATIONS)):
        await checks.see("accounts", partial(documents_are_readable, documents, ACCOUNTS, account_of))
    for peer in peers:
        await checks.see(peer.name, peer.check)
