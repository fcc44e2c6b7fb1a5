"""Identity on a store in memory, a clock that is moved by hand, and a second replica of it."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from ports import Hands, Inline
from unit.tracking.links_world import bus_in_memory

from quietzone.gateway.v1 import audit_pb2
from quietzone_gateway.collections import COLLECTIONS
from quietzone_gateway.identity.accounts.domain import FIRST_ACCOUNT
from quietzone_gateway.identity.build import Identity, Parts, build_identity
from quietzone_gateway.identity.domain import ALL_SCOPES, SCOPES_OF, Means, Principal, Role
from quietzone_gateway.identity.keys.use_cases import open_first_account
from quietzone_gateway.identity.mails.carriers import Direct
from quietzone_gateway.identity.settings import IdentitySettings
from quietzone_gateway.identity.users.passwords import Passwords
from quietzone_gateway.identity.work import TOPICS, Tools, Work, build_work
from quietzone_kit.bus import Bus
from quietzone_kit.cache import Cache, open_cache
from quietzone_kit.documents import Collection, Documents, Query, open_documents
from quietzone_kit.mail import Mail
from quietzone_kit.outbox import waiting
from quietzone_kit.runtime import SystemRandomness
from quietzone_kit.tasks import TASKS, task_of
from quietzone_topics import GATEWAY_AUDIT_V1

NOON_MS = 1_795_262_400_000  # 2026-11-21T12:00:00Z
PRESET = "qz_" + "p" * 43
RANDOMNESS = SystemRandomness()
SECRET = "s" * 32
CHEAP = IdentitySettings(
    public_url="https://qr.example.com", gateway_secret_key=SECRET, sign_up="open", argon2_memory_kib=8, argon2_rounds=1, argon2_lanes=1
)
"""A sign-in in 50 µs."""
OPERATOR = Principal(FIRST_ACCOUNT, "key:first", ALL_SCOPES, "unlimited", Means.KEY, address="203.0.113.0")


class Outbox:
    """A mailer that keeps what it is given; `failure` is raised in its place."""

    def __init__(self) -> None:
        self.mails: list[Mail] = []
        self.failure: Exception | None = None

    async def send(self, mail: Mail) -> None:
        if self.failure is not None:
            raise self.failure
        self.mails.append(mail)

    async def close(self) -> None:
        return


@dataclass
class Desk:
    """One replica, and what it stands on."""

    identity: Identity
    documents: Documents
    cache: Cache
    clock: Hands
    settings: IdentitySettings
    outbox: Outbox
    work: Work
    bus: Bus
    seen: int = 0
    """Mails that tests have looked at."""

    def replica(self, settings: IdentitySettings | None = None) -> Identity:
        """Another process on the same store, which hears nothing of what is published."""
        deaf = open_cache("memory://", clock=self.clock, randomness=RANDOMNESS)
        return build_identity(Parts(self.documents, deaf, self.clock, RANDOMNESS, Inline()), settings or self.settings)

    async def told(self, collection: Collection, key: str) -> list[audit_pb2.AuditEvent]:
        """What a document tells the audit log."""
        stored = await self.documents.get(collection, key)
        assert stored is not None
        told = [outgoing for outgoing in waiting(stored.body) if outgoing.topic == GATEWAY_AUDIT_V1.name]
        return [audit_pb2.AuditEvent.FromString(outgoing.event.data) for outgoing in told]

    async def told_all(self) -> None:
        """Have everything that waits in outboxes told."""
        await self.bus.ensure(TOPICS)
        for relay in self.work.relays.values():
            while await relay.publish_batch():
                pass

    def over(self, documents: object) -> Identity:
        """The same identity on another store."""
        return build_identity(Parts(documents, self.cache, self.clock, RANDOMNESS, Inline()), self.settings)  # type: ignore[arg-type]

    async def mailed(self) -> list[Mail]:
        """The mails that nobody has looked at yet, with those that are due."""
        await do_all(self.documents, self.work, self.clock)
        before, self.seen = self.seen, len(self.outbox.mails)
        return self.outbox.mails[before:]

    async def again(self) -> None:
        """Have all tasks be due again, as if their workers had been killed."""
        for stored in (await self.documents.scan(TASKS, limit=100)).items:
            due = {"wake_at_ms": self.clock.now_ms(), "set_at_ms": self.clock.now_ms()}
            await self.documents.replace(TASKS, {**stored.body, **due}, if_version=stored.version)

    async def token(self) -> str:
        """What the link in the one mail that is due holds."""
        (mail,) = await self.mailed()
        found = re.search(r"#token=(\S+)", mail.text)
        assert found is not None
        return found[1]


async def do_all(documents: Documents, work: Work, clock: Hands) -> None:
    """Run the tasks that are due, one by one, as the worker does."""
    due = await documents.query(TASKS, Query("by_wake", at_least=0, below=clock.now_ms() + 1, limit=100))
    for stored in due.items:
        task = task_of(stored)
        kind = work.mails._kinds[task.kind]
        body = {name: value for name, value in stored.body.items() if name not in ("wake_at_ms", "set_at_ms")}
        await documents.replace(TASKS, body, if_version=stored.version)
        await kind.handler.run(task, lambda _: None)


def of_role(role: Role, account_id: str = FIRST_ACCOUNT, user_id: str = "someone") -> Principal:
    """A member, as he calls."""
    return Principal(account_id, f"user:{user_id}", SCOPES_OF[role], "free", Means.TOKEN, "session", "203.0.113.0")


@asynccontextmanager
async def opened(
    *, preset: str | None = PRESET, settings: IdentitySettings = CHEAP, passwords: Passwords | None = None
) -> AsyncIterator[Desk]:
    """A desk; with a preset key, the first account is there."""
    clock = Hands(since_ms=NOON_MS)
    documents = open_documents("sqlite://:memory:", executor=Inline(), randomness=RANDOMNESS)
    await documents.ensure(*COLLECTIONS)
    cache = open_cache("memory://", clock=clock, randomness=RANDOMNESS)
    identity = build_identity(Parts(documents, cache, clock, RANDOMNESS, Inline()), settings, passwords=passwords)
    outbox = Outbox()
    bus, keeper = bus_in_memory()
    work = build_work(Tools(documents, bus, Direct(outbox), clock, RANDOMNESS), settings)
    if preset is not None:
        await open_first_account(identity.accounts, identity.keys, clock, RANDOMNESS, preset=preset)
    yield Desk(identity, documents, cache, clock, settings, outbox, work, bus)
    await cache.close()
    await bus.close()
    keeper.close()
    await documents.close()
