"""The edge's view of all links: in memory, changed within a second of each change, with the link store and qr behind it.

It starts from a snapshot on local disk, else from the link store, and follows `qr.code.v1` from where that ended. Whatever brings a
link, the higher revision wins. An edge that finds neither serves all the same: each slug is looked up when it is scanned.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from quietzone_kit.bus import Bounds, Bus, BusError, OffsetGone, Record
from quietzone_kit.documents import DocumentsError
from quietzone_kit.projection import ForeignLog, run_follower
from quietzone_kit.runtime import Clock, Executor, Randomness
from quietzone_kit.telemetry import logger
from quietzone_topics import QR_CODE_V1
from quietzone_tracking.decide import Link
from quietzone_tracking.links.events import link_of_record
from quietzone_tracking.links.fills import Fills, Resolver
from quietzone_tracking.links.memory import LinkMemory
from quietzone_tracking.links.repository import LinkStore
from quietzone_tracking.links.snapshot import LogPosition, Snapshot, SnapshotFile, encode
from quietzone_tracking.metrics import CODE_EVENTS_REJECTED, LINKS_HELD, LINKS_LOADED

READY_AT_LATEST_S = 2.5
"""After this the edge serves with what it has: old links and look-ups are better than no answer."""

SAVE_EVERY_S = 60.0
"""Between two snapshots, if links changed: what an edge that starts alone may be behind."""

LOOK_EVERY_S = 5.0
"""Between looks whether the log is still the same one."""

CURRENT_S = 15.0
"""How long ago the bus may have answered for the memory to count as up to date."""

BUS_S = 10.0
"""For one question to the bus."""

RETRY_S = (0.05, 5.0)
"""The first and the longest wait before a refused port is asked again, drawn with full jitter."""

POLL_S = 0.25
"""For one poll of the log, which answers at once when something comes."""

T = TypeVar("T")

log = logger(__name__)


class LinkView:
    """The edge's `Links`, and a `quietzone_kit.projection.Follower`; `run` must run beside it."""

    def __init__(
        self,
        memory: LinkMemory,
        store: LinkStore,
        bus: Bus,
        snapshots: SnapshotFile,
        *,
        clock: Clock,
        randomness: Randomness,
        executor: Executor,
        resolver: Resolver | None = None,
    ) -> None:
        self._memory = memory
        self._store = store
        self._bus = bus
        self._snapshots = snapshots
        self._clock = clock
        self._randomness = randomness
        self._executor = executor
        self._began_at = clock.monotonic()
        self._positions: dict[int, LogPosition] = {}
        self._targets: dict[int, int] = {}  # of partitions that are behind, where they were when we began to follow them
        self._unstarted: set[int] | None = None
        self._followed: set[int] | None = None  # partitions that were followed since links were loaded from the store
        self._loaded = False
        self._trusted = False  # what is in memory is known to be of this installation
        self._heard_at = float("-inf")
        self._saved_changes = 0
        self._ready = False
        self.lookup = memory.get
        self.resolve = Fills(memory, store, resolver, clock.monotonic, self.is_current).resolve

    def not_ready(self) -> str | None:
        """What is missing before the edge should serve; None from then on, whatever happens."""
        if not self._ready:
            waited_s = self._clock.monotonic() - self._began_at
            self._ready = self._has_caught_up() or waited_s >= READY_AT_LATEST_S
        if self._ready:
            return None
        return "catching up with changes of codes" if self._loaded else "loading links"

    def is_current(self) -> bool:
        """Whether memory has every change but those of the last moments."""
        return self._has_caught_up() and self._clock.monotonic() - self._heard_at < CURRENT_S

    async def run(self) -> None:
        """Load, follow and save, until cancelled; saves a last time then."""
        await self._open()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._keep_followed())
                group.create_task(self._keep_saved())
        finally:
            await self._save()
            self._snapshots.close()

    # quietzone_kit.projection.Follower

    async def start(self, partition: int, bounds: Bounds) -> int:
        """Where to read on.

        Raises:
            ForeignLog: what is in memory ends in another log, or before this log's start: links must be loaded anew.
        """
        position = self._positions.get(partition, LogPosition(bounds.log_id, bounds.first))
        self._trusted = self._trusted or position.log_id == bounds.log_id
        if position.log_id != bounds.log_id or not bounds.first <= position.next_offset <= bounds.next:
            if self._followed is None or partition in self._followed:
                raise ForeignLog(
                    f"partition {partition}: links are of log {position.log_id} up to {position.next_offset}, "
                    f"the bus has log {bounds.log_id} from {bounds.first} to {bounds.next}; they are loaded anew"
                )
            position = LogPosition(bounds.log_id, bounds.first)  # the link store is no newer: its projection will do the same
        if self._followed is not None:
            self._followed.add(partition)
        self._positions[partition] = position
        if bounds.next > position.next_offset:
            self._targets[partition] = bounds.next
        if self._unstarted is not None:
            self._unstarted.discard(partition)
        self._heard_at = self._clock.monotonic()
        return position.next_offset

    async def receive(self, partition: int, records: Sequence[Record]) -> None:
        """Take up changes."""
        for record in records:
            try:
                link = link_of_record(record)
                if link is not None:
                    self._memory.admit(link)
            except ValueError as error:  # CorruptEvent, or a slug of another code: role links sets it aside
                CODE_EVENTS_REJECTED.inc()
                log.warning("change of a code passed over", partition=partition, offset=record.offset, reason=str(error))
        next_offset = records[-1].offset + 1
        self._positions[partition] = LogPosition(self._positions[partition].log_id, next_offset)
        if self._targets.get(partition, 0) <= next_offset:
            self._targets.pop(partition, None)
        self._heard_at = self._clock.monotonic()
        LINKS_HELD.set(len(self._memory))

    async def _keep_followed(self) -> None:
        if not self._loaded:
            await self._patiently(self._load)
        partitions = await self._patiently(self._count_partitions)
        while True:
            self._unstarted = set(range(partitions))
            self._targets.clear()
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(
                        run_follower(
                            self._bus, QR_CODE_V1.name, "tracking-edge", self, self._clock, randomness=self._randomness, wait_s=POLL_S
                        )
                    )
                    group.create_task(self._watch_log())
            except* (ForeignLog, OffsetGone) as reasons:
                log.warning("links must be loaded anew", reasons=[str(reason) for reason in reasons.exceptions])
                await self._patiently(self._load)
            except* BusError as reasons:  # a damaged bus ends whoever counts; redirects go on with the links that are here
                log.warning("changes of codes can't be followed", reasons=[str(reason) for reason in reasons.exceptions])
                await asyncio.sleep(LOOK_EVERY_S)

    async def _watch_log(self) -> None:
        """Notice a log that was made anew and has grown beyond the place where we read.

        Raises:
            ForeignLog: that is so.
        """
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            try:
                async with asyncio.timeout(BUS_S):
                    bounds = await self._bus.bounds(QR_CODE_V1.name, 0)
            except (BusError, TimeoutError):
                continue  # the follower says so
            self._heard_at = self._clock.monotonic()
            position = self._positions.get(0)
            if position is not None and position.log_id != bounds.log_id:
                raise ForeignLog(f"the log of {QR_CODE_V1.name} was {position.log_id} and is {bounds.log_id} now")

    async def _count_partitions(self) -> int:
        async with asyncio.timeout(BUS_S):
            await self._bus.ensure([QR_CODE_V1])
            return await self._bus.partitions(QR_CODE_V1.name)

    # Loading

    async def _open(self) -> None:
        """Start from the snapshot, if there is one."""
        try:
            await self._executor.run(self._snapshots.open)
            snapshot = await self._executor.run(self._snapshots.read)
        except OSError as error:
            log.warning("snapshot of links can't be read", reason=str(error))
            return
        if snapshot is not None:
            self._admit(snapshot.links)
            self._positions = dict(snapshot.positions)
            self._saved_changes = self._memory.changes
            self._tell_loaded("snapshot")

    async def _load(self) -> None:
        """Take up everything that the link store has."""
        states = await self._store.states()  # first, so that the links are at least as new
        slugs: set[str] = set()
        page = await self._store.page()
        while True:
            self._admit(page.links)
            slugs.update(link.slug for link in page.links)
            if page.cursor is None:
                break
            page = await self._store.page(page.cursor)
        if self._loaded and not self._trusted:
            await self._distrust(slugs)
        self._positions = {state.partition: LogPosition(state.log_id, state.next_offset) for state in states}
        self._trusted = True
        self._followed = set()
        self._tell_loaded("store")

    async def _distrust(self, slugs: set[str]) -> None:
        """The snapshot was of another installation, or of a log that is no more: only what the link store has too is kept."""
        dropped = self._memory.drop_others(slugs)
        reason = f"its positions are of another log than the bus has; {dropped} of its links aren't in the link store"
        try:
            await self._executor.run(lambda: self._snapshots.set_aside(reason))
        except OSError as error:
            log.warning("snapshot of links can't be set aside", reason=str(error))

    def _admit(self, links: Sequence[Link]) -> None:
        for link in links:
            try:
                self._memory.admit(link)
            except ValueError as error:
                log.warning("link passed over", reason=str(error))

    def _tell_loaded(self, source: str) -> None:
        self._loaded = True
        LINKS_LOADED.labels(source).inc()
        LINKS_HELD.set(len(self._memory))
        log.info("links loaded", source=source, links=len(self._memory))

    def _has_caught_up(self) -> bool:
        return self._loaded and self._unstarted is not None and not self._unstarted and not self._targets

    # Saving

    async def _keep_saved(self) -> None:
        while True:
            await asyncio.sleep(SAVE_EVERY_S)
            await self._save()

    async def _save(self) -> None:
        """Write a snapshot if links changed; the loop goes on serving between its sections."""
        changes = self._memory.changes
        if not self._trusted or changes == self._saved_changes:
            return
        pieces = []
        for piece in encode(Snapshot(dict(self._positions), self._memory.all())):
            pieces.append(piece)
            await asyncio.sleep(0)
        try:
            await self._executor.run(lambda: self._snapshots.write(pieces))
        except OSError as error:
            log.warning("snapshot of links can't be written", reason=str(error))
        else:
            self._saved_changes = changes

    async def _patiently(self, ask: Callable[[], Awaitable[T]]) -> T:
        """What `ask` answers, asked again while the bus or the store refuses."""
        attempt = 0
        while True:
            try:
                return await ask()
            except (BusError, DocumentsError, TimeoutError) as error:  # also damage: an edge never ends for want of the others
                log.warning("links: trying again", attempt=attempt + 1, reason=str(error) or type(error).__name__)
            shortest_s, longest_s = RETRY_S
            await asyncio.sleep(self._randomness.uniform(0, min(longest_s, shortest_s * 2 ** min(attempt, 10))))
            attempt += 1
