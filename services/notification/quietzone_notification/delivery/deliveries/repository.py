"""Where deliveries are kept: one document a delivery, with its body and its latest attempts.

What is pending is found by its lane (all for one destination) and by when it is due, within one of SHARDS, each of which one sender has
at a time. So nothing is claimed by a write: a first attempt that succeeds is one write when it is taken and one when it has ended, both
in bulk.
"""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from quietzone_kit.documents import (
    Body,
    Collection,
    Documents,
    Index,
    Order,
    Outcome,
    Put,
    Query,
    Stored,
    Value,
    VersionConflict,
)
from quietzone_kit.documents.damaged import readable
from quietzone_kit.documents.unknown import Unknown
from quietzone_kit.errors import NotFound
from quietzone_kit.runtime import Clock
from quietzone_kit.telemetry import logger
from quietzone_notification.deadlines import store_answers
from quietzone_notification.delivery.domain import Delivery, NewDelivery, State, taken

log = logger(__name__)

DELIVERIES = Collection(
    "deliveries",
    key="delivery_id",
    indexes=(
        Index("by_lane", ("shard", "lane", "due_ms"), sparse=True),
        Index("by_due", ("shard", "due_ms"), sparse=True),
        Index("by_account", ("account_id", "created_ms")),
        Index("by_destination", ("account_id", "destination", "created_ms")),
        # those that were given up, by their state: most deliveries never are, and this costs them nothing
        Index("by_trouble", ("account_id", "trouble", "troubled_ms"), sparse=True),
        Index("by_end", ("ended_ms",), sparse=True),
        Index("by_letter", ("shard", "letter_ms"), sparse=True),
    ),
)

COLLECTIONS = (DELIVERIES,)

TROUBLE = frozenset({State.DEAD, State.DROPPED})

SHARDS = 16
"""As many senders can share the work, each with 1,500 deliveries a CPU-second. Once chosen, never changed: shards are stored."""
BULK = 1_000
"""Deliveries in one write: 60 ms, for which others wait."""
DELETED_AT_ONCE = 100
LOOKED_AT = 100
"""Deliveries to one destination that are looked through: who gets as many has asked for them."""


@dataclass(frozen=True, slots=True)
class Held:
    """A delivery as it was read, with what the store needs to replace it."""

    delivery: Delivery
    stored: Stored


@dataclass(frozen=True, slots=True)
class Waiting:
    """A lane with something in it, and when that is due."""

    shard: int
    lane: str
    account_id: str
    due_ms: int


@dataclass(frozen=True, slots=True)
class DeliveryPage:
    """Some deliveries, newest first; `next_token` brings those after them, None when there are none."""

    deliveries: tuple[Delivery, ...]
    next_token: str | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which deliveries are meant: all of an account's, those to a destination, those in a state, created in [since_ms, until_ms)."""

    destination: str | None = None
    state: State | None = None
    cause: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None

    def fits(self, delivery: Delivery) -> bool:
        """Whether this delivery is meant; times are the index's matter."""
        return (
            self.destination in (None, delivery.destination)
            and self.state in (None, delivery.state)
            and (self.cause is None or delivery.cause == self.cause or delivery.cause.startswith(f"{self.cause}:"))
        )


def _told_nobody(_waiting: Sequence[Held]) -> None:
    """Is told where the sender is another process, which looks by itself."""


