"""What the role `verify` looks at: all that a release of the gateway stands on."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from google.protobuf.message import Message

from quietzone.gateway.v1 import account_pb2
from quietzone_gateway.collections import COLLECTIONS
from quietzone_gateway.identity.accounts.memberships import MEMBERSHIPS, membership_of
from quietzone_gateway.identity.accounts.repository import ACCOUNTS, account_of
from quietzone_gateway.identity.attempts import ATTEMPTS, counted_of
from quietzone_gateway.identity.audit.consumers import entry_told
from quietzone_gateway.identity.audit.domain import Entry
from quietzone_gateway.identity.audit.repository import AUDIT, entry_of
from quietzone_gateway.identity.keys.repository import KEYS, key_of
from quietzone_gateway.identity.sessions.repository import SESSIONS, SIGNING_KEYS, session_of
from quietzone_gateway.identity.sessions.signing import signing_key_of
from quietzone_gateway.identity.users.repository import USERS, user_of
from quietzone_gateway.identity.work import TOPICS
from quietzone_gateway.migrations import MIGRATIONS
from quietzone_kit.bus import Bus, Record
from quietzone_kit.cache import Cache
from quietzone_kit.documents import Collection, Documents, Stored
from quietzone_kit.events import event_of
from quietzone_kit.rpc import Peer
from quietzone_kit.tasks import TASKS, task_of
from quietzone_kit.verify import Checks, documents_are_readable, last_events, store_is_ready, topics_are_there
from quietzone_topics import GATEWAY_ACCOUNT_V1, GATEWAY_AUDIT_V1, TYPE_GATEWAY_ACCOUNT, TYPE_GATEWAY_AUDIT, TYPE_GATEWAY_PERSON

READ: Mapping[Collection, Callable[[Stored], object]] = {
    ACCOUNTS: account_of,
    MEMBERSHIPS: membership_of,
    KEYS: key_of,
    USERS: user_of,
    SESSIONS: session_of,
    SIGNING_KEYS: signing_key_of,
    ATTEMPTS: counted_of,
    AUDIT: entry_of,
    TASKS: task_of,
}
"""What of the store is decoded."""


async def verify(checks: Checks, documents: Documents, bus: Bus, cache: Cache, peers: Sequence[Peer]) -> None:
    """Make the checks."""
    if await checks.see("store", partial(store_is_ready, documents, COLLECTIONS, MIGRATIONS)):
        for collection, read in READ.items():
            await checks.see(collection.name, partial(documents_are_readable, documents, collection, read))
    if await checks.see("bus", partial(topics_are_there, bus, TOPICS)):
        await checks.see(f"events of {GATEWAY_AUDIT_V1.name}", partial(last_events, bus, GATEWAY_AUDIT_V1, _told))
        await checks.see(f"events of {GATEWAY_ACCOUNT_V1.name}", partial(last_events, bus, GATEWAY_ACCOUNT_V1, _told_of))
    await checks.see("cache", partial(_answers, cache))
    for peer in peers:
        await checks.see(peer.name, peer.check)


def _told(record: Record) -> Entry | None:
    event = event_of(record)
    return entry_told(event) if event.type == TYPE_GATEWAY_AUDIT else None


def _told_of(record: Record) -> Message | None:
    event = event_of(record)
    if event.type == TYPE_GATEWAY_ACCOUNT:
        return account_pb2.AccountEvent.FromString(event.data)
    return account_pb2.PersonEvent.FromString(event.data) if event.type == TYPE_GATEWAY_PERSON else None


async def _answers(cache: Cache) -> str:
    await cache.check()
    return "answers"
