"""Identity on a store in memory, a clock that is moved by hand, and a second replica of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from ports import Hands, Inline

from quietzone.gateway.v1 import audit_pb2
from quietzone_gateway.collections import COLLECTIONS
from quietzone_gateway.identity.accounts.domain import FIRST_ACCOUNT
from quietzone_gateway.identity.build import Identity, build_identity
from quietzone_gateway.identity.domain import ALL_SCOPES, SCOPES_OF, Means, Principal, Role
from quietzone_gateway.identity.keys.use_cases import open_first_account
from quietzone_kit.cache import Cache, open_cache
from quietzone_kit.documents import Collection, Documents, open_documents
from quietzone_kit.outbox import waiting
from quietzone_kit.runtime import SystemRandomness

NOON_MS = 1_795_262_400_000  # 2026-11-21T12:00:00Z
PRESET = "qz_" + "p" * 43
RANDOMNESS = SystemRandomness()
OPERATOR = Principal(FIRST_ACCOUNT, "key:first", ALL_SCOPES, "enterprise", Means.KEY, address="203.0.113.0")


@dataclass
class Desk:
    """One replica, and what it stands on."""

    identity: Identity
    documents: Documents
    cache: Cache
    clock: Hands

    def replica(self) -> Identity:
        """Another process on the same store, which hears nothing of what is published."""
        return build_identity(self.documents, open_cache("memory://", clock=self.clock, randomness=RANDOMNESS), self.clock, RANDOMNESS)

    async def told(self, collection: Collection, key: str) -> list[audit_pb2.AuditEvent]:
        """What a document tells the audit log."""
        stored = await self.documents.get(collection, key)
        assert stored is not None
        return [audit_pb2.AuditEvent.FromString(outgoing.event.data) for outgoing in waiting(stored.body)]


def of_role(role: Role, account_id: str = FIRST_ACCOUNT, user_id: str = "someone") -> Principal:
    """A member, as he calls."""
    return Principal(account_id, f"user:{user_id}", SCOPES_OF[role], "free", Means.TOKEN, "session", "203.0.113.0")


@asynccontextmanager
async def opened(*, preset: str | None = PRESET) -> AsyncIterator[Desk]:
    """A desk; with a preset key, the first account is there."""
    clock = Hands(since_ms=NOON_MS)
    documents = open_documents("sqlite://:memory:", executor=Inline(), randomness=RANDOMNESS)
    await documents.ensure(*COLLECTIONS)
    cache = open_cache("memory://", clock=clock, randomness=RANDOMNESS)
    identity = build_identity(documents, cache, clock, RANDOMNESS)
    if preset is not None:
        await open_first_account(identity.accounts, identity.keys, clock, RANDOMNESS, preset=preset)
    yield Desk(identity, documents, cache, clock)
    await cache.close()
    await documents.close()
