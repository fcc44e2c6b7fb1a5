"""The composition root of the qr service."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from quietzone.qr.v1.code_service_pb2_grpc import add_CodeServiceServicer_to_server
from quietzone_kit.bus import Bus, BusUnavailable, open_bus
from quietzone_kit.cache import open_cache
from quietzone_kit.documents import open_documents
from quietzone_kit.ids import uuid7
from quietzone_kit.lifecycle import App
from quietzone_kit.outbox import Relay
from quietzone_kit.rpc import CallerKeys, Server
from quietzone_kit.runtime import SystemClock, SystemRandomness, ThreadExecutor
from quietzone_kit.settings import SettingsError, variable
from quietzone_kit.telemetry import logger
from quietzone_qr.codes.domain import ScanBase
from quietzone_qr.codes.repository import CODES, COLLECTIONS, Codes
from quietzone_qr.rendering import Gate, Renderer
from quietzone_qr.rpc import CodeService
from quietzone_qr.settings import QrSettings
from quietzone_topics import QR_CODE_V1

log = logger(__name__)

DOCUMENT_THREADS = 4  # one writes, the others read meanwhile
BUS_THREADS = 2  # only the relay uses the bus here
RENDER_THREADS = 1  # drawing holds the interpreter's lock: a second thread would only wait for the first
BUS_RETRY_S = 1.0  # between looks for a bus that isn't there when we start; events wait in their documents


async def build(settings: QrSettings) -> App:
    """The role `serve`: answers calls, and relays the events that wait in codes."""
    app = App(drain_s=settings.drain_s)
    clock, randomness = SystemClock(), SystemRandomness()
    with _setting("qr_documents_url"):
        store = ThreadExecutor("documents", DOCUMENT_THREADS)
        documents = open_documents(settings.qr_documents_url, executor=store, randomness=randomness)
    app.close("documents", documents.close)
    await documents.ensure(*COLLECTIONS)
    with _setting("bus_url"):
        bus = open_bus(settings.bus_url, clock=clock, executor=ThreadExecutor("bus", BUS_THREADS), randomness=randomness)
    app.close("bus", bus.close)
    relay = Relay(documents, CODES, bus, clock=clock, randomness=randomness, owner=uuid7(clock, randomness))
    app.task("outbox relay", lambda: _relay(bus, relay))
    with _setting("cache_url"):
        cache = open_cache(settings.cache_url, clock=clock, randomness=randomness)
    app.close("cache", cache.close)
    app.task("cache", cache.run)
    renderer = Renderer(ThreadExecutor("render", RENDER_THREADS), Gate(), cache)
    service = CodeService(Codes(documents, relay.wake), renderer, clock, randomness, ScanBase.parse(settings.scan_base_url))
    server = Server(settings.qr_listen, CallerKeys.of(settings, clock), settings, not_ready=app.not_ready)
    server.add(add_CodeServiceServicer_to_server, service)
    app.server("rpc", server)
    return app


@contextmanager
def _setting(field: str) -> Iterator[None]:
    """A value that an adapter refuses is a setting that is wrong."""
    try:
        yield
    except ValueError as error:
        raise SettingsError(f"{variable(field)}: {error}") from error


async def _relay(bus: Bus, relay: Relay) -> NoReturn:
    """Publish until cancelled. Codes are issued and changed without the bus too, so its absence at the start ends nothing."""
    while True:
        try:
            await bus.ensure([QR_CODE_V1])
            break
        except BusUnavailable as error:
            log.warning("no bus yet: events wait", error=str(error))
            await asyncio.sleep(BUS_RETRY_S)
    await relay.run()
