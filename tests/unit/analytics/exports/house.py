"""A service with exports: a store with counts, a place of files, and a worker when one is asked for."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from unit.analytics.archive.places import MemoryBlobs
from unit.analytics.memory import MemoryBus
from unit.analytics.scans import BOT, DAY_MS, NOON_MS, PREVIEW, Seen, batch, record, seen
from unit.analytics.world import bounds

from quietzone.analytics.v1 import exports_pb2
from quietzone_analytics import app
from quietzone_analytics.exports import Export, ExportQuestion, Format, TellExports, create_export, get_export, kinds
from quietzone_analytics.projection import ScanProjection
from quietzone_analytics.queries import Interval
from quietzone_analytics.rollups import Rollups
from quietzone_analytics.tables import Tables
from quietzone_kit.documents import Documents, open_documents
from quietzone_kit.outbox import waiting
from quietzone_kit.runtime import SystemClock, SystemRandomness, ThreadExecutor
from quietzone_kit.tasks import TASKS, State, Tasks, Telling, Worker

CLOCK, RANDOMNESS = SystemClock(), SystemRandomness()
TELLING = Telling(TellExports(CLOCK))
MARCH_MS = NOON_MS - NOON_MS % DAY_MS - DAY_MS  # 2026-03-01

Row = dict[str, object]


class Installation:
    """A store with counts, a place of files, and a worker when one is asked for."""

    def __init__(self, documents: Documents, tables: Tables) -> None:
        self.documents = documents
        self.tables = tables
        self.blobs = MemoryBlobs()
        self.tasks = Tasks(documents, CLOCK, RANDOMNESS, telling=TELLING)
        self._offset = 0

    async def count(self, scans: Sequence[Seen]) -> None:
        """Count scans."""
        one = record(batch(scans, prev_seq=0), self._offset)
        self._offset += 1
        projection = ScanProjection(self.documents, MemoryBus(), owner="owner", partitions=1, cache_bytes=1_000_000)
        await projection.claim(0, bounds([one]))
        await projection.apply(0, [one], next_offset=self._offset)

    async def work(self, export_id: str, *, account: str = "acme") -> Export:
        """Let a worker run until an export has ended."""
        worker = Worker(
            self.documents,
            kinds(Rollups(self.documents), self.blobs, self.tables, CLOCK),
            clock=CLOCK,
            randomness=RANDOMNESS,
            owner="worker",
            telling=TELLING,
        )
        async with asyncio.timeout(20), asyncio.TaskGroup() as group:
            working = group.create_task(worker.run())
            while (await get_export(self.tasks, account, export_id)).state in (State.WAITING, State.RUNNING):
                await asyncio.sleep(0.005)
            working.cancel()
        return await get_export(self.tasks, account, export_id)

    async def told(self, export_id: str) -> list[exports_pb2.ExportChanged]:
        """What is told of an export."""
        stored = await self.documents.get(TASKS, export_id)
        assert stored is not None
        return [exports_pb2.ExportChanged.FromString(outgoing.event.data) for outgoing in waiting(stored.body)]

    async def file(self, question: ExportQuestion) -> bytes:
        """The file of an export."""
        export = await self.work((await create_export(self.tasks, "acme", question, request_id=None)).export_id)
        assert export.file is not None, export.error
        return self.blobs.held[export.file.key]


@asynccontextmanager
async def installed(tables: Tables) -> AsyncIterator[Installation]:
    """One with a store in memory."""
    executor = ThreadExecutor("documents", 2)
    documents = open_documents("sqlite://:memory:", executor=executor, randomness=RANDOMNESS)
    await documents.ensure(*app.COLLECTIONS)
    yield Installation(documents, tables)
    await documents.close()
    executor.close()


def asked(
    form: Format = Format.CSV,
    *,
    code_id: str | None = None,
    days: int = 3,
    interval: Interval = Interval.DAY,
    zone: str = "",
    from_ms: int = MARCH_MS,
) -> ExportQuestion:
    return ExportQuestion(code_id, from_ms, from_ms + days * DAY_MS, interval, zone, form)


def rows_of(data: bytes) -> list[Row]:
    """A CSV's rows with their numbers; None where nothing is known."""
    found: list[Row] = []
    for row in csv.DictReader(io.StringIO(data.decode(), newline="")):
        numbers = {name: int(text) if text else None for name, text in row.items() if name not in ("code_id", "start")}
        found.append({"code_id": row["code_id"], "start": row["start"], **numbers})
    return found


MIXED = [
    *seen([1, 2], visitor=7),
    Seen(3, code="door", visitor=8, time_ms=NOON_MS + DAY_MS),
    Seen(4, scan_class=BOT),
    Seen(5, scan_class=PREVIEW),
]