class Deliveries:
    """All deliveries; the port `Outbound`. Every method can raise Unavailable: the store doesn't answer."""

    def __init__(self, documents: Documents, clock: Clock, tell: Callable[[Sequence[Held]], None] = _told_nobody) -> None:
        """`tell` is the sender's, if it runs in this process: it is given what has just been stored, and is due."""
        self._documents = documents
        self._clock = clock
        self._tell = tell

    async def enqueue(self, deliveries: Sequence[NewDelivery]) -> None:
        """Store what isn't stored yet.

        Raises:
            InvalidDelivery: one of them can't be delivered; none was stored.
        """
        now_ms = self._clock.now_ms()
        each = {new.id: taken(new, now_ms) for new in deliveries}
        todo = list(each.values())
        for start in range(0, len(todo), BULK):
            chunk = todo[start : start + BULK]
            new = [Held(delivery, Stored(body_of(delivery), 1)) for delivery in chunk]
            async with store_answers():
                outcomes = await self._documents.bulk(DELIVERIES, [Put(held.stored.body, None) for held in new])
            self._tell([held for held, outcome in zip(new, outcomes, strict=True) if outcome is Outcome.WRITTEN])

    async def get(self, account_id: str, delivery_id: str) -> Held:
        """A delivery.

        Raises:
            NotFound: this account has none with this id.
        """
        stored = None
        if delivery_id.isprintable() and 1 <= len(delivery_id) <= 128:
            async with store_answers():
                stored = await self._documents.get(DELIVERIES, delivery_id)
        if stored is None or stored.body["account_id"] != account_id:
            raise NotFound(f"no delivery {delivery_id}")
        return held_of(stored)

    async def listed(self, account_id: str, wanted: Wanted, *, limit: int, after: str | None = None) -> DeliveryPage:
        """An account's deliveries, newest first (indexes `by_destination`, `by_trouble`, `by_account`). A page may have fewer than `limit`,
        even none, and others after it: what no index tells is looked through.

        Raises:
            InvalidCursor: `after` isn't a `next_token` of the same list.
        """
        held, token = await self.found(account_id, wanted, limit=limit, after=after)
        return DeliveryPage(tuple(each.delivery for each in held), token)

    async def found(
        self, account_id: str, wanted: Wanted, *, limit: int, after: str | None, order: Order = Order.DESCENDING
    ) -> tuple[list[Held], str | None]:
        """As `listed`, to be changed."""
        index, equals = "by_account", (account_id,)
        if wanted.destination is not None:
            index, equals = "by_destination", (account_id, wanted.destination)  # type: ignore[assignment] # a longer tuple
        elif wanted.state in TROUBLE:
            index, equals = "by_trouble", (account_id, wanted.state.value)  # type: ignore[assignment] # a longer tuple
        query = Query(index, equals, at_least=wanted.since_ms, below=wanted.until_ms, order=order, limit=limit, after=after)
        async with store_answers():
            page = await self._documents.query(DELIVERIES, query)
        held = readable(DELIVERIES, page.items, held_of)
        return [each for each in held if wanted.fits(each.delivery)], page.cursor

    async def number_since(self, account_id: str, destination: str, cause: str, since_ms: int) -> int:
        """How many of the latest LOOKED_AT deliveries to a destination have this cause and were created since a moment."""
        wanted = Wanted(destination=destination, cause=cause, since_ms=since_ms)
        held, _ = await self.found(account_id, wanted, limit=LOOKED_AT, after=None)
        return len(held)

    async def of_lane(self, shard: int, lane: str, *, limit: int) -> list[Held]:
        """What is pending in a lane, the first due first, also what is due later (index `by_lane`)."""
        async with store_answers():
            page = await self._documents.query(DELIVERIES, Query("by_lane", (shard, lane), limit=limit))
        # a server may find a document by an index that another write has just taken it from
        return [held for held in readable(DELIVERIES, page.items, held_of) if held.delivery.state is State.PENDING]

    async def next_lane(self, shard: int, after: str) -> Waiting | None:
        """The lane after this one that has something in it (index `by_lane`)."""
        async with store_answers():
            # no lane has a space, so this is behind all of lane `after`, and before whatever else begins like it
            page = await self._documents.query(DELIVERIES, Query("by_lane", (shard,), at_least=f"{after} ", limit=1))
        return _waiting_in(page.items[0].body) if page.items else None

    async def due_from(self, shard: int, from_ms: int, until_ms: int, *, limit: int, after: str | None) -> tuple[list[Waiting], str | None]:
        """What becomes due in [from_ms, until_ms) (index `by_due`), and the next page's cursor."""
        async with store_answers():
            query = Query("by_due", (shard,), at_least=from_ms, below=until_ms, limit=limit, after=after)
            page = await self._documents.query(DELIVERIES, query)
        return [_waiting_in(stored.body) for stored in page.items], page.cursor

    async def given_up(self, shard: int, *, limit: int, after: str | None = None) -> tuple[list[Held], str | None]:
        """What was given up, and its owner wasn't told yet, the first first (index `by_letter`), and the next page's cursor."""
        async with store_answers():
            page = await self._documents.query(DELIVERIES, Query("by_letter", (shard,), limit=limit, after=after))
        return readable(DELIVERIES, page.items, held_of), page.cursor

    async def put(self, changes: Sequence[tuple[Held, Delivery]]) -> list[bool]:
        """Put deliveries in the place of what was held, each on its own; whether each was, or somebody else has changed it meanwhile."""
        return [outcome is Outcome.WRITTEN for outcome in (await self._put(changes))[1]]

    async def begin_again(self, held: Sequence[Held]) -> int:
        """Have deliveries tried from their beginning; how many weren't changed by somebody else meanwhile."""
        now_ms = self._clock.now_ms()
        changes = [(each, each.delivery.again(now_ms)) for each in held]
        begun = [
            Held(after, Stored(body, each.stored.version + 1))
            for (each, after), body, outcome in zip(changes, *await self._put(changes), strict=True)
            if outcome is Outcome.WRITTEN
        ]
        self._tell(begun)
        return len(begun)

    async def _put(self, changes: Sequence[tuple[Held, Delivery]]) -> tuple[list[Body], Sequence[Outcome]]:
        """What was to be stored of each, and what became of that."""
        bodies: list[Body] = [_changed(held, after) for held, after in changes]
        puts = [Put(body, held.stored.version) for body, (held, _) in zip(bodies, changes, strict=True)]
        async with store_answers():
            return bodies, await self._documents.bulk(DELIVERIES, puts)

    async def forget_ended(self, before_ms: int) -> int:
        """Remove some of what ended before a moment, the oldest first (index `by_end`), and say how many."""
        async with store_answers():
            page = await self._documents.query(DELIVERIES, Query("by_end", below=before_ms, limit=DELETED_AT_ONCE))
        gone = 0
        for stored in page.items:
            try:
                async with store_answers():
                    await self._documents.delete(DELIVERIES, str(stored.body["delivery_id"]), if_version=stored.version)
                gone += 1
            except VersionConflict:  # begun anew just now
                continue
        return gone


