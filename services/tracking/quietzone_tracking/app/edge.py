"""The role `edge`: it needs its disk; store, bus and qr may come later."""

from quietzone_kit.http import HttpLimits, HttpServer
from quietzone_kit.ids import uuid7
from quietzone_kit.lifecycle import App
from quietzone_kit.runtime import ThreadExecutor
from quietzone_tracking.app.peers import qr_of
from quietzone_tracking.app.ports import CLOCK, RANDOMNESS, bus_of, documents_of, files_of
from quietzone_tracking.edge import KEPT_HEADERS, Edge, EdgeOptions, ScanTraces
from quietzone_tracking.links import LinkMemory, LinkStore, LinkView, SnapshotFile
from quietzone_tracking.links.rpc import QrResolver
from quietzone_tracking.salts import HeldSalts, SaltStore
from quietzone_tracking.settings.edge import EdgeSettings
from quietzone_tracking.spool import SpoolLimits, SpoolWriter

SETTINGS = EdgeSettings


async def build(settings: EdgeSettings) -> App:
    """Answers scans."""
    app = App(drain_s=settings.drain_s)
    files, documents, bus = files_of(settings), documents_of(app, settings), bus_of(app, settings)
    qr = qr_of(app, settings)
    view = LinkView(
        LinkMemory(CLOCK.monotonic, capacity=settings.tracking_links_held),
        LinkStore(documents),
        bus,
        SnapshotFile(files),
        clock=CLOCK,
        randomness=RANDOMNESS,
        executor=ThreadExecutor("snapshot"),
        resolver=QrResolver(qr),
    )
    app.task("links", view.run)
    app.ready_when("links", view.not_ready)
    salts = HeldSalts(SaltStore(documents, RANDOMNESS), CLOCK)
    app.task("salts", salts.run)
    app.ready_when("salts", salts.not_ready)
    spool = SpoolWriter.open(files, ThreadExecutor("spool"), CLOCK, _limits(settings), new_source=lambda: uuid7(CLOCK, RANDOMNESS))
    app.close("spool", spool.close)
    app.task("spool", spool.run)
    traces = ScanTraces(RANDOMNESS, settings.traces_ratio) if settings.traces_url else None
    options = EdgeOptions(ack=settings.scan_ack, trusted_proxies=settings.trusted_proxies, traces=traces)
    edge = Edge(view, spool, CLOCK, salts, options)
    app.task("edge", edge.run)
    app.server("scans", _server(settings, edge))
    return app


def _limits(settings: EdgeSettings) -> SpoolLimits:
    return SpoolLimits(
        segment_bytes=settings.tracking_segment_bytes,
        spool_bytes=settings.tracking_spool_bytes,
        flush_interval_ms=settings.tracking_flush_interval_ms,
    )


def _server(settings: EdgeSettings, edge: Edge) -> HttpServer:
    return HttpServer(
        edge.handle,
        CLOCK,
        host=settings.tracking_host,
        port=settings.tracking_port,
        keep=KEPT_HEADERS,
        limits=HttpLimits(connections=settings.tracking_connections),
        reuse_port=settings.tracking_reuse_port,
    )
