"""What operators change: things that are found by a name, each with the record of its change in the same write."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Generic, Protocol, TypeVar, cast

import msgspec

from quietzone_gateway.identity.audit.events import Act, audited
from quietzone_gateway.identity.domain import Actor
from quietzone_gateway.plans.metrics import READ_FAILURES
from quietzone_kit.deadlines import deadline
from quietzone_kit.documents import Body, Collection, Documents, DocumentsUnavailable, DuplicateKey, Stored, Value, VersionConflict
from quietzone_kit.documents.unknown import Unknown
from quietzone_kit.errors import Unavailable
from quietzone_kit.outbox import OUTBOX_INDEX, Outgoing, replace_keeping_outbox, with_event
from quietzone_kit.runtime import Clock
from quietzone_kit.telemetry import logger

log = logger(__name__)

PLANS = Collection("plans", key="name", indexes=(OUTBOX_INDEX,))
FLAGS = Collection("flags", key="name", indexes=(OUTBOX_INDEX,))

STORE_S = 2.0
"""For one call of the store; the request has 5 s for all that it needs."""


class Named(Protocol):
    """What is kept: a dataclass with a name."""

    @property
    def name(self) -> str:
        """What it is found by."""


T = TypeVar("T", bound=Named)


SYSTEM = Actor("system")


class ByName(Generic[T]):
    """All things of a kind. Every method can raise Unavailable: the store doesn't answer; whether a write has happened isn't known then."""

    def __init__(
        self,
        documents: Documents,
        collection: Collection,
        kind: type[T],
        clock: Clock,
        *,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        """`wake` tells the collection's relay that an event waits."""
        self._documents = documents
        self._collection = collection
        self._kind = kind
        self._clock = clock
        self._wake = wake

    async def all(self, most: int) -> tuple[T, ...]:
        """All of them that this release understands, at most `most`, in the order of their names."""
        async with self._answers():
            page = await self._documents.scan(self._collection, limit=most)
        return tuple(value for stored in page.items if (value := self._readable(stored)) is not None)

    async def add(self, value: T, actor: Actor = SYSTEM) -> bool:
        """Insert what is new; False when there is one with its name."""
        body: Body = self._body(value, 1)
        body = with_event(body, value.name, self._told(actor, 1, None, value))
        try:
            async with self._answers():
                await self._documents.insert(self._collection, body)
        except DuplicateKey:
            return False
        self._wake()
        return True

    async def put(self, value: T, actor: Actor) -> T | None:
        """Write over the one with its name, which is the answer; None when it is new. Of two at once the later wins."""
        while True:
            async with self._answers():
                stored = await self._documents.get(self._collection, value.name)
            if stored is None:
                if await self.add(value, actor):
                    return None
                continue
            before, revision = self._value_of(stored), cast("int", stored.body["revision"])
            if before == value:
                return before
            body = Unknown.of(stored.body, self._body(before, revision)).beside(self._body(value, revision + 1))
            told = self._told(actor, revision + 1, before, value)
            try:
                async with self._answers():
                    await replace_keeping_outbox(self._documents, self._collection, stored, body, told)
            except VersionConflict:
                continue
            self._wake()
            return before

    def _told(self, actor: Actor, revision: int, before: T | None, after: T) -> Outgoing:
        """The record of a change."""
        kind, done = self._collection.name.removesuffix("s"), "created" if before is None else "changed"
        was = {} if before is None else self._shown(before)
        act = Act(
            action=f"{kind}.{done}",
            target=f"{kind}:{after.name}",
            account_id=actor.account_id,
            document=f"{kind}/{after.name}",
            revision=revision,
            at_ms=self._clock.now_ms(),
            before=was,
            after=self._shown(after),
        )
        return audited(actor, act)

    def _readable(self, stored: Stored) -> T | None:
        """What a newer release writes may say more than this one understands; that must not end it."""
        try:
            return self._value_of(stored)
        except msgspec.ValidationError as error:
            READ_FAILURES.labels(self._collection.name).inc()
            log.warning("not as this release writes it: left out", what=self._collection.name, name=stored.body["name"], reason=str(error))
            return None

    def _value_of(self, stored: Stored) -> T:
        """Raises msgspec.ValidationError, which names the field, when it isn't one of this release."""
        return msgspec.convert(stored.body, self._kind)

    def _body(self, value: T, revision: int) -> dict[str, Value]:
        return self._shown(value) | {"revision": revision}

    def _shown(self, value: T) -> dict[str, Value]:
        return cast("dict[str, Value]", msgspec.json.decode(msgspec.json.encode(value)))  # lists for tuples, also within

    def _answers(self) -> AbstractAsyncContextManager[None]:
        return deadline(
            STORE_S,
            Unavailable,
            f"the store of {self._collection.name} doesn't answer; try again in a moment",
            away=(DocumentsUnavailable,),
        )
