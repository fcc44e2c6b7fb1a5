"""The composition roots of the analytics service."""

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path

from quietzone.analytics.v1.analytics_pb2_grpc import add_AnalyticsServiceServicer_to_server
from quietzone.analytics.v1.exports_pb2_grpc import add_ExportServiceServicer_to_server
from quietzone.tasks.v1.tasks_pb2_grpc import add_TaskServiceServicer_to_server
from quietzone_analytics import archive, creations, exports, projection, reconcile, rollups
from quietzone_analytics.archive import ArchiveProjection, ArchiveStates, Due, Rebuild, Shelf
from quietzone_analytics.creations import Creations, KeepCreations
from quietzone_analytics.deadlines import store_answers
from quietzone_analytics.exports.rpc import SHOWN, ExportService
from quietzone_analytics.migrations import MIGRATIONS
from quietzone_analytics.partitions import adopt
from quietzone_analytics.projection import ScanProjection, ScanStates
from quietzone_analytics.reconcile import ReportProjection, ReportStates
from quietzone_analytics.rollups import Rollups
from quietzone_analytics.rpc import AnalyticsService
from quietzone_analytics.settings import (
    AnalyticsSettings,
    AnalyticsStoreSettings,
    ArchiveOptions,
    ArchiveSettings,
    FilesSettings,
    MigrateSettings,
    ProjectSettings,
    RebuildSettings,
    VerifySettings,
    WorkSettings,
)
from quietzone_analytics.standstill import stands_still
from quietzone_analytics.tables import Tables, open_tables
from quietzone_analytics.verify import TOPICS, verify
from quietzone_kit import roles
from quietzone_kit.blobs import Blobs, open_blobs
from quietzone_kit.bus import Bus, open_bus
from quietzone_kit.bus.topics import ensure_patiently
from quietzone_kit.documents import Documents, DocumentsUnavailable, open_documents
from quietzone_kit.documents.migrations import declare
from quietzone_kit.ids import uuid7
from quietzone_kit.lifecycle import App, say
from quietzone_kit.outbox import Relay
from quietzone_kit.projection import run_projection
from quietzone_kit.reaction import run_reaction
from quietzone_kit.rpc import CallerKeys, Server, Tls
from quietzone_kit.runtime import SystemClock, SystemRandomness, ThreadExecutor
from quietzone_kit.settings import setting
from quietzone_kit.tasks import TASKS, Tasks, Telling, Worker
from quietzone_kit.tasks.service import TaskService
from quietzone_kit.telemetry import logger
from quietzone_topics import QR_CODE_V1, TRACKING_SCAN_V1, TRACKING_SOURCE_V1

log = logger(__name__)

COLLECTIONS = (
    *rollups.COLLECTIONS,
    *projection.COLLECTIONS,
    *reconcile.COLLECTIONS,
    *archive.COLLECTIONS,
    *exports.COLLECTIONS,
    *creations.COLLECTIONS,
)
"""All that this service stores."""

DOCUMENT_THREADS = 4  # one writes, the others read meanwhile
BUS_THREADS = 3  # one writes, two read
BLOB_THREADS = 4  # two exports, a file of the archive, and somebody who reads
TABLE_THREADS = 3  # one is DuckDB's, the others write drafts meanwhile
RETRY_BASE_S, RETRY_CAP_S = 0.5, 5.0  # between looks for a store that isn't there when we start, with full jitter
EXPORTS_AT_ONCE = 2  # each takes one processor, and 100 MB


async def build(settings: AnalyticsSettings) -> App:
    """The role `serve`: answers calls; counts, archives and exports too, unless it is told that others do."""
    app = App(drain_s=settings.drain_s)
    clock, randomness = SystemClock(), SystemRandomness()
    documents, bus = await _ports(app, settings)
    stored, archived = (Rollups(documents), ScanStates(documents), ReportStates(documents)), ArchiveStates(documents)
    if settings.analytics_project:
        _project(app, documents, bus, settings)
    blobs, wake, telling = None, _nobody, Telling(exports.TellExports(clock))
    if settings.analytics_blobs_url is not None:
        blobs = _blobs(app, settings.analytics_blobs_url)
        if settings.analytics_archive:
            _archive(app, documents, bus, blobs, settings)
        if settings.analytics_work:
            wake, telling = _work(app, documents, bus, blobs, settings)
    service = AnalyticsService(*stored, bus, clock, archived=archived, creations=Creations(documents))
    keys, tls = CallerKeys.of(settings, clock), Tls.of(settings, clock)
    server = Server(settings.analytics_listen, keys, settings, not_ready=app.not_ready, tls=tls)
    server.add(add_AnalyticsServiceServicer_to_server, service)
    tasks = Tasks(documents, clock, randomness, wake=wake, telling=telling)
    server.add(add_ExportServiceServicer_to_server, ExportService(tasks, blobs))
    server.add(add_TaskServiceServicer_to_server, TaskService(tasks, SHOWN, store_answers))
    app.server("rpc", server)
    return app


