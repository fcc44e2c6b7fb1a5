"""Documents of one kind as values: read, put, and changed by compare-and-swap with the events of the change in the same write."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar, cast

import msgspec

from quietzone_kit.deadlines import deadline
from quietzone_kit.documents import (
    Body,
    Collection,
    Documents,
    DocumentsUnavailable,
    Query,
    Stored,
    Value,
    VersionConflict,
)
from quietzone_kit.documents.unknown import Unknown
from quietzone_kit.errors import Unavailable
from quietzone_kit.outbox import Outgoing, replace_keeping_outbox, waiting, with_event

T = TypeVar("T")

ANSWER_S = 2.0
"""For one call of the store: a key is found in under a millisecond, and the request has 5 s for all that it needs."""

ATTEMPTS = 5
"""Of a change that others overtake: two people change one account at once, not five."""

MAX_KEY = 200
"""Characters of a document's key, as the store has it."""

_ENCODER = msgspec.json.Encoder(order="deterministic")  # sets are sorted: equal values are equal documents


@dataclass(frozen=True, slots=True)
class Changed(Generic[T]):
    """What a value becomes, and what is told of that."""

    after: T
    events: tuple[Outgoing, ...] = ()


@dataclass(frozen=True, slots=True)
class Held(Generic[T]):
    """A value as it was read, with what the store needs to replace it."""

    value: T
    stored: Stored


@dataclass(frozen=True, slots=True)
class Sheaf(Generic[T]):
    """Some values; `cursor` brings those after them, None when there are none."""

    items: tuple[T, ...]
    cursor: str | None


Decide: TypeAlias = Callable[[T], Changed[T] | None]
"""What is to become of a value; None: it stays. It is asked again when somebody else was faster, and raises what is wrong."""


class Shelf(Generic[T]):
    """The documents of `collection`, each a `kind`. Every method can raise Unavailable; whether it wrote is not known then.

    Fields of other releases stay as they are. `older` brings a body of an older release to the form that is read here.
    """

    def __init__(
        self,
        documents: Documents,
        collection: Collection,
        kind: type[T],
        *,
        wake: Callable[[], None] = lambda: None,
        older: Callable[[Body], Body] = lambda body: body,
    ) -> None:
        self._documents = documents
        self._collection = collection
        self._kind = kind
        self._wake = wake
        self._older = older

    async def get(self, key: str) -> T | None:
        """The value with this key; None also for what can't be a key."""
        held = await self.held(key)
        return held.value if held else None

    async def held(self, key: str) -> Held[T] | None:
        """The value with this key, to be replaced."""
        if not 1 <= len(key) <= MAX_KEY or not key.isprintable():
            return None
        async with available():
            stored = await self._documents.get(self._collection, key)
        return Held(self.read(stored), stored) if stored else None

    async def many(self, keys: list[str]) -> dict[str, T]:
        """Those values that there are, by key."""
        async with available():
            found = await self._documents.get_many(self._collection, keys)
        return {key: self.read(stored) for key, stored in found.items()}

    async def first(self, index: str, *equals: str | int) -> T | None:
        """The first value of an index with these fields."""
        async with available():
            page = await self._documents.query(self._collection, Query(index, equals, limit=1))
        return self.read(page.items[0]) if page.items else None

    async def query(self, query: Query) -> Sheaf[T]:
        """One page of an index; raises InvalidCursor."""
        async with available():
            page = await self._documents.query(self._collection, query)
        return Sheaf(tuple(map(self.read, page.items)), page.cursor)

    async def scan(self, *, limit: int, after: str | None) -> Sheaf[T]:
        """One page of all, by key; raises InvalidCursor."""
        async with available():
            page = await self._documents.scan(self._collection, limit=limit, after=after)
        return Sheaf(tuple(map(self.read, page.items)), page.cursor)

    async def insert(self, value: T, *events: Outgoing, beside: Body | None = None) -> None:
        """Add a value, with what is told of it, and `beside` it what only other releases read.

        Raises:
            DuplicateKey: its key, or its fields of a unique index, are another's.
        """
        body: Body = {**(beside or {}), **body_of(value)}
        for event in events:
            body = with_event(body, str(body[self._collection.key]), event)
        async with available():
            await self._documents.insert(self._collection, body)
        self._wake()

    async def change(self, key: str, decide: Decide[T]) -> T | None:
        """Put what `decide` makes of the value in its place; None when there is none.

        Raises:
            Unavailable: others change it all the time, or too many events wait in it.
            DuplicateKey: its fields of a unique index are another's.
        """
        for _ in range(ATTEMPTS):
            held = await self.held(key)
            if held is None:
                return None
            changed = decide(held.value)
            if changed is None:
                return held.value
            try:
                await self.replace(held, changed)
            except VersionConflict:
                continue
            return changed.after
        raise Unavailable("somebody else changes the same thing all the time; try again")

    async def replace(self, held: Held[T], changed: Changed[T], *, also: Body | None = None) -> None:
        """Put `changed` in the place of what was held, with the fields `also` that only other releases read; raises VersionConflict."""
        body = Unknown.of(held.stored.body, body_of(held.value)).beside({**body_of(changed.after), **(also or {})})
        async with available():
            await replace_keeping_outbox(self._documents, self._collection, held.stored, body, *changed.events)
        if changed.events:
            self._wake()

    async def delete(self, key: str, *, only_if: Callable[[T], bool] = lambda _: True) -> bool:
        """Remove a value for which `only_if` holds and whose events have all been told; False when it stays, or is being changed."""
        held = await self.held(key)
        if held is None:
            return True
        if not only_if(held.value) or waiting(held.stored.body):
            return False
        try:
            async with available():
                await self._documents.delete(self._collection, key, if_version=held.stored.version)
        except VersionConflict:
            return False
        return True

    def read(self, stored: Stored) -> T:
        """The value in a document; msgspec.ValidationError names the field that something else wrote."""
        return value_of(self._older(stored.body), self._kind)


def available() -> AbstractAsyncContextManager[None]:
    """The block under the store's deadline; raises Unavailable when it passed, or when the store can't be reached."""
    return deadline(ANSWER_S, Unavailable, "accounts can't be looked up now; try again in a moment", away=(DocumentsUnavailable,))


def value_of(body: Body, kind: type[T]) -> T:
    """The value in a body; msgspec.ValidationError names the field that something else wrote."""
    return msgspec.convert(body, kind)


def body_of(value: object) -> dict[str, Value]:
    """A value's fields by their names: enums by value, sets and tuples as lists."""
    return cast("dict[str, Value]", msgspec.json.decode(_ENCODER.encode(value)))
