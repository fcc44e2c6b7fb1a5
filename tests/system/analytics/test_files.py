"""Exports and the archive as others see them: over gRPC, in the folder of files, and by the role `rebuild`."""

import asyncio
import hashlib
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
from system.analytics.test_serve import ACME, BOLT, CLOCK, RANDOMNESS, Analytics, Edge, bus_in, lose_log, until

from quietzone.analytics.v1 import analytics_pb2_grpc, exports_pb2, exports_pb2_grpc
from quietzone_analytics.app import build, build_adopt, build_archive, build_rebuild, build_work
from quietzone_analytics.settings import AnalyticsSettings, AnalyticsStoreSettings, ArchiveSettings, RebuildSettings, WorkSettings
from quietzone_kit.errors import FailedPrecondition, NotFound
from quietzone_kit.lifecycle import App, TaskDied
from quietzone_kit.rpc import Caller, CallerKeys, Peer
from quietzone_kit.settings import load

HOUR_MS = 3_600_000


def variables(folder: Path, **more: str) -> dict[str, str]:
    return {
        "QUIETZONE_CALLER_KEY": "k" * 32,
        "QUIETZONE_ANALYTICS_LISTEN": f"unix:{folder}/s",
        "QUIETZONE_ANALYTICS_DOCUMENTS_URL": f"sqlite:///{folder}/analytics.db",
        "QUIETZONE_BUS_URL": f"sqlite:///{folder}/bus.db",
        "QUIETZONE_ANALYTICS_BLOBS_URL": f"file://{folder}/blobs",
        "QUIETZONE_ANALYTICS_TEMP": f"{folder}/temp",
        "QUIETZONE_ANALYTICS_ARCHIVE_AFTER_S": "1",
    } | {f"QUIETZONE_ANALYTICS_{name.upper()}": value for name, value in more.items()}


@dataclass(frozen=True, slots=True)
class Files(Analytics):
    """A client of exports, too."""

    exports: "exports_pb2_grpc.ExportServiceAsyncStub"

    async def create(self) -> exports_pb2.Export:
        now_ms = CLOCK.now_ms()
        question = exports_pb2.ExportQuestion(from_ms=now_ms - HOUR_MS, to_ms=now_ms + HOUR_MS, format=exports_pb2.EXPORT_FORMAT_CSV)
        request = exports_pb2.CreateExportRequest(question=question)
        return (await self.peer.call(self.exports.CreateExport, request, caller=ACME)).export

    async def export(self, export_id: str, *, caller: Caller = ACME) -> exports_pb2.Export:
        request = exports_pb2.GetExportRequest(export_id=export_id)
        return (await self.peer.call(self.exports.GetExport, request, caller=caller)).export

    async def done(self, export_id: str) -> exports_pb2.Export:
        return await until(lambda: self.export(export_id), lambda export: export.state == exports_pb2.EXPORT_STATE_DONE)

    async def read(self, export_id: str) -> bytes:
        request = exports_pb2.ReadExportRequest(export_id=export_id)
        return (await self.peer.call(self.exports.ReadExport, request, caller=ACME)).data


@asynccontextmanager
async def alive(app: App) -> AsyncIterator[None]:
    ready = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(app.serve(ready.set))
        await ready.wait()
        try:
            yield
        finally:
            app.stop()


@asynccontextmanager
async def serving(values: dict[str, str]) -> AsyncIterator[Files]:
    settings = load(AnalyticsSettings, values)
    async with alive(await build(settings)):
        peer = Peer("analytics", settings.analytics_listen, CallerKeys.of(settings, CLOCK), clock=CLOCK, randomness=RANDOMNESS)
        try:
            yield Files(peer, analytics_pb2_grpc.AnalyticsServiceStub(peer.channel), exports_pb2_grpc.ExportServiceStub(peer.channel))
        finally:
            await peer.close()


def archived(folder: Path) -> list[Path]:
    return sorted(folder.glob("blobs/scans/*/*/*.parquet"))


async def stored(folder: Path, scans: int) -> None:
    """Wait until so many scans are in the archive."""

    async def count() -> int:
        files = list(map(str, archived(folder)))
        return len(duckdb.read_parquet(files).filter("seq IS NOT NULL").project("seq").fetchall()) if files else 0

    await until(count, lambda found: found >= scans)


