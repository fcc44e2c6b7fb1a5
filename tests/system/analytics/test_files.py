"""Exports and the archive as others see them: over gRPC, in the folder of files, and by the role `rebuild`."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from system.analytics.place import CLOCK, RANDOMNESS, Place
from system.analytics.test_serve import ACME, BOLT, Analytics, Edge, until

from quietzone.analytics.v1 import analytics_pb2_grpc, exports_pb2, exports_pb2_grpc
from quietzone_analytics.app import build, build_adopt, build_archive, build_rebuild, build_work
from quietzone_analytics.settings import AnalyticsSettings, AnalyticsStoreSettings, ArchiveSettings, RebuildSettings, WorkSettings
from quietzone_kit.errors import FailedPrecondition, NotFound
from quietzone_kit.lifecycle import App, TaskDied
from quietzone_kit.rpc import Caller, CallerKeys, Peer
from quietzone_kit.settings import load

HOUR_MS = 3_600_000


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


async def stored(place: Place, scans: int) -> None:
    """Wait until so many scans are in the archive."""
    await until(place.archived_scans, lambda found: found >= scans)


async def test_an_export_is_made_and_read(place: Place) -> None:
    async with place.bus() as bus, serving(place.variables()) as analytics:
        await Edge(bus).scan(12)
        await analytics.counted(12)
        export = await analytics.done((await analytics.create()).export_id)
        data = await analytics.read(export.export_id)

    assert (export.size, export.sha256, export.codes_done) == (len(data), hashlib.sha256(data).hexdigest(), 1)
    assert [line.split(",")[2] for line in data.decode().splitlines() if ",12," in line] == ["12"]


async def test_another_account_has_no_such_export(place: Place) -> None:
    async with serving(place.variables()) as analytics:
        export = await analytics.create()

        with pytest.raises(NotFound):
            await analytics.export(export.export_id, caller=BOLT)


async def test_without_a_place_for_files_nothing_is_exported(place: Place) -> None:
    async with serving(place.variables() | {"QUIETZONE_ANALYTICS_BLOBS_URL": ""}) as analytics:
        with pytest.raises(FailedPrecondition, match="QUIETZONE_ANALYTICS_BLOBS_URL"):
            await analytics.create()


async def test_the_roles_archive_and_work_do_it_where_serve_does_not(place: Place) -> None:
    values = place.variables(archive="false", work="false")
    async with place.bus() as bus, serving(values) as analytics:
        await Edge(bus).scan(3)
        await analytics.counted(3)
        begun = await analytics.create()
        async with alive(await build_archive(load(ArchiveSettings, values))), alive(await build_work(load(WorkSettings, values))):
            await stored(place, 3)
            export = await analytics.done(begun.export_id)

    assert export.rows > 0


async def test_a_store_that_was_lost_is_rebuilt_and_goes_on(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    async with place.bus() as bus:
        edges = [Edge(bus, code) for code in ("menu", "door", "shelf")]
        async with serving(place.variables()) as analytics:
            for edge in edges:
                await edge.scan(7)
                await edge.scan(5)
            await stored(place, 36)
            await until(analytics.reconcile, lambda told: told.stored >= 36)
        before = await place.counts()
        place.lose_store()

        await (await build_rebuild(load(RebuildSettings, place.variables()))).serve()
        after = await place.counts()
        async with serving(place.variables()) as analytics:
            await edges[0].scan(4)
            told = await analytics.counted(16)
            await stored(place, 40)

    assert len(before) == 8  # a day and a total of each code, a month of each of their two partitions
    assert after == before
    assert told.all_time_scans == 16
    assert "`serve` goes on with 0 that wait on the bus" in capsys.readouterr().out


async def test_a_rebuild_into_a_store_with_counts_is_refused(place: Place) -> None:
    async with place.bus() as bus, serving(place.variables()) as analytics:
        await Edge(bus).scan(3)
        await stored(place, 3)
        await analytics.counted(3)

    with pytest.raises(TaskDied, match="which would count twice"):
        await (await build_rebuild(load(RebuildSettings, place.variables()))).serve()


async def test_an_adopted_log_is_archived_beside_the_old_one(place: Place) -> None:
    async with place.bus() as bus, serving(place.variables()):
        await Edge(bus).scan(3)
        await stored(place, 3)
    place.lose_log()

    await (await build_adopt(load(AnalyticsStoreSettings, place.variables()))).serve()
    async with place.bus() as bus, serving(place.variables()):
        await Edge(bus).scan(4)
        await stored(place, 7)

    assert len({key.split("/")[1] for key in await place.archived()}) == 2
