"""Writing a source's spool: one append per turn of the edge's loop, flushed in the background.

An appended scan survives the process at once, and the machine after the next flush. A file whose write or flush failed is never
written again: its end may hold a part of a frame, or all of it, and a flush that failed once may have dropped what it should have
flushed. Numbers that a failed append has used are skipped for the same reason: the reader may have seen them.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Self

import structlog

from quietzone_kit.files import AppendFile, FileLock, Files
from quietzone_kit.runtime import Clock, Executor
from quietzone_tracking.spool.frames import SpooledScan, encode_frame, segment_seed
from quietzone_tracking.spool.layout import Numbers, lock_path, segment_path, used_bytes, write_numbers

_log = structlog.get_logger(__name__)

NUMBERS_INTERVAL = 1.0
"""Seconds between two writings of a source's numbers."""

OPEN_ATTEMPTS = 3
"""New source ids tried: an adopter that looks for dead sources may hold a new folder's lock for a moment, hardly twice in a row."""


@dataclass(frozen=True, slots=True)
class SpoolLimits:
    """How large a segment grows, how much all sources together may take, and how long a flush waits for more to flush.

    Segments are the unit of deletion: smaller ones free the disk sooner, larger ones cost fewer files.
    """

    segment_bytes: int = 16 * 1024 * 1024
    spool_bytes: int = 4 * 1024 * 1024 * 1024
    flush_interval_ms: int = 50


class NotRecorded(Exception):
    """Scans couldn't be written; none of them is accepted. `reason` is `full` (SpoolLimits.spool_bytes is reached) or `disk`."""

    def __init__(self, reason: Literal["full", "disk"], message: str) -> None:
        super().__init__(message)
        self.reason = reason


class SourceTaken(Exception):
    """Each new source's folder was locked by somebody else."""


@dataclass(slots=True)
class _Segment:
    first_seq: int
    seed: int
    file: AppendFile
    offset: int = 0


