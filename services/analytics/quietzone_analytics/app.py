"""The composition roots of the analytics service."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from quietzone.analytics.v1.analytics_pb2_grpc import add_AnalyticsServiceServicer_to_server
from quietzone_analytics import projection, reconcile, rollups
from quietzone_analytics.partitions import adopt
from quietzone_analytics.projection import ScanProjection, ScanStates
from quietzone_analytics.reconcile import ReportProjection, ReportStates
from quietzone_analytics.rollups import Rollups
from quietzone_analytics.rpc import AnalyticsService
from quietzone_analytics.settings import AnalyticsSettings, AnalyticsStoreSettings
from quietzone_kit.bus import Bus, BusUnavailable, open_bus
from quietzone_kit.documents import Documents, open_documents
from quietzone_kit.ids import uuid7
from quietzone_kit.lifecycle import App
from quietzone_kit.projection import run_projection
from quietzone_kit.rpc import CallerKeys, Server
from quietzone_kit.runtime import SystemClock, SystemRandomness, ThreadExecutor
from quietzone_kit.settings import SettingsError, variable
from quietzone_kit.telemetry import logger
from quietzone_topics import ANALYTICS_MILESTONE_V1, TRACKING_SCAN_V1, TRACKING_SOURCE_V1

log = logger(__name__)

COLLECTIONS = (*rollups.COLLECTIONS, *projection.COLLECTIONS, *reconcile.COLLECTIONS)
"""All that this service stores."""

TOPICS = (TRACKING_SCAN_V1, TRACKING_SOURCE_V1, ANALYTICS_MILESTONE_V1)
"""All that this service reads or writes."""

DOCUMENT_THREADS = 4  # one writes, the others read meanwhile
BUS_THREADS = 2  # one writes, one reads
BUS_RETRY_S = 1.0  # between looks for a bus that isn't there when we start; questions are answered meanwhile


async def build(settings: AnalyticsSettings) -> App:
    """The role `serve`: counts scans, keeps what sources report, and answers calls."""
    app = App(drain_s=settings.drain_s)
    clock, randomness = SystemClock(), SystemRandomness()
    documents, bus = await _ports(app, settings)
    owner = uuid7(clock, randomness)

    async def count_scans() -> None:
        await _topics_are_there(bus)
        partitions = await bus.partitions(TRACKING_SCAN_V1.name)
        scans = ScanProjection(documents, bus, owner=owner, partitions=partitions, cache_bytes=settings.analytics_cache_bytes)
        await run_projection(bus, TRACKING_SCAN_V1.name, projection.GROUP, scans, clock, randomness=randomness)

    async def keep_reports() -> None:
        await _topics_are_there(bus)
        reports = ReportProjection(documents, owner=owner)
        await run_projection(bus, TRACKING_SOURCE_V1.name, projection.GROUP, reports, clock, randomness=randomness)

    async def compare() -> None:
        await _topics_are_there(bus)
        await reconcile.watch(lambda: reconcile.reconcile(*stored, bus, clock), clock)

    stored = (Rollups(documents), ScanStates(documents), ReportStates(documents))
    app.task("scans", count_scans)
    app.task("reports", keep_reports)
    app.task("reconcile", compare)
    service = AnalyticsService(*stored, bus, clock)
    server = Server(settings.analytics_listen, CallerKeys.of(settings, clock), settings, not_ready=app.not_ready)
    server.add(add_AnalyticsServiceServicer_to_server, service)
    app.server("rpc", server)
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
        sys.stdout.write("\n".join(said or ["every partition goes on where it ended: there is nothing to adopt"]) + "\n")
        app.stop()

    app.task("adopt", adopt_logs)
    return app


async def _ports(app: App, settings: AnalyticsStoreSettings) -> tuple[Documents, Bus]:
    clock, randomness = SystemClock(), SystemRandomness()
    with _setting("analytics_documents_url"):
        documents = open_documents(
            settings.analytics_documents_url, executor=ThreadExecutor("documents", DOCUMENT_THREADS), randomness=randomness
        )
    app.close("documents", documents.close)
    await documents.ensure(*COLLECTIONS)
    with _setting("bus_url"):
        bus = open_bus(settings.bus_url, clock=clock, executor=ThreadExecutor("bus", BUS_THREADS), randomness=randomness)
    app.close("bus", bus.close)
    return documents, bus


@contextmanager
def _setting(field: str) -> Iterator[None]:
    """A value that an adapter refuses is a setting that is wrong."""
    try:
        yield
    except ValueError as error:
        raise SettingsError(f"{variable(field)}: {error}") from error


async def _topics_are_there(bus: Bus) -> None:
    """Wait for the bus, and create what isn't there yet."""
    while True:
        try:
            await bus.ensure(TOPICS)
        except BusUnavailable as error:
            log.warning("no bus yet: nothing is counted", error=str(error))
            await asyncio.sleep(BUS_RETRY_S)
        else:
            return
