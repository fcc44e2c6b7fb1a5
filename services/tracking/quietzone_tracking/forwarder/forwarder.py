"""The forwarder: drains every source of a spool into the bus, in order, as often as it takes.

One coroutine does it all, a turn at a time: what the sources have now is published in one call, and published again in the same order
until the bus has all of it; only then does the next turn read on. So what is in flight is bounded by a turn's loads, the spool is the
buffer, and after any failure everything that wasn't acknowledged is sent anew. Readers know what they have seen by its numbers.

Nothing that the bus says ends a forwarder that `run`s: an edge's pod would be unready with it. What somebody has to mend (a right that was
taken away, a topic that is gone, a checkpoint for other partitions) is said with what to do, and tried again slowly; scans wait.
"""

import asyncio
import math
from collections.abc import Iterable, Sequence

from quietzone_kit.bus import Bus, BusError, BusUnavailable, Message, partition_of
from quietzone_kit.files import FileLock, Files
from quietzone_kit.ids import birth_ms
from quietzone_kit.runtime import Clock, Executor, Randomness
from quietzone_kit.telemetry import logger
from quietzone_topics import TRACKING_SCAN_V1, TRACKING_SOURCE_V1
from quietzone_tracking.forwarder import progress as checkpoints
from quietzone_tracking.forwarder.enrich import Enricher
from quietzone_tracking.forwarder.enrich.remembered import Remembered
from quietzone_tracking.forwarder.events import report_message
from quietzone_tracking.forwarder.progress import PartitionsChanged
from quietzone_tracking.forwarder.reports import Report
from quietzone_tracking.forwarder.source import Load, Making, Source
from quietzone_tracking.forwarder.waiting import waiting
from quietzone_tracking.metrics import PUBLISH_FAILURES, SOURCES_HELD, SOURCES_OPEN, SPOOL_FAILURES
from quietzone_tracking.spool import ForeignFrame, sources
from quietzone_tracking.spool.layout import SPOOL, has_begun

POLL_S = 0.05
"""Between looks at a spool that isn't busy: a scan waits half of it on average, of the 1.5 s that it may take to be visible, and scans
that come meanwhile share its batches.
"""

MAX_LOADS = 4
"""Loads in a turn, each of a source and at most 2 MB of frames: what a turn holds in memory stays below 50 MB."""

PUBLISH_S = 10.0
"""Until a publication counts as failed: longer than a broker takes to elect a leader, or SQLite to wait for a lock."""

RETRY_S = (0.05, 5.0)
"""The first and the longest wait before a publication is tried again, drawn with full jitter."""

REFUSED_S = 30.0
"""The longest wait after what doesn't mend by itself: four lines a minute in the log, and soon enough for whoever has mended it."""

SAVE_EVERY_S = 1.0
"""Between two checkpoints of a source: what is sent again after a crash."""

DRAIN_S = 3.0
"""How long `stop` lets a source that is still being written to keep it: the rest waits in the spool."""

SWEEP_EVERY_S = 600.0
"""Between looks for checkpoints that nobody needs any more."""

MAX_CODES = 16_384
"""Codes whose partition is remembered: at most twice as many of 100 bytes."""

TOPICS = (TRACKING_SCAN_V1, TRACKING_SOURCE_V1)

log = logger(__name__)


