"""Rebuilding the store of counts from the archive: the same records through the same projection give the same documents."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass

import msgspec

from quietzone_analytics import projection, rollups
from quietzone_analytics.archive.domain import File, Missing, check_gapless, in_order
from quietzone_analytics.archive.repository import Shelf
from quietzone_analytics.archive.rows import COLUMNS, COUNTED, FROM_ROWS, KNOWN_COLUMNS, record_of
from quietzone_analytics.deadlines import store_answers
from quietzone_analytics.projection import ScanProjection
from quietzone_analytics.tables import Draft, TableError, Tables
from quietzone_kit.bus import Bounds, Bus, Message, Position, Record
from quietzone_kit.documents import Documents
from quietzone_topics import TRACKING_SCAN_V1

ROWS_AT_ONCE = 50_000
"""Scans that are read together: 50 MB in memory."""

OWNER = "rebuild"
CACHE_BYTES = 32_000_000  # rollups that are held, as `serve` does


class CannotRebuild(Exception):
    """The store isn't empty, or records are missing: says what to do. Nothing was counted of the partition that it names."""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """A partition that was counted anew, with records from 0 to below `next_offset`."""

    partition: int
    next_offset: int
    files: int


class ForeignFile(Exception):
    """A file of another release: says how it shows."""


class Unpublished:
    """Takes the place of the bus: milestones were published when they were reached."""

    async def publish(self, messages: Sequence[Message]) -> list[Position]:
        """Say nothing."""
        return [Position(message.topic, 0, 0) for message in messages]


async def check_empty(documents: Documents) -> None:
    """Raise CannotRebuild if anything was counted already."""
    for collection in (*rollups.COLLECTIONS, *projection.COLLECTIONS):
        async with store_answers():
            page = await documents.scan(collection, limit=1)
        if page.items:
            raise CannotRebuild(
                f"the store has documents in {collection.name}, which would count twice. Point QUIETZONE_ANALYTICS_DOCUMENTS_URL at an "
                "empty store; if an earlier rebuild was cut off, empty it"
            )


async def files_of(shelf: Shelf, log_id: str, partitions: int) -> dict[int, list[File]]:
    """The files of each partition that has any, all of them looked at before anything is counted.

    Raises:
        CannotRebuild: there are none, or offsets are in none of them: names all.
    """
    found = {partition: files for partition in range(partitions) if (files := await shelf.files(log_id, partition))}
    if not found:
        logs = ", ".join(f"{name} ({amount} files)" for name, amount in sorted((await shelf.logs()).items()))
        what = f"it has {logs}: name one by QUIETZONE_ANALYTICS_REBUILD_LOG" if logs else "it is empty"
        raise CannotRebuild(f"the archive has no file of log {log_id}; {what}")
    chosen, problems = {}, []
    for partition, files in found.items():
        try:
            chosen[partition] = in_order(files)
        except Missing as error:
            problems.append(str(error))
    if problems:
        what = "; ".join(problems)
        raise CannotRebuild(f"the archive of log {log_id} isn't whole: {what}. Restore these files, or the store from a backup")
    return chosen