def documents(folder: Path) -> list[tuple[str, bytes]]:
    """All counts, as they lie in the store."""
    with sqlite3.connect(folder / "analytics.db") as store:
        tables = ("rollup_days", "rollup_months", "rollup_totals")
        return [row for table in tables for row in store.execute(f'SELECT _key, _body FROM "{table}" ORDER BY _key')]  # noqa: S608


async def test_an_export_is_made_and_read(tmp_path: Path) -> None:
    async with bus_in(tmp_path) as bus, serving(variables(tmp_path)) as analytics:
        await Edge(bus).scan(12)
        await analytics.counted(12)
        export = await analytics.done((await analytics.create()).export_id)
        data = await analytics.read(export.export_id)

    assert (export.size, export.sha256, export.codes_done) == (len(data), hashlib.sha256(data).hexdigest(), 1)
    assert [line.split(",")[2] for line in data.decode().splitlines() if ",12," in line] == ["12"]


async def test_another_account_has_no_such_export(tmp_path: Path) -> None:
    async with serving(variables(tmp_path)) as analytics:
        export = await analytics.create()

        with pytest.raises(NotFound):
            await analytics.export(export.export_id, caller=BOLT)


async def test_without_a_place_for_files_nothing_is_exported(tmp_path: Path) -> None:
    async with serving(variables(tmp_path) | {"QUIETZONE_ANALYTICS_BLOBS_URL": ""}) as analytics:
        with pytest.raises(FailedPrecondition, match="QUIETZONE_ANALYTICS_BLOBS_URL"):
            await analytics.create()


async def test_the_roles_archive_and_work_do_it_where_serve_does_not(tmp_path: Path) -> None:
    values = variables(tmp_path, archive="false", work="false")
    async with bus_in(tmp_path) as bus, serving(values) as analytics:
        await Edge(bus).scan(3)
        await analytics.counted(3)
        begun = await analytics.create()
        async with alive(await build_archive(load(ArchiveSettings, values))), alive(await build_work(load(WorkSettings, values))):
            await stored(tmp_path, 3)
            export = await analytics.done(begun.export_id)

    assert export.rows > 0


async def test_a_store_that_was_lost_is_rebuilt_and_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with bus_in(tmp_path) as bus:
        edges = [Edge(bus, code) for code in ("menu", "door", "shelf")]
        async with serving(variables(tmp_path)) as analytics:
            for edge in edges:
                await edge.scan(7)
                await edge.scan(5)
            await stored(tmp_path, 36)
            await until(analytics.reconcile, lambda told: told.stored >= 36)
        before = documents(tmp_path)
        for file in tmp_path.glob("analytics.db*"):
            file.unlink()

        await (await build_rebuild(load(RebuildSettings, variables(tmp_path)))).serve()
        after = documents(tmp_path)
        async with serving(variables(tmp_path)) as analytics:
            await edges[0].scan(4)
            told = await analytics.counted(16)
            await stored(tmp_path, 40)

    assert len(before) == 8  # a day and a total of each code, a month of each of their two partitions
    assert after == before
    assert told.all_time_scans == 16
    assert "`serve` goes on with 0 that wait on the bus" in capsys.readouterr().out


async def test_a_rebuild_into_a_store_with_counts_is_refused(tmp_path: Path) -> None:
    async with bus_in(tmp_path) as bus, serving(variables(tmp_path)) as analytics:
        await Edge(bus).scan(3)
        await stored(tmp_path, 3)
        await analytics.counted(3)

    with pytest.raises(TaskDied, match="which would count twice"):
        await (await build_rebuild(load(RebuildSettings, variables(tmp_path)))).serve()


async def test_an_adopted_log_is_archived_beside_the_old_one(tmp_path: Path) -> None:
    async with bus_in(tmp_path) as bus, serving(variables(tmp_path)):
        await Edge(bus).scan(3)
        await stored(tmp_path, 3)
    lose_log(tmp_path)

    await (await build_adopt(load(AnalyticsStoreSettings, variables(tmp_path)))).serve()
    async with bus_in(tmp_path) as bus, serving(variables(tmp_path)):
        await Edge(bus).scan(4)
        await stored(tmp_path, 7)

    assert len({file.parent.parent for file in archived(tmp_path)}) == 2
