"""The archive as a projection of `tracking.scan.v1`: records wait in drafts until a file of them is due.

The end of a file is stored before the file is, and the file before the offset behind it. A crash in between leaves a decided end, which
the next owner reads up to: the same records, the same name, the same bytes.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import NoReturn

from quietzone_analytics.archive import metrics
from quietzone_analytics.archive.domain import MAX_ABSENT, ArchiveState, File
from quietzone_analytics.archive.repository import ArchiveStates, Shelf
from quietzone_analytics.archive.rows import TO_ROWS, absent_line, line_of
from quietzone_analytics.partitions import Log, Ownership
from quietzone_analytics.tables import Draft, NoRoom, TableError, Tables
from quietzone_kit.blobs import Blobs, BlobsError
from quietzone_kit.bus import Bounds, Record
from quietzone_kit.documents import Documents, DocumentsUnavailable
from quietzone_kit.projection import ForeignLog, OwnershipLost
from quietzone_kit.runtime import Clock
from quietzone_kit.telemetry import logger
from quietzone_topics import TRACKING_SCAN_V1

log = logger(__name__)

GROUP = "analytics-archive"

TURN = 5_000  # rows made in one turn of the event loop, about 10 ms, so that queries are answered in between
DRAFT_ROWS = 100_000
"""In one draft, and a record more. DuckDB holds the lists of up to 2,048 lines of a draft at once: of long ones that would be gigabytes."""

PENDING_BYTES = 4_000_000  # lines that are held before they go to the disk
LOOK_S = 1.0  # between looks for files that are due though nothing comes
UPLOADS_S = 80.0  # for the files that one call stores, waiting included: with all else it stays below `projection.STEP_S`


@dataclass(frozen=True, slots=True)
class Due:
    """When a file ends: with so many records, with so many bytes of them, so long after it began, or when all drafts take `room` bytes."""

    records: int
    size: int
    after_s: float
    room: int


@dataclass(slots=True)
class _Desk:
    """The records of a partition that wait, from `first` to below `next`: as lines in drafts, the newest in `pending`."""

    drafts: list[Draft]
    first: int
    next: int
    since: float
    """When the first came, monotonic."""
    rows: int = 0
    """That the newest draft will have, with what is pending."""
    size: int = 0
    """Bytes of the records as they came."""
    pending: bytearray = field(default_factory=bytearray)


class ArchiveProjection:
    """`quietzone_kit.projection.Projection` of `tracking.scan.v1`."""

    def __init__(self, documents: Documents, blobs: Blobs, tables: Tables, clock: Clock, *, owner: str, due: Due) -> None:
        """`owner` is unique to this process."""
        self._states = ArchiveStates(documents)
        self._ownership = Ownership(self._states, TRACKING_SCAN_V1.name, owner)
        self._shelf = Shelf(blobs, tables)
        self._tables = tables
        self._clock = clock
        self._due = due
        self._desks: dict[int, _Desk] = {}
        self._locks: dict[int, asyncio.Lock] = {}

    async def claim(self, partition: int, bounds: Bounds) -> int:
        """Become the partition's owner, and say from which offset to read; raises ForeignLog."""
        async with self._at(partition), _stores_answer():
            await self._let_go(partition)
            await self._begin_behind_files(partition, bounds)
            await self._tell_missed(partition, bounds)
            state = await self._ownership.claim(partition, bounds)
            await self._begin(partition, state.next_offset)
            return state.next_offset

    async def release(self, partition: int) -> None:
        """Forget the partition; its next owner reads again what waits."""
        async with self._at(partition):
            await self._let_go(partition)

    async def apply(self, partition: int, records: Sequence[Record], *, next_offset: int) -> None:  # noqa: ARG002 - files end at records
        """Take records in, and store the files that are due.

        Raises:
            OwnershipLost: somebody else claimed the partition, or what waited was let go of for want of room.
            DocumentsUnavailable: a store didn't answer; apply the same records again.
        """
        until = _uploads_until()
        async with self._at(partition), self._kept(partition):
            await self._take(partition, records, until)
            await self._file_if_due(partition, until)

    async def keep_filing(self) -> NoReturn:
        """Store files that are due by time, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_S)
            for partition in sorted(self._desks):
                until = _uploads_until()
                try:
                    async with self._at(partition), self._kept(partition):
                        await self._file_if_due(partition, until)
                except (DocumentsUnavailable, OwnershipLost) as error:  # records that come find out too, and bring what was let go of
                    log.warning("a file of the archive waits", partition=partition, reason=str(error))

    async def _take(self, partition: int, records: Sequence[Record], until: float) -> None:
        desk, state = await self._desk(partition)
        rest = TURN
        for record in records:
            if record.offset < desk.next:
                continue
            if self._ends(desk, state):
                desk, state = await self._file(desk, state, until)
            line, rows = _lines(desk, record)
            desk.pending += line
            desk.next, desk.size = record.offset + 1, desk.size + len(record.value) + len(record.key)
            desk.rows += rows
            rest -= rows
            if len(desk.pending) > PENDING_BYTES or desk.rows >= DRAFT_ROWS:
                await self._write(desk)
            if rest < 0:
                rest = TURN
                await asyncio.sleep(0)
        await self._write(desk)

    async def _file_if_due(self, partition: int, until: float) -> None:
        if partition not in self._desks:
            return
        desk, state = await self._desk(partition)
        waited = self._clock.monotonic() - desk.since
        if desk.next > desk.first and (self._ends(desk, state) or (state.decided is None and waited >= self._due.after_s)):
            await self._file(desk, state, until)

    def _ends(self, desk: _Desk, state: ArchiveState) -> bool:
        """Whether the next record belongs to the next file."""
        if state.decided is not None:
            return desk.next >= state.decided
        full = desk.next - desk.first >= self._due.records or desk.size >= self._due.size
        return full or (desk.next > desk.first and self._tables.held_bytes >= self._due.room)

    async def _file(self, desk: _Desk, state: ArchiveState, until: float) -> tuple[_Desk, ArchiveState]:
        """Store what waits as a file, and begin anew; an upload that isn't done `until` then is given up, and made again."""
        if state.decided is None:
            state = replace(state, cut=desk.next, cut_epoch=state.epoch)
            await self._ownership.save(state)
        await self._write(desk)
        await self._store(File(state.log_id, state.partition, state.next_offset, state.cut - 1), desk, until)
        state = replace(state, next_offset=state.cut, cut=0)
        await self._ownership.save(state)
        return await self._begin(state.partition, state.next_offset), state

    async def _store(self, file: File, desk: _Desk, until: float) -> None:
        parquet = await self._tables.to_parquet(desk.drafts, TO_ROWS)
        try:
            async with asyncio.timeout_at(until):
                await self._shelf.put(file, parquet)
            size = await self._tables.size(parquet)
        finally:
            await self._tables.drop(parquet)
        metrics.FILES.inc()
        metrics.BYTES.inc(size)
        metrics.RECORDS.inc(file.last - file.first + 1)

    async def _write(self, desk: _Desk) -> None:
        if desk.pending:
            await self._tables.append(desk.drafts[-1], bytes(desk.pending))
            desk.pending.clear()
        if desk.rows >= DRAFT_ROWS:
            desk.drafts.append(await self._tables.draft())
            desk.rows = 0

    async def _desk(self, partition: int) -> tuple[_Desk, ArchiveState]:
        """What waits, and the state that it follows."""
        desk, state = self._desks.get(partition), await self._ownership.state(partition)
        if desk is not None and desk.first < state.next_offset == desk.next:
            desk = await self._begin(partition, state.next_offset)  # it was stored; only the word that it was didn't reach us
        if desk is None or desk.first != state.next_offset:
            raise OwnershipLost(f"what waited of partition {partition} was let go of: it is read again")
        return desk, state

    async def _begin(self, partition: int, offset: int) -> _Desk:
        await self._leave(partition)
        desk = self._desks[partition] = _Desk([await self._tables.draft()], offset, offset, self._clock.monotonic())
        return desk

    async def _begin_behind_files(self, partition: int, bounds: Bounds) -> None:
        """If the store was lost and the files weren't: files with other ends would hold the same records again."""
        if await self._states.get(partition) is not None:
            return
        files = await self._shelf.files(bounds.log_id, partition)
        if files:
            first = self._states.first(partition, Log(TRACKING_SCAN_V1.name, bounds.log_id, bounds.first, bounds.next))
            await self._states.write(replace(first, next_offset=max(file.last for file in files) + 1), over=None)

    async def _tell_missed(self, partition: int, bounds: Bounds) -> None:
        stored = await self._states.get(partition)
        first = stored.state.next_offset if stored is not None and stored.state.log_id == bounds.log_id else bounds.first
        if first < bounds.first:
            metrics.MISSED.inc(bounds.first - first)
            log.error("the bus removed records before they were archived", partition=partition, first=first, next=bounds.first)

    @asynccontextmanager
    async def _kept(self, partition: int) -> AsyncIterator[None]:
        try:
            async with _stores_answer():
                yield
        except OwnershipLost:
            await self._let_go(partition)
            raise

    def _at(self, partition: int) -> asyncio.Lock:
        return self._locks.setdefault(partition, asyncio.Lock())

    async def _let_go(self, partition: int) -> None:
        self._ownership.drop(partition)
        await self._leave(partition)

    async def _leave(self, partition: int) -> None:
        desk = self._desks.pop(partition, None)
        for draft in desk.drafts if desk is not None else ():
            await self._tables.drop(draft)