class Rebuild:
    """Counts the archive of one log."""

    def __init__(self, documents: Documents, shelf: Shelf, tables: Tables, log_id: str, *, partitions: int) -> None:
        self._shelf = shelf
        self._tables = tables
        self._log_id = log_id
        self._scans = ScanProjection(documents, Unpublished(), owner=OWNER, partitions=partitions, cache_bytes=CACHE_BYTES)

    async def partition(self, partition: int, files: Sequence[File], tell: Callable[[File], None]) -> Rebuilt:
        """Count the files of one partition; the service goes on behind them.

        Raises:
            CannotRebuild: a file isn't what its name says.
        """
        end = files[-1].last + 1
        next_offset = await self._scans.claim(partition, Bounds(self._log_id, 0, end))
        for file in files:
            async for records in self._records(file, next_offset):
                next_offset = records[-1].offset + 1
                await self._scans.apply(partition, records, next_offset=next_offset)
            next_offset = file.last + 1
            await self._scans.apply(partition, (), next_offset=next_offset)  # also over offsets that the log left out
            tell(file)
        await self._scans.release(partition)
        return Rebuilt(partition, next_offset, len(files))

    async def _records(self, file: File, first: int) -> AsyncIterator[Sequence[Record]]:
        """The records of a file from offset `first` on, as many at once as fit into memory."""
        draft = await self._shelf.take(file)
        try:
            await self._check_columns(draft)
            for low, high in await self._slices(file, draft, first):
                query = FROM_ROWS.replace("{first}", str(low)).replace("{last}", str(high))
                lines = [line async for line in self._lines(await self._tables.to_lines(draft, query))]
                records = [record_of(line, TRACKING_SCAN_V1.name, file.partition) for line in lines]
                there = [record for record in records if record is not None]
                if there:
                    yield there
        except ForeignFile as error:
            raise CannotRebuild(f"{file.key}: {error}: a newer release wrote it. Empty the store, and rebuild with that one") from error
        except (TableError, ValueError) as error:
            raise CannotRebuild(f"{file.key}: {error}. Restore the file, empty the store, and begin anew") from error
        finally:
            await self._tables.drop(draft)

    async def _check_columns(self, draft: Draft) -> None:
        """Raise ForeignFile if the file has more than rows say: records would come out of it that aren't those of the log."""
        lines = [line async for line in self._lines(await self._tables.to_lines(draft, COLUMNS))]
        unknown = {msgspec.json.decode(line, type=_Column).name for line in lines} - KNOWN_COLUMNS
        if unknown:
            raise ForeignFile(f"columns {', '.join(sorted(unknown))} are unknown here")

    async def _slices(self, file: File, draft: Draft, first: int) -> list[tuple[int, int]]:
        """Ranges of offsets with at most ROWS_AT_ONCE rows, or one record."""
        counts = [msgspec.json.decode(line, type=_Count) async for line in self._lines(await self._tables.to_lines(draft, COUNTED))]
        check_gapless(file, [count.offset for count in counts])
        slices: list[tuple[int, int]] = []
        rows = ROWS_AT_ONCE
        for count in counts:
            if count.offset < first:
                continue
            rows += count.rows
            if rows > ROWS_AT_ONCE:
                slices.append((count.offset, count.offset))
                rows = count.rows
            else:
                slices[-1] = (slices[-1][0], count.offset)
        return slices

    async def _lines(self, draft: Draft) -> AsyncIterator[bytes]:
        """The lines of a draft, which is dropped."""
        rest = b""
        try:
            async for piece in self._tables.pieces(draft):
                *lines, rest = (rest + piece).split(b"\n")
                for line in lines:
                    yield line
        finally:
            await self._tables.drop(draft)


class _Column(msgspec.Struct):
    name: str


class _Count(msgspec.Struct):
    offset: int
    rows: int


async def tell_of_bus(bus: Bus, log_id: str, rebuilt: Rebuilt) -> str:
    """A sentence on how counting goes on from here; can raise BusUnavailable."""
    bounds = await bus.bounds(TRACKING_SCAN_V1.name, rebuilt.partition)
    what = f"partition {rebuilt.partition}: counted offsets 0 to {rebuilt.next_offset - 1} from {rebuilt.files} files; "
    if bounds.log_id != log_id:
        return what + f"the bus has another log ({bounds.log_id}): run `python -m quietzone_analytics adopt` before `serve`"
    if bounds.first > rebuilt.next_offset:
        missing = f"offsets {rebuilt.next_offset} to {bounds.first - 1} are neither there nor on the bus"
        return what + f"{missing}: run `python -m quietzone_analytics adopt` before `serve`, which goes on without them"
    return what + f"`serve` goes on with {bounds.next - rebuilt.next_offset} that wait on the bus"