class Forwarder:
    """`run` it; `stop` lets it drain what is there and end."""

    def __init__(self, files: Files, bus: Bus, enricher: Enricher, *, clock: Clock, randomness: Randomness, executor: Executor) -> None:
        self._files = files
        self._bus = bus
        self._enricher = enricher
        self._clock = clock
        self._randomness = randomness
        self._executor = executor
        self._sources: dict[str, Source] = {}
        self._ignored: set[str] = set()
        self._partitions = 0
        self._making = Making(Remembered(self._partition, MAX_CODES).get, enricher.traits)
        self._turns = 0
        self._swept_at: float | None = None
        self._stop_by: float | None = None
        self._left_of: frozenset[str] | None = None

    async def drain(self, source_ids: Iterable[str]) -> None:
        """Forward until these sources, whose edges have ended, are closed. It waits for a bus that is away, for nothing else.

        Raises:
            PartitionsChanged: the topic was made anew with another number of partitions.
            BusError: what trying again doesn't mend, such as a topic that can't be had.
        """
        self._left_of = frozenset(source_ids)
        await self.run()

    def stop(self) -> None:
        """End when the spool has nothing more for now, or after DRAIN_S."""
        self._stop_by = self._clock.monotonic() + DRAIN_S

    def waiting(self) -> float:
        """Accepted scans that the bus doesn't have, as a metric: not a number while the disk doesn't answer."""
        try:
            return waiting(self._files, self._sources.get, self._clock.now_ms())
        except OSError:
            return math.nan

    async def run(self) -> None:
        """Forward until stopped or cancelled."""
        lock = await self._take_lock()
        if lock is None:
            return
        try:
            self._partitions = await self._count_partitions()
            while not self._is_done(loads := await self._turn()):
                if self._stop_by is None and not any(load.is_urgent for load in loads):
                    await asyncio.sleep(POLL_S)
        finally:
            try:
                await self._save_all()
            finally:
                lock.release()

    async def _turn(self) -> list[Load]:
        """Publish what there is, and return it."""
        await self._discover()
        self._enricher.refresh()
        loads = self._loads()
        reports = self._reports()
        messages = [message for _, load in loads for message in load.messages]
        messages.extend(report_message(source.source_id, report) for source, report in reports)
        await self._publish(messages)
        for source, load in loads:
            source.acknowledge(load, self._clock.now_ms())
        for source, report in reports:
            source.reported = report
        await self._save_due()
        return [load for _, load in loads]

    def _is_done(self, loads: Sequence[Load]) -> bool:
        if self._left_of is not None and not loads:
            return self._left_of.isdisjoint(self._sources)
        return self._stop_by is not None and (not loads or self._clock.monotonic() >= self._stop_by)

    async def _take_lock(self) -> FileLock | None:
        """The spool's one forwarder; the next waits here until this one is gone. None when it was stopped before."""
        waited = False
        while (lock := self._files.lock(checkpoints.LOCK)) is None and self._stop_by is None:
            if not waited:
                log.warning("another forwarder has this spool; waiting for its end", lock=checkpoints.LOCK)
                waited = True
            await asyncio.sleep(POLL_S)
        return lock

    async def _count_partitions(self) -> int:
        attempt = 0
        while True:
            try:
                async with asyncio.timeout(PUBLISH_S):
                    await self._bus.ensure(TOPICS)
                    return await self._bus.partitions(TRACKING_SCAN_V1.name)
            except (BusError, TimeoutError) as error:
                await self._wait_to_retry(attempt, error)
                attempt += 1

    async def _discover(self) -> None:
        """Take up sources that are new. While one is numbered for other partitions, all wait: were some sent, no number would fit all."""
        attempt = 0
        while True:
            try:
                self._look()
            except PartitionsChanged as error:
                await self._wait_to_retry(attempt, error)
                attempt += 1
            else:
                return

    def _look(self) -> None:
        try:
            folders = sources(self._files)
            self._sweep(folders)
            for source_id in folders:
                if source_id not in self._sources and source_id not in self._ignored:
                    self._take_up(source_id)
        except OSError as error:
            self._disk_failed(error)
        SOURCES_OPEN.set(len(self._sources))

    def _take_up(self, source_id: str) -> None:
        if not _is_source(source_id):
            log.warning("not a source's folder; left alone", folder=f"{SPOOL}/{source_id}")
            self._ignored.add(source_id)
            return
        progress = checkpoints.load(self._files, source_id, self._partitions)
        if progress.closed_ms:  # a crash has brought it back, or came before its deletion
            self._files.delete_folder(f"{SPOOL}/{source_id}")
            return
        if not has_begun(self._files, source_id):  # its edge may be about to take the lock, and a look at it would end the source
            return
        log.info("source found", source_id=source_id, next_seq=progress.position.next_seq)
        self._sources[source_id] = Source(self._files, source_id, progress)

    def _loads(self) -> list[tuple[Source, Load]]:
        """One load of each of up to MAX_LOADS sources that have one; who comes first changes from turn to turn."""
        self._turns += 1
        every = list(self._sources.values())
        start = self._turns % len(every) if every else 0
        loads = []
        for source in every[start:] + every[:start]:
            try:
                load = source.next(self._making, self._clock.now_ms())
            except OSError as error:
                self._disk_failed(error)
                continue
            except ForeignFrame as error:
                self._hold(source, error)
                continue
            if load is not None:
                loads.append((source, load))
                if len(loads) == MAX_LOADS:
                    break
        return loads

    def _hold(self, source: Source, error: ForeignFrame) -> None:
        """Leave a source to a forwarder of the release that wrote it; what its checkpoint doesn't say is sent again."""
        SOURCES_HELD.inc()
        log.error("source left alone", source_id=source.source_id, next_seq=source.progress.position.next_seq, reason=str(error))
        self._ignored.add(source.source_id)
        del self._sources[source.source_id]

    def _reports(self) -> list[tuple[Source, Report]]:
        reports = []
        for source in self._sources.values():
            try:
                report = source.report_now(self._clock.now_ms())
            except OSError as error:
                self._disk_failed(error)
                continue
            if report is not None:
                reports.append((source, report))
        return reports

    async def _publish(self, messages: Sequence[Message]) -> None:
        """Publish all, as often as it takes, in the same order."""
        attempt, refused = 0, False
        while messages:
            try:
                async with asyncio.timeout(PUBLISH_S):
                    if refused:  # the topic may be made anew meanwhile: with other partitions, what was numbered for these isn't sent
                        await self._bus.ensure(TOPICS)
                    await self._bus.publish(messages)
            except (BusError, TimeoutError) as error:
                await self._wait_to_retry(attempt, error)
                attempt += 1
                refused = refused or not _passes(error)
            else:
                return

    async def _wait_to_retry(self, attempt: int, error: Exception) -> None:
        """Say what keeps us from publishing, and wait; raises what doesn't pass by itself when we are to drain."""
        passes = _passes(error)
        if self._left_of is not None and not passes:
            raise error
        PUBLISH_FAILURES.inc()
        told = {"attempt": attempt + 1, "reason": str(error) or type(error).__name__}
        shortest_s, longest_s = RETRY_S
        if passes:
            log.warning("the bus refused; trying again", **told)
        else:
            longest_s = REFUSED_S
            log.error("nothing is published before somebody mends this; trying again", **told)
        await asyncio.sleep(self._randomness.uniform(0, min(longest_s, shortest_s * 2 ** min(attempt, 10))))

    async def _save_due(self) -> None:
        now = self._clock.monotonic()
        for source in list(self._sources.values()):
            frees_disk = source.progress.closed_ms or source.progress.position.segment > source.saved.position.segment
            if now >= source.save_at or (frees_disk and not source.save_failed):
                await self._save(source)

    async def _save_all(self) -> None:
        for source in list(self._sources.values()):
            await self._save(source)

    async def _save(self, source: Source) -> None:
        """Write a checkpoint, then delete what it makes superfluous; a disk that refuses is tried again later."""
        progress, saved = source.progress, source.saved
        if progress is saved:
            return
        source.save_at = self._clock.monotonic() + SAVE_EVERY_S
        source.save_failed = True
        try:
            await self._executor.run(lambda: checkpoints.save(self._files, source.source_id, progress))
            if progress.closed_ms:
                await self._executor.run(lambda: self._files.delete_folder(f"{SPOOL}/{source.source_id}"))
                del self._sources[source.source_id]
                log.info("source closed", source_id=source.source_id, forwarded=progress.forwarded, lost=progress.lost)
            elif progress.position.segment > saved.position.segment:
                await self._executor.run(lambda: source.discard(progress.position))
        except OSError as error:
            self._disk_failed(error)
        else:
            source.saved = progress
            source.save_failed = False

    def _sweep(self, folders: list[str]) -> None:
        now = self._clock.monotonic()
        if self._swept_at is None or now - self._swept_at >= SWEEP_EVERY_S:
            self._swept_at = now
            checkpoints.forget_closed(self._files, set(folders), self._clock.now_ms())

    def _disk_failed(self, error: OSError) -> None:
        SPOOL_FAILURES.inc()
        log.warning("the spool's disk failed; trying again", reason=str(error))

    def _partition(self, code_id: str) -> int:
        return partition_of(code_id, self._partitions)


def _passes(error: Exception) -> bool:
    """Whether the bus is only away, and nobody needs to mend anything for us."""
    return isinstance(error, (BusUnavailable, TimeoutError))


def _is_source(name: str) -> bool:
    try:
        birth_ms(name)
    except ValueError:
        return False
    return True