async def build_project(settings: ProjectSettings) -> App:
    """The role `project`: counts scans and compares, where `serve` is told not to."""
    app = App(drain_s=settings.drain_s)
    documents, bus = await _ports(app, settings)
    _project(app, documents, bus, settings)
    return app


async def build_adopt(settings: AnalyticsStoreSettings) -> App:
    """The role `adopt`: goes on from the log that is there now, says what it did, and ends. See `partitions.adopt`."""
    app = App(drain_s=settings.drain_s)
    documents, bus = await _ports(app, settings)

    async def adopt_logs() -> None:
        await _topics_are_there(bus)
        clock = SystemClock()
        said = await adopt(ScanStates(documents), bus, TRACKING_SCAN_V1.name, clock)
        said += await adopt(ReportStates(documents), bus, TRACKING_SOURCE_V1.name, clock)
        said += [f"archive: {one}" for one in await adopt(ArchiveStates(documents), bus, TRACKING_SCAN_V1.name, clock)]
        say("\n".join(said or ["every partition goes on where it ended: there is nothing to adopt"]))

    app.once("adopt", adopt_logs)
    return app


async def build_archive(settings: ArchiveSettings) -> App:
    """The role `archive`: archives scans, where `serve` is told not to."""
    app = App(drain_s=settings.drain_s)
    documents, bus = await _ports(app, settings)
    _archive(app, documents, bus, _blobs(app, settings.analytics_blobs_url), settings)
    return app


async def build_work(settings: WorkSettings) -> App:
    """The role `work`: makes exports, where `serve` is told not to, or beside it."""
    app = App(drain_s=settings.drain_s)
    documents, bus = await _ports(app, settings)
    _work(app, documents, bus, _blobs(app, settings.analytics_blobs_url), settings)
    return app


async def build_rebuild(settings: RebuildSettings) -> App:
    """The role `rebuild`: counts the archive into an empty store, says how counting goes on from there, and ends."""
    app = App(drain_s=settings.drain_s)
    documents, bus = await _ports(app, settings)
    blobs, tables = _blobs(app, settings.analytics_blobs_url), _tables(app, settings)

    async def rebuild() -> None:
        await _topics_are_there(bus)
        partitions = await bus.partitions(TRACKING_SCAN_V1.name)
        log_id = settings.analytics_rebuild_log or (await bus.bounds(TRACKING_SCAN_V1.name, 0)).log_id
        shelf = Shelf(blobs, tables)
        await archive.check_empty(documents)
        work = await archive.files_of(shelf, log_id, partitions)
        counting = Rebuild(documents, shelf, tables, log_id, partitions=partitions)
        for partition, files in sorted(work.items()):
            rebuilt = await counting.partition(partition, files, lambda file: log.info("counted a file", file=file.key))
            say(await archive.tell_of_bus(bus, log_id, rebuilt))

    app.once("rebuild", rebuild)
    return app


def _checks(app: App, settings: VerifySettings) -> roles.Look:
    documents, bus = _store(app, settings), _bus(app, settings)
    blobs = None if settings.analytics_blobs_url is None else _blobs(app, settings.analytics_blobs_url)
    return partial(verify, documents=documents, bus=bus, blobs=blobs, collections=COLLECTIONS)


def _project(app: App, documents: Documents, bus: Bus, settings: ProjectSettings) -> None:
    """Count scans, keep what sources report and what is told of new codes, and compare the first two."""
    clock, randomness = SystemClock(), SystemRandomness()
    owner = uuid7(clock, randomness)
    stored = (Rollups(documents), ScanStates(documents), ReportStates(documents))

    async def count_scans() -> None:
        await _topics_are_there(bus)
        partitions = await bus.partitions(TRACKING_SCAN_V1.name)
        cache_bytes = settings.analytics_cache_bytes
        scans = ScanProjection(documents, bus, owner=owner, partitions=partitions, cache_bytes=cache_bytes, now_ms=clock.now_ms)
        await run_projection(bus, TRACKING_SCAN_V1.name, projection.GROUP, scans, clock, randomness=randomness)

    async def keep_reports() -> None:
        await _topics_are_there(bus)
        reports = ReportProjection(documents, owner=owner)
        await run_projection(bus, TRACKING_SOURCE_V1.name, projection.GROUP, reports, clock, randomness=randomness)

    async def compare() -> None:
        await reconcile.watch(lambda: reconcile.reconcile(*stored, bus, clock, archived=archived), clock)

    async def keep_creations() -> None:
        await _topics_are_there(bus)
        keeper = KeepCreations(Creations(documents))
        await run_reaction(bus, QR_CODE_V1.name, creations.CONSUMER, keeper, clock, randomness=randomness)

    archived = ArchiveStates(documents)
    app.task("creations", stands_still("creations", keep_creations))
    app.task("scans", stands_still("scans", count_scans))
    app.task("reports", stands_still("reports", keep_reports))
    app.task("reconcile", compare)


