"""The relay: publishes what waits in a collection's outboxes.

At least once, and in order: an event is handed to the bus when the bus has acknowledged all that waited before it in its document.
A crash between publishing and removing sends the same events again, with the same ids.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Sequence
from dataclasses import replace
from typing import NoReturn, TypeVar

from quietzone_kit.bus import Bus, BusUnavailable, Message
from quietzone_kit.documents import Collection, Documents, DocumentsUnavailable, Outcome, Page, Put, Query, Stored, VersionConflict
from quietzone_kit.outbox._fields import OUTBOX_INDEX, Outgoing, shard_of, waiting, without_events
from quietzone_kit.outbox._leases import ShardLeases
from quietzone_kit.outbox._metrics import FAILURES, PUBLISHED, WAITING_AGE_S
from quietzone_kit.runtime import Clock, Randomness
from quietzone_kit.telemetry import handed_on, logger

T = TypeVar("T")

POLL_S = 1.0  # how late an event is whose writer couldn't wake us: it died, or is another process
BATCH = 100  # documents of some KB in memory at once; one commit of bus and store for all of them
STORE_WITHIN_S = 5.0  # one call of the store
RETRY_FIRST_S, RETRY_MOST_S = 0.05, 5.0  # full jitter below a bound that doubles; a relay never gives up, since nobody else would publish
REMOVALS = 5  # attempts to remove events of a document that others are changing; then they are sent again
LEAVE_WITHIN_S = 1.0  # for letting go of leases at the end, which saves others LEASE_S

log = logger(__name__)


class LeaseLost(Exception):
    """The relay was held up for so long that another may work on its shards."""


class Relay:
    """Publishes the outboxes of one collection. `owner` is an id that no other relay has, nor has had: one a start of the process.

    Several relays share the work by shards; each shard is one relay's for as long as it has work there.
    """

    def __init__(self, documents: Documents, collection: Collection, bus: Bus, *, clock: Clock, randomness: Randomness, owner: str) -> None:
        if OUTBOX_INDEX not in collection.indexes:
            raise ValueError(f"collection {collection.name} has no outbox: declare OUTBOX_INDEX")
        self._documents = documents
        self._collection = collection
        self._bus = bus
        self._clock = clock
        self._randomness = randomness
        self._leases = ShardLeases(documents, collection.name, clock=clock, owner=owner)
        self._woken = asyncio.Event()
        self._after: str | None = None
        self._oldest_ms: int | None = None
        self._worked_at = clock.monotonic()

    def wake(self) -> None:
        """Something waits: called after a write that has put events into an outbox."""
        self._woken.set()

    async def run(self) -> NoReturn:
        """Publish until cancelled. What bus or store refuse for now is tried again; all other errors end it."""
        failures = 0
        try:
            while True:
                self._woken.clear()
                try:
                    more = await self.publish_batch()
                    failures = 0
                except (BusUnavailable, DocumentsUnavailable, TimeoutError, LeaseLost) as error:
                    failures += 1
                    await self._pause(error, failures)
                    continue
                if not more:
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(POLL_S):
                            await self._woken.wait()
        finally:
            with contextlib.suppress(DocumentsUnavailable, TimeoutError):  # leases end by themselves
                async with asyncio.timeout(LEAVE_WITHIN_S):
                    await self._leases.release()

    async def publish_batch(self) -> bool:
        """Publish what waits in up to BATCH documents, and say whether to go on at once: there was more than one batch.

        Raises:
            BusUnavailable: some events may be published; they are published again.
            DocumentsUnavailable, TimeoutError, LeaseLost: likewise.
        """
        after, self._after = self._after, None  # after an error, from the beginning
        page = await self._read(after)
        if after is None:
            self._oldest_ms = None
        self._note_age(page)
        if await _soon(self._leases.hold({_shard(self._collection, stored) for stored in page.items})):
            page = await self._read(after)  # the relay before us may have published, and others written, what we have read
        mine = [stored for stored in page.items if self._leases.holds(_shard(self._collection, stored))]
        if mine:
            self._worked_at = self._clock.monotonic()
            await self._relay(mine)
        else:
            await self._let_go()
        self._after = page.cursor
        return page.cursor is not None

    async def _read(self, after: str | None) -> Page:
        """Shard by shard, in each what waits for longest first."""
        page = await _soon(self._documents.query(self._collection, Query(OUTBOX_INDEX.name, limit=BATCH, after=after)))
        # A server may find a document by its index and give it as it is a moment later, when nothing waits in it any more.
        return replace(page, items=[stored for stored in page.items if waiting(stored.body)])

    async def _relay(self, documents: Sequence[Stored]) -> None:
        """Publish in turns: the oldest event of each document, then each second one, so that a failed turn lets nothing overtake."""
        queues = [waiting(stored.body) for stored in documents]
        shards = frozenset(_shard(self._collection, stored) for stored in documents)
        published = 0
        try:
            for turn in range(max(map(len, queues))):
                messages = [_message(queue[turn]) for queue in queues if turn < len(queue)]
                async with asyncio.timeout(await self._time_left_s(shards)):
                    await self._bus.publish(messages)
                published += 1
                PUBLISHED.labels(self._collection.name).inc(len(messages))
        except (BusUnavailable, DocumentsUnavailable, TimeoutError, LeaseLost):
            if published:
                await self._remove(documents, [_first(queue, published) for queue in queues])
            raise
        await self._remove(documents, [_first(queue, published) for queue in queues])

    async def _time_left_s(self, shards: frozenset[int]) -> float:
        """For how long the shards are surely ours."""
        taken = await _soon(self._leases.hold(shards))
        left_s = self._leases.remaining_s(shards)
        if taken or left_s <= 0:
            raise LeaseLost(f"collection {self._collection.name}: a lease of the outbox ended before it was renewed")
        return left_s

    async def _remove(self, documents: Sequence[Stored], ids: Sequence[set[str]]) -> None:
        name = self._collection.key
        puts = [
            Put(without_events(stored.body, str(stored.body[name]), gone), stored.version)
            for stored, gone in zip(documents, ids, strict=True)
        ]
        outcomes = await _soon(self._documents.bulk(self._collection, puts))
        for put, gone, outcome in zip(puts, ids, outcomes, strict=True):
            if outcome is not Outcome.WRITTEN:
                await self._remove_from(str(put.body[name]), gone)

    async def _remove_from(self, key: str, ids: set[str]) -> None:
        """Remove published events from a document that a use case has changed meanwhile."""
        for _ in range(REMOVALS):
            found = await _soon(self._documents.get(self._collection, key))
            if found is None:
                return
            try:
                await _soon(self._documents.replace(self._collection, without_events(found.body, key, ids), if_version=found.version))
            except VersionConflict:
                continue
            return
        FAILURES.labels(self._collection.name, "contended").inc()

    async def _let_go(self) -> None:
        """Give shards back when there was no work for a while, not after each event: a lease costs two writes."""
        if self._clock.monotonic() - self._worked_at >= POLL_S:
            await _soon(self._leases.release())

    async def _pause(self, error: Exception, failures: int) -> None:
        reason = {BusUnavailable: "bus", LeaseLost: "lease", TimeoutError: "late"}.get(type(error), "store")
        FAILURES.labels(self._collection.name, reason).inc()
        if failures == 1:  # the first of a row; the counter has the rest
            log.warning("events wait: publishing is tried again", collection=self._collection.name, reason=reason, error=repr(error))
        await asyncio.sleep(self._randomness.uniform(0, min(RETRY_MOST_S, RETRY_FIRST_S * 2 ** min(failures, 10))))

    def _note_age(self, page: Page) -> None:
        """The oldest event of this walk through the index, as far as it has come."""
        times = [self._oldest_ms, *(stored.body["outbox_at"] for stored in page.items)]
        self._oldest_ms = min((time for time in times if isinstance(time, int)), default=None)
        age_s = 0.0 if self._oldest_ms is None else max(0.0, (self._clock.now_ms() - self._oldest_ms) / 1000)
        WAITING_AGE_S.labels(self._collection.name).set(age_s)


async def _soon(call: Awaitable[T]) -> T:
    async with asyncio.timeout(STORE_WITHIN_S):
        return await call


def _first(queue: Sequence[Outgoing], count: int) -> set[str]:
    return {outgoing.event.id for outgoing in queue[:count]}


def _shard(collection: Collection, stored: Stored) -> int:
    return shard_of(str(stored.body[collection.key]))


def _message(outgoing: Outgoing) -> Message:
    event = outgoing.event
    if event.traceparent is not None:
        [context] = handed_on("publish event", [event.traceparent], {"messaging.destination.name": outgoing.topic})
        event = replace(event, traceparent=context)
    return event.to_message(outgoing.topic)