class SpoolWriter:
    """The one writer of a new source; `run` must run beside it, and `close` ends the source.

    `executor` must run one thing after the other (one thread). `accepted`, `last_seq`, `unrecorded`, `failed_flushes` and
    `flushed_seq` are for reading.
    """

    def __init__(self, files: Files, executor: Executor, clock: Clock, limits: SpoolLimits, held: tuple[str, FileLock]) -> None:
        self.source_id, self._lock = held
        self.accepted = 0
        self.last_seq = 0
        self.unrecorded = 0
        self.failed_flushes = 0
        self.flushed_seq = 0
        self._files = files
        self._executor = executor
        self._clock = clock
        self._limits = limits
        self._segment: _Segment | None = None
        # Files that are full or abandoned and not flushed yet; a full spool appends nothing, so there are no more than fit into it.
        self._behind: list[AppendFile] = []
        self._skipped = 0  # numbers after `last_seq` that failed appends have used
        self._used = used_bytes(files)
        self._written = Numbers()
        self._dirty = asyncio.Event()
        self._on_flush: Callable[[int], None] = _nobody
        self._pause_s = limits.flush_interval_ms / 1000
        self._last_error = ""

    @classmethod
    def open(cls, files: Files, executor: Executor, clock: Clock, limits: SpoolLimits, *, new_source: Callable[[], str]) -> Self:
        """Begin a new source, with an id from `new_source` (a UUIDv7).

        Raises:
            SourceTaken: somebody else has the lock of each source that was tried.
            OSError: the folder can't be made.
        """
        for _ in range(OPEN_ATTEMPTS):
            source_id = new_source()
            lock = files.lock(lock_path(source_id))
            if lock is not None:
                with contextlib.suppress(OSError):  # a full disk: the edge redirects all the same, and its first segment says it too
                    write_numbers(files, source_id, Numbers())  # that the source has begun: see layout.has_begun
                return cls(files, executor, clock, limits, (source_id, lock))
        raise SourceTaken(
            f"{OPEN_ATTEMPTS} new source folders were locked at once; look for a process that locks everything below the spool"
        )

    def append(self, scans: Sequence[SpooledScan]) -> int:
        """Accept scans (1 to frames.MAX_SCANS) and return the last one's number.

        Raises:
            NotRecorded: none of them is accepted; the next append may succeed.
        """
        if self._used >= self._limits.spool_bytes:
            self._last_error = f"the spool has reached {self._limits.spool_bytes} bytes; does a forwarder drain it?"
            raise NotRecorded("full", self._last_error)
        first_seq = self.last_seq + self._skipped + 1
        try:
            segment = self._segment or self._begin_segment(first_seq)
            frame = encode_frame(segment.seed, segment.offset, scans, first_seq=first_seq, skipped=self._skipped)
            segment.file.write(frame)
        except OSError as error:
            self._abandon_segment()
            self._skipped += len(scans)
            self._last_error = str(error)
            raise NotRecorded("disk", str(error)) from error
        self._skipped = 0
        self.accepted += len(scans)
        self.last_seq = first_seq + len(scans) - 1
        self._used += len(frame)
        segment.offset += len(frame)
        if segment.offset >= self._limits.segment_bytes:
            self._abandon_segment()
        if not self._dirty.is_set():
            self._dirty.set()
        return self.last_seq

    def count_unrecorded(self, scans: int) -> None:
        """Take down redirects that were served without a record, for the source's numbers."""
        self.unrecorded += scans

    def on_flush(self, callback: Callable[[int], None], *, at_once: bool = False) -> None:
        """Call back after each flush with the number up to which it was tried; `at_once` if somebody waits, so that none waits longer
        than for two flushes.

        Scans above `flushed_seq` are then not on disk: the flush failed, and the disk won't say more about them.
        """
        self._on_flush = callback
        self._pause_s = 0.0 if at_once else self._limits.flush_interval_ms / 1000

    async def run(self) -> None:
        """Flush what is appended, and publish the source's numbers, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_flushing())
            group.create_task(self._keep_publishing())

    async def flush(self) -> None:
        """Put on disk all that was appended before this call; a failure is counted and logged."""
        self._dirty.clear()
        last_seq = self.last_seq
        behind, segment = list(self._behind), self._segment
        files = behind if segment is None else [*behind, segment.file]
        try:
            await self._executor.run(lambda: _sync_all(files))
        except OSError as error:
            self.failed_flushes += 1
            self._last_error = str(error)
            _log.error("spool_flush_failed", source_id=self.source_id, error=str(error), advice="check the edge's disk")
            if segment is not None and segment is self._segment:
                self._abandon_segment()
        else:
            self.flushed_seq = last_seq
        del self._behind[: len(behind)]
        for file in behind:
            file.close()
        self._on_flush(last_seq)

    async def publish_numbers(self, *, closed: bool = False) -> None:
        """Replace the source's numbers when they have changed, and measure the spool."""
        numbers = Numbers(self.accepted, self.unrecorded, self.last_seq, self._clock.now_ms(), closed)
        before = self._written
        if (numbers.accepted, numbers.unrecorded, closed) == (before.accepted, before.unrecorded, before.closed) and not self._is_full():
            return
        if numbers.unrecorded > before.unrecorded:
            _log.error("scans_unrecorded", source_id=self.source_id, scans=numbers.unrecorded - before.unrecorded, error=self._last_error)
        used_before = self._used
        try:
            used = await self._executor.run(lambda: self._write_numbers(numbers))
        except OSError as error:
            _log.error("spool_numbers_failed", source_id=self.source_id, error=str(error), advice="check the edge's disk")
            return
        self._written = numbers
        self._used = used + self._used - used_before  # what was appended meanwhile may be in both: rather too much than too little

    async def close(self) -> None:
        """End the source: flush, publish the last numbers, let the lock go. Nothing can be appended afterwards."""
        await self.flush()
        await self.publish_numbers(closed=True)
        if self._segment is not None:
            self._segment.file.close()
            self._segment = None
        self._lock.release()

    async def _keep_flushing(self) -> None:
        while True:
            await self._dirty.wait()
            await self.flush()
            await asyncio.sleep(self._pause_s)

    async def _keep_publishing(self) -> None:
        while True:
            await asyncio.sleep(NUMBERS_INTERVAL)
            await self.publish_numbers()

    def _is_full(self) -> bool:
        return self._used >= self._limits.spool_bytes

    def _begin_segment(self, first_seq: int) -> _Segment:
        file = self._files.create(segment_path(self.source_id, first_seq))
        self._segment = _Segment(first_seq, segment_seed(self.source_id, first_seq), file)
        return self._segment

    def _abandon_segment(self) -> None:
        """Write no more to the current segment; without an accepted scan it goes away, lest failing appends fill the folder."""
        segment, self._segment = self._segment, None
        if segment is None:
            return
        if segment.offset > 0:
            self._behind.append(segment.file)
            return
        segment.file.close()
        with contextlib.suppress(OSError):  # an empty or torn file in the way of nobody: readers pass over it
            self._files.delete(segment_path(self.source_id, segment.first_seq))

    def _write_numbers(self, numbers: Numbers) -> int:
        write_numbers(self._files, self.source_id, numbers)
        return used_bytes(self._files)


def _sync_all(files: Sequence[AppendFile]) -> None:
    for file in files:
        file.sync()


def _nobody(_last_seq: int) -> None:
    """Nobody asked."""
