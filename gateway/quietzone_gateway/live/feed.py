"""One topic, as those see it who watch: its place in the log, what came lately, and whom to tell."""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Protocol, TypeAlias

from google.protobuf.message import DecodeError

from quietzone_gateway.live.consumers import Source, Unreadable, entry_of
from quietzone_gateway.live.cursors import Place, log_number, place_bytes
from quietzone_gateway.live.domain import Event
from quietzone_gateway.live.metrics import KEPT_BYTES, REJECTED
from quietzone_gateway.live.ring import Entry, Ring, RingBounds
from quietzone_gateway.live.subscription import Subscription
from quietzone_kit.bus import Bounds, Record
from quietzone_kit.runtime import Clock
from quietzone_kit.telemetry import logger

BOUNDS = RingBounds(records=20_000, bytes=8 * 1024 * 1024, age_ms=300_000)
"""Of one topic: a client that lost its network comes back within seconds, a laptop that was closed doesn't count. 8 MB are 7,000 changes of
codes, or a quarter of a million scans in batches; four topics together are a tenth of what 10,000 connections take."""

BACKLOG_RECORDS = 500
"""Of each partition, read before a process is live, so that it can tell those whom its predecessor has told until a moment ago."""

AT_A_TIME = 32
"""Records between two turns of the loop: batches of scans take a millisecond each to unpack."""

Watchers: TypeAlias = dict[str, dict[Subscription, None]]
"""By account; in the order in which they came."""

log = logger(__name__)


class Tell(Protocol):
    """What a feed does with an event: the hub's part."""

    def event(self, feed: "Feed", event: Event, place: tuple[int, int, int]) -> None:
        """Tell whoever watches; `place` is partition, offset and place within the record."""

    def moved(self, feed: "Feed") -> None:
        """The feed's place changed: cursors of before are old."""


class Feed:
    """A `quietzone_kit.projection.Follower` of one source."""

    def __init__(self, source: Source, clock: Clock, tell: Tell) -> None:
        self.source = source
        self.ring = Ring(BOUNDS)
        self.watchers: Watchers = {}
        self._clock = clock
        self._tell = tell
        self._log = 0
        self._behind: dict[int, int] = {}  # partitions that haven't come to where the log ended when we began
        self._waiting = -1  # partitions that haven't begun; below 0: nobody knows how many there are
        self._fresh = True

    @property
    def is_live(self) -> bool:
        """Whether all that was there when we began has been read."""
        return self._waiting == 0 and not self._behind

    def begin(self, partitions: int) -> None:
        """Follow a log of so many partitions."""
        self._waiting = partitions

    def begin_anew(self) -> None:
        """What was kept is of no use any more: go on from the log's end."""
        self._fresh = self._fresh and self._waiting < 0  # if it hadn't begun, nobody has missed anything
        self.ring.clear()
        self._behind.clear()
        self._waiting = -1

    async def start(self, partition: int, bounds: Bounds) -> int:
        """Read from shortly before now; after a gap, from now."""
        offset = max(bounds.first, bounds.next - BACKLOG_RECORDS) if self._fresh else bounds.next
        self.ring.start(partition, offset)
        self._log = log_number(bounds.log_id)
        self._waiting -= 1
        if offset < bounds.next:
            self._behind[partition] = bounds.next
        self._tell.moved(self)
        return offset

    async def receive(self, partition: int, records: Sequence[Record]) -> None:
        """Keep records, and tell of their events."""
        for count, record in enumerate(records, 1):
            self._take(partition, record)
            if count % AT_A_TIME == 0 and self.watchers:
                await asyncio.sleep(0)
        if self._behind.get(partition, 0) <= self.ring.next_of(partition):
            self._behind.pop(partition, None)
        KEPT_BYTES.labels(self.source.topic.name).set(self.ring.size)
        self._tell.moved(self)

    def tidy(self) -> None:
        """Let go of what is too old."""
        self.ring.expire(self._clock.now_ms())
        KEPT_BYTES.labels(self.source.topic.name).set(self.ring.size)

    def place(self) -> Place:
        """Where the feed stands."""
        return Place(self._log, self.ring.offsets())

    def place_bytes(self, partition: int = 0, offset: int | None = None) -> bytes:
        """`place` as cursors have it; with another offset in one partition."""
        offsets = list(self.ring.offsets())
        if offset is not None:
            offsets[partition] = offset
        return place_bytes(self.source.number, self._log, offsets)

    def accounts_of(self, entry: Entry) -> tuple[str, ...]:
        """Whom an entry is about; nobody when it can't be read."""
        if entry.accounts is None:
            try:
                entry.accounts = self.source.accounts(entry.value)
            except DecodeError as error:
                entry.accounts = self._reject(entry, error)
        return entry.accounts

    def events(self, entry: Entry, account_id: str) -> list[tuple[int, Event]]:
        """An entry's events for one account; those before what can't be read."""
        found: list[tuple[int, Event]] = []
        with contextlib.suppress(Unreadable, DecodeError):  # said when it came
            found.extend(self.source.events(entry, (account_id,)))
        return found

    def _take(self, partition: int, record: Record) -> None:
        """No await between telling of a record and being past it: a cursor is never between the two."""
        entry = entry_of(record, self.source.type)
        if entry is not None and self.watchers and record.offset >= self._behind.get(partition, 0):
            try:
                for at, event in self.source.events(entry, self.watchers):
                    self._tell.event(self, event, (partition, record.offset, at))
            except (Unreadable, DecodeError) as error:
                self._reject(entry, error, partition=partition)
        self.ring.add(partition, entry, record.offset + 1, self._clock.now_ms())
        self._tell.moved(self)

    def _reject(self, entry: Entry, error: Exception, *, partition: int | None = None) -> tuple[str, ...]:
        REJECTED.labels(self.source.topic.name).inc()
        log.warning("event passed over", topic=self.source.topic.name, partition=partition, offset=entry.offset, reason=str(error))
        return ()