def _uploads_until() -> float:
    """When the uploads of a call that begins now must be done, by the event loop's clock."""
    return asyncio.get_running_loop().time() + UPLOADS_S


@asynccontextmanager
async def _stores_answer() -> AsyncIterator[None]:
    """What goes wrong with files as errors that the projection's loop tries again: an archive that can't go on must not end counting."""
    try:
        yield
    except (BlobsError, TableError, TimeoutError) as error:
        log.warning("a file of the archive can't be stored", reason=str(error) or "no answer in time")
        raise DocumentsUnavailable(f"the archive's files: {error}") from error
    except NoRoom as error:  # gives back what it has, and reads it again
        log.warning("no room for what waits to be archived", reason=str(error))
        raise OwnershipLost(str(error)) from error


def _lines(desk: _Desk, record: Record) -> tuple[bytes, int]:
    """A record's line, after one for each offset that the log left out before it; and how many rows they become."""
    absent = record.offset - desk.next
    if absent > MAX_ABSENT:
        raise ForeignLog(
            f"{record.topic}, partition {record.partition}: after offset {desk.next - 1} comes {record.offset}. Restore the log; "
            "if that can't be, set QUIETZONE_ANALYTICS_ARCHIVE=false to go on counting"
        )
    line, rows = line_of(record)
    return b"".join([*(absent_line(offset, record.time_ms) for offset in range(desk.next, record.offset)), line]), rows + absent
