"""What the role `verify` looks at: all that a release of the gateway stands on."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from quietzone_gateway.collections import COLLECTIONS
from quietzone_gateway.identity.accounts.memberships import MEMBERSHIPS, membership_of
from quietzone_gateway.identity.accounts.repository import ACCOUNTS, account_of
from quietzone_gateway.identity.attempts import ATTEMPTS, counted_of
from quietzone_gateway.identity.keys.repository import KEYS, key_of
from quietzone_gateway.identity.sessions.repository import SESSIONS, session_of
from quietzone_gateway.identity.sessions.signing import SIGNING_KEYS, signing_key_of
from quietzone_gateway.identity.users.repository import USERS, user_of
from quietzone_gateway.identity.work import TOPICS
from quietzone_gateway.migrations import MIGRATIONS
from quietzone_kit.bus import Bus
from quietzone_kit.cache import Cache
from quietzone_kit.documents import Collection, Documents, Stored
from quietzone_kit.rpc import Peer
from quietzone_kit.tasks import TASKS, task_of
from quietzone_kit.verify import Checks, documents_are_readable, store_is_ready, topics_are_there

READ: Mapping[Collection, Callable[[Stored], object]] = {
    ACCOUNTS: account_of,
    MEMBERSHIPS: membership_of,
    KEYS: key_of,
    USERS: user_of,
    SESSIONS: session_of,
    SIGNING_KEYS: signing_key_of,
    ATTEMPTS: counted_of,
    TASKS: task_of,
}
"""What of the store is decoded."""


async def verify(checks: Checks, documents: Documents, bus: Bus, cache: Cache, peers: Sequence[Peer]) -> None:
    """Make the checks."""
    if await checks.see("store", partial(store_is_ready, documents, COLLECTIONS, MIGRATIONS)):
        for collection, read in READ.items():
            await checks.see(collection.name, partial(documents_are_readable, documents, collection, read))
    await checks.see("bus", partial(topics_are_there, bus, TOPICS))
    await checks.see("cache", partial(_answers, cache))
    for peer in peers:
        await checks.see(peer.name, peer.check)


async def _answers(cache: Cache) -> str:
    await cache.check()
    return "answers"
