"""Where the archive keeps how far it has come, and its files."""

from collections.abc import AsyncIterator
from dataclasses import replace

from quietzone_analytics.archive.domain import FOLDER, ArchiveState, File, file_of, folder_of
from quietzone_analytics.bodies import field
from quietzone_analytics.partitions import Log, State, States
from quietzone_analytics.tables import Draft, Tables
from quietzone_kit.blobs import About, Blobs
from quietzone_kit.documents import Body, Collection, Documents, Value

STATES = Collection("archive_partitions", key="partition_id")

PARQUET = About("application/vnd.apache.parquet")


class ArchiveStates(States[ArchiveState]):
    """How far each partition was archived."""

    def __init__(self, documents: Documents) -> None:
        super().__init__(documents, STATES)

    def first(self, partition: int, log: Log) -> ArchiveState:
        """An archive that begins late begins with what the log still has."""
        return ArchiveState(
            partition=partition, log_id=log.log_id, epoch=0, owner="", next_offset=log.first, adopted_at_ms=0, cut=0, cut_epoch=0
        )

    def resume(self, state: ArchiveState, log: Log) -> ArchiveState:
        """What retention removed before it was archived can't be had by waiting: go on with what is there. Raises LogMismatch."""
        if state.log_id == log.log_id and state.next_offset < log.first:
            state = replace(state, next_offset=log.first, cut=0)
        return super().resume(state, log)

    def encode(self, state: ArchiveState) -> dict[str, Value]:
        """The fields that State hasn't."""
        return {"cut": state.cut, "cut_epoch": state.cut_epoch}

    def decode(self, plain: State, body: Body) -> ArchiveState:
        """The state that these fields make."""
        return ArchiveState(
            partition=plain.partition,
            log_id=plain.log_id,
            epoch=plain.epoch,
            owner=plain.owner,
            next_offset=plain.next_offset,
            adopted_at_ms=plain.adopted_at_ms,
            cut=field(body, "cut", int),
            cut_epoch=field(body, "cut_epoch", int),
        )


class Shelf:
    """The archive's files. Every call can raise BlobsUnavailable."""

    def __init__(self, blobs: Blobs, tables: Tables) -> None:
        self._blobs = blobs
        self._tables = tables

    async def put(self, file: File, draft: Draft) -> None:
        """Store a file, also if it is there: whoever was cut off before it could say so has stored the same."""
        await self._blobs.put(file.key, self._tables.pieces(draft), PARQUET)

    async def take(self, file: File) -> Draft:
        """A copy of a file; the caller drops it."""
        draft = await self._tables.draft()
        try:
            async for piece in self._blobs.stream(file.key):
                await self._tables.append(draft, piece)
        except BaseException:
            await self._tables.drop(draft)
            raise
        return draft

    async def files(self, log_id: str, partition: int) -> list[File]:
        """A partition's files, by their first offset."""
        return [file async for file in self._list(folder_of(log_id, partition))]

    async def logs(self) -> dict[str, int]:
        """How many files there are of each log."""
        found: dict[str, int] = {}
        async for file in self._list(f"{FOLDER}/"):
            found[file.log_id] = found.get(file.log_id, 0) + 1
        return found

    async def _list(self, prefix: str) -> AsyncIterator[File]:
        cursor: str | None = None
        while True:
            page = await self._blobs.list(prefix, after=cursor)
            for entry in page.entries:
                file = file_of(entry.key)
                if file is not None:
                    yield file
            if page.cursor is None:
                return
            cursor = page.cursor
