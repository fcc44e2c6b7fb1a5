"""What the role `verify` looks at: all that a release of the gateway stands on."""

from collections.abc import Sequence
from functools import partial

from quietzone_gateway.collections import COLLECTIONS
from quietzone_gateway.identity.accounts.repository import ACCOUNTS, account_of
from quietzone_gateway.identity.keys.repository import KEYS, key_of
from quietzone_gateway.identity.work import TOPICS
from quietzone_gateway.migrations import MIGRATIONS
from quietzone_kit.bus import Bus
from quietzone_kit.cache import Cache
from quietzone_kit.documents import Documents
from quietzone_kit.rpc import Peer
from quietzone_kit.verify import Checks, documents_are_readable, store_is_ready, topics_are_there


async def verify(checks: Checks, documents: Documents, bus: Bus, cache: Cache, peers: Sequence[Peer]) -> None:
    """Make the checks."""
    if await checks.see("store", partial(store_is_ready, documents, COLLECTIONS, MIGRATIONS)):
        await checks.see("accounts", partial(documents_are_readable, documents, ACCOUNTS, account_of))
        await checks.see("keys", partial(documents_are_readable, documents, KEYS, key_of))
    await checks.see("bus", partial(topics_are_there, bus, TOPICS))
    await checks.see("cache", partial(_answers, cache))
    for peer in peers:
        await checks.see(peer.name, peer.check)


async def _answers(cache: Cache) -> str:
    await cache.check()
    return "answers"