def _archive(app: App, documents: Documents, bus: Bus, blobs: Blobs, settings: ArchiveOptions) -> None:
    clock, randomness = SystemClock(), SystemRandomness()
    due = Due(
        settings.analytics_archive_records,
        settings.analytics_archive_file_bytes,
        settings.analytics_archive_after_s,
        settings.analytics_temp_bytes // 2,  # the other half is for a file in the making, and DuckDB's own
    )
    archived = ArchiveProjection(documents, blobs, _tables(app, settings), clock, owner=uuid7(clock, randomness), due=due)

    async def archive_scans() -> None:
        await _topics_are_there(bus)
        await run_projection(bus, TRACKING_SCAN_V1.name, archive.GROUP, archived, clock, randomness=randomness)

    app.task("archive", stands_still("archive", archive_scans))
    app.task("archive by time", archived.keep_filing)


def _work(app: App, documents: Documents, bus: Bus, blobs: Blobs, settings: FilesSettings) -> tuple[Callable[[], None], Telling]:
    """Add the worker, and what tells how exports come on; returns what wakes the one, and what the other is told by."""
    clock, randomness = SystemClock(), SystemRandomness()
    kinds = exports.kinds(Rollups(documents), blobs, _tables(app, settings), clock)
    relay = Relay(documents, TASKS, bus, clock=clock, randomness=randomness, owner=uuid7(clock, randomness))
    telling = Telling(exports.TellExports(clock), relay.wake)
    owner = uuid7(clock, randomness)
    worker = Worker(documents, kinds, clock=clock, randomness=randomness, owner=owner, concurrency=EXPORTS_AT_ONCE, telling=telling)

    async def work() -> None:
        failures = 0
        while True:
            try:
                async with store_answers():
                    await Tasks(documents, clock, randomness).keep(exports.SWEEP)
            except DocumentsUnavailable as error:
                log.warning("no store yet: no export is made", error=str(error))
                await asyncio.sleep(randomness.uniform(0, min(RETRY_CAP_S, RETRY_BASE_S * 2 ** min(failures, 10))))
                failures += 1
            else:
                break
        await worker.run()

    async def tell() -> None:
        await _topics_are_there(bus)
        await relay.run()

    app.task("work", work)
    app.task("tasks relay", tell)
    return worker.wake, telling


def _nobody() -> None:
    """Wakes nobody: another process works, and looks once a second."""


def _blobs(app: App, url: str) -> Blobs:
    executor = ThreadExecutor("blobs", BLOB_THREADS)
    with setting("analytics_blobs_url"):
        blobs = open_blobs(url, executor=executor, randomness=SystemRandomness())
    app.close("blobs", blobs.close)
    return blobs


def _tables(app: App, settings: FilesSettings) -> Tables:
    executor = ThreadExecutor("tables", TABLE_THREADS)
    folder = Path(settings.analytics_temp) if settings.analytics_temp is not None else None
    tables = open_tables(folder, executor=executor, randomness=SystemRandomness(), max_bytes=settings.analytics_temp_bytes)
    app.close("tables", tables.close)
    return tables


async def _ports(app: App, settings: AnalyticsStoreSettings) -> tuple[Documents, Bus]:
    documents = _store(app, settings)
    await declare(documents, COLLECTIONS, MIGRATIONS)
    return documents, _bus(app, settings)


def _store(app: App, settings: MigrateSettings) -> Documents:
    executor = ThreadExecutor("documents", DOCUMENT_THREADS)
    with setting("analytics_documents_url"):
        documents = open_documents(settings.analytics_documents_url, executor=executor, randomness=SystemRandomness(), owner="analytics")
    app.close("documents", documents.close)
    return documents


def _bus(app: App, settings: AnalyticsStoreSettings) -> Bus:
    executor = ThreadExecutor("bus", BUS_THREADS)
    with setting("bus_url"):
        bus = open_bus(settings.bus_url, clock=SystemClock(), executor=executor, randomness=SystemRandomness())
    app.close("bus", bus.close)
    return bus


async def _topics_are_there(bus: Bus) -> None:
    """Wait for the bus, and create what isn't there yet."""
    await ensure_patiently(bus, TOPICS, randomness=SystemRandomness(), meanwhile="nothing is counted")


build_verify = roles.verify(_checks)
build_migrate = roles.migrate(_store, COLLECTIONS, MIGRATIONS)
build_contract = roles.migrate(_store, COLLECTIONS, MIGRATIONS, contract=True)