def shard_of(lane: str) -> int:
    """In which shard a lane is."""
    return zlib.crc32(lane.encode()) % SHARDS


def waiting_of(delivery: Delivery) -> Waiting:
    """Where a delivery waits."""
    return Waiting(shard_of(delivery.lane), delivery.lane, delivery.account_id, delivery.due_ms or 0)


def held_of(stored: Stored) -> Held:
    """The delivery in a document; msgspec.ValidationError names the field that was damaged."""
    return Held(msgspec.convert(stored.body, Delivery, builtin_types=(bytes,)), stored)


def _waiting_in(body: Body) -> Waiting:
    return msgspec.convert({**body, "due_ms": body.get("due_ms") or 0}, Waiting)  # as `of_lane` says


def body_of(delivery: Delivery) -> dict[str, Value]:
    """A delivery as it is stored: its fields by their names, and what it is found by."""
    body: dict[str, Value] = msgspec.to_builtins(delivery, builtin_types=(bytes,))
    found_by: dict[str, Value] = {"shard": shard_of(delivery.lane), "lane": delivery.lane}
    return body | found_by | {"headers": [list(pair) for pair in delivery.headers]} | changed_body(delivery)


def changed_body(delivery: Delivery) -> dict[str, Value]:
    """What of a stored delivery an attempt, or a new beginning, changes."""
    return {
        "state": delivery.state.value,
        "tries": delivery.tries,
        "since_ms": delivery.since_ms,
        "due_ms": delivery.due_ms,
        "ended_ms": delivery.ended_ms,
        "error": delivery.error,
        "letter_ms": delivery.letter_ms,
        "trouble": delivery.state.value if delivery.state in TROUBLE else None,
        "troubled_ms": delivery.created_ms if delivery.state in TROUBLE else None,
        "attempts": _attempts(delivery),
    }


def _changed(held: Held, after: Delivery) -> dict[str, Value]:
    """The stored document with what has changed; what another release has added stays, also to attempts of before."""
    changed = changed_body(after)
    if held.delivery.attempts:  # a first attempt that succeeds has none, and is what most deliveries are
        before = Unknown.of({"attempts": held.stored.body["attempts"]}, {"attempts": _attempts(held.delivery)})
        changed = before.beside(changed)
    return {**held.stored.body, **changed}


def _attempts(delivery: Delivery) -> list[Value]:
    return [msgspec.to_builtins(attempt) for attempt in delivery.attempts]
