"""The composition root of the qr service."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, TypeAlias

from prometheus_client import Gauge

from quietzone.qr.v1.code_service_pb2_grpc import add_CodeServiceServicer_to_server
from quietzone_kit import roles
from quietzone_kit.bus import Bus, TopicMismatch, open_bus
from quietzone_kit.bus.topics import ensure_patiently
from quietzone_kit.cache import Cache, open_cache
from quietzone_kit.documents import Documents, open_documents
from quietzone_kit.documents.migrations import declare
from quietzone_kit.ids import uuid7
from quietzone_kit.lifecycle import App
from quietzone_kit.outbox import Relay
from quietzone_kit.outside import SystemResolver
from quietzone_kit.projection import ForeignLog, run_projection
from quietzone_kit.reaction import FailsOnEverything, run_reaction
from quietzone_kit.rpc import CallerKeys, Server, Tls
from quietzone_kit.runtime import SystemClock, SystemRandomness, ThreadExecutor
from quietzone_kit.settings import setting
from quietzone_kit.tasks import Kind, Tasks, Worker
from quietzone_kit.telemetry import logger
from quietzone_qr.codes.domain import ScanBase
from quietzone_qr.codes.repository import CODES, COLLECTIONS, Codes
from quietzone_qr.counters.metrics import STOPPED as COUNTERS_STOPPED
from quietzone_qr.counters.projection import GROUP as COUNTERS
from quietzone_qr.counters.projection import CounterProjection
from quietzone_qr.counters.repository import COLLECTIONS as COUNTER_COLLECTIONS
from quietzone_qr.counters.repository import CounterStore
from quietzone_qr.counters.use_cases import Totalled
from quietzone_qr.health.ask import Asker
from quietzone_qr.health.consumers import NAME, FollowCodes
from quietzone_qr.health.domain import Schedule
from quietzone_qr.health.metrics import STOPPED
from quietzone_qr.health.repository import COLLECTIONS as HEALTH_COLLECTIONS
from quietzone_qr.health.repository import HEALTH, Healths
from quietzone_qr.health.tasks import WITHIN_S, CheckDestination, user_agent
from quietzone_qr.health.use_cases import CHECK
from quietzone_qr.migrations import MIGRATIONS
from quietzone_qr.rendering import Gate, Renderer, WarmUp
from quietzone_qr.rpc import CodeService
from quietzone_qr.settings import HealthSettings, QrSettings, QrStoreSettings
from quietzone_qr.verify import verify
from quietzone_topics import QR_CODE_V1, QR_DESTINATION_V1

log = logger(__name__)

DOCUMENT_THREADS = 4  # one writes, the others read meanwhile
BUS_THREADS = 4  # two relays publish, a reaction reads two topics
RENDER_THREADS = 1  # drawing holds the interpreter's lock: a second thread would only wait for the first
RESOLVER_THREADS = 4  # a look-up that hangs keeps one for up to half a minute
CHECKS_AT_ONCE = 8
"""Destinations that are asked at once: at 0.2 s each, three million a day; one that hangs takes 10 s of its place."""

Main: TypeAlias = Callable[[], Coroutine[Any, Any, None]]
"""A task that runs as long as its process."""

ALL_COLLECTIONS = (*COLLECTIONS, *(each for each in HEALTH_COLLECTIONS if each not in COLLECTIONS), *COUNTER_COLLECTIONS)
"""All that this service stores."""

TOPICS = (QR_CODE_V1, QR_DESTINATION_V1)
"""All that this service writes."""

CLOCK = SystemClock()
RANDOMNESS = SystemRandomness()


async def build(settings: QrSettings) -> App:
    """The role `serve`: answers calls, relays the events that wait in codes, and asks destinations unless another process does."""
    app = App(drain_s=settings.drain_s)
    documents = await _documents(app, settings)
    bus = _bus(app, settings)
    relay = Relay(documents, CODES, bus, clock=CLOCK, randomness=RANDOMNESS, owner=uuid7(CLOCK, RANDOMNESS))
    app.task("outbox relay", _on_topics(bus, relay.run))
    _count_codes(app, documents, bus)
    if settings.qr_health:
        _ask_destinations(app, settings, documents, bus)
    cache = _cache(app, settings)
    app.task("cache", cache.run)
    executor, gate = ThreadExecutor("render", RENDER_THREADS), Gate()
    warm_up = WarmUp(Renderer(executor, gate))
    app.task("warm-up", warm_up.run)
    app.ready_when("first symbol", warm_up.not_ready)
    renderer = Renderer(executor, gate, cache)
    scan = ScanBase.parse(settings.scan_base_url)
    totalled = Totalled(CounterStore(documents), CLOCK)
    codes, healths = Codes(documents, relay.wake), Healths(documents)
    service = CodeService(codes, renderer, CLOCK, RANDOMNESS, scan, healths=healths, totalled=totalled)
    keys, tls = CallerKeys.of(settings, CLOCK), Tls.of(settings, CLOCK)
    server = Server(settings.qr_listen, keys, settings, not_ready=app.not_ready, tls=tls)
    server.add(add_CodeServiceServicer_to_server, service)
    app.server("rpc", server)
    return app


async def build_health(settings: HealthSettings) -> App:
    """The role `health`: asks destinations, and nothing else."""
    app = App(drain_s=settings.drain_s)
    documents = await _documents(app, settings)
    _ask_destinations(app, settings, documents, _bus(app, settings))
    return app


def _checks(app: App, settings: QrSettings) -> roles.Look:
    documents, bus, cache = _store(app, settings), _bus(app, settings), _cache(app, settings)
    return partial(verify, documents=documents, bus=bus, cache=cache, collections=ALL_COLLECTIONS)


def _ask_destinations(app: App, settings: HealthSettings, documents: Documents, bus: Bus) -> None:
    """Link health: hears of codes, runs the checks, and relays what they found."""
    if not settings.qr_health_every_hours:
        log.info("destinations are not asked: QUIETZONE_QR_HEALTH_EVERY_HOURS is 0")
        return
    relay = Relay(documents, HEALTH, bus, clock=CLOCK, randomness=RANDOMNESS, owner=uuid7(CLOCK, RANDOMNESS))
    healths = Healths(documents, relay.wake)
    resolver = SystemResolver(ThreadExecutor("resolver", RESOLVER_THREADS))
    asker = Asker(resolver, CLOCK, user_agent=user_agent(settings.scan_base_url), private=settings.qr_health_private)
    schedule = Schedule(settings.qr_health_every_hours * 3_600_000, tuple(int(wait_s) * 1000 for wait_s in settings.qr_health_retry_s))
    checks = Kind(CheckDestination(healths, asker, schedule, CLOCK, RANDOMNESS), within_s=WITHIN_S)
    worker = Worker(
        documents, {CHECK: checks}, clock=CLOCK, randomness=RANDOMNESS, owner=uuid7(CLOCK, RANDOMNESS), concurrency=CHECKS_AT_ONCE
    )
    follower = FollowCodes(healths, Tasks(documents, CLOCK, RANDOMNESS, wake=worker.wake), CLOCK)
    app.task("health relay", _on_topics(bus, relay.run))
    app.task("health checks", worker.run)
    react = partial(run_reaction, bus, QR_CODE_V1.name, NAME, follower, CLOCK, randomness=RANDOMNESS)
    told = "link health hears of no codes any more; the rest goes on"
    app.task("health of codes", _stopped(_on_topics(bus, react), STOPPED, told))


def _count_codes(app: App, documents: Documents, bus: Bus) -> None:
    """Counters of codes; all processes share the partitions."""
    projection = CounterProjection(CounterStore(documents), CLOCK, owner=uuid7(CLOCK, RANDOMNESS))
    count = partial(run_projection, bus, QR_CODE_V1.name, COUNTERS, projection, CLOCK, randomness=RANDOMNESS)
    app.task("counters", _stopped(_on_topics(bus, count), COUNTERS_STOPPED, "codes are counted no more; the rest goes on"))


async def _documents(app: App, settings: QrStoreSettings) -> Documents:
    documents = _store(app, settings)
    await declare(documents, ALL_COLLECTIONS, MIGRATIONS)
    return documents


def _store(app: App, settings: QrStoreSettings) -> Documents:
    with setting("qr_documents_url"):
        executor = ThreadExecutor("documents", DOCUMENT_THREADS)
        documents = open_documents(settings.qr_documents_url, executor=executor, randomness=RANDOMNESS, owner="qr")
    app.close("documents", documents.close)
    return documents


def _cache(app: App, settings: QrSettings) -> Cache:
    with setting("cache_url"):
        cache = open_cache(settings.cache_url, clock=CLOCK, randomness=RANDOMNESS)
    app.close("cache", cache.close)
    return cache


def _bus(app: App, settings: HealthSettings) -> Bus:
    with setting("bus_url"):
        bus = open_bus(settings.bus_url, clock=CLOCK, executor=ThreadExecutor("bus", BUS_THREADS), randomness=RANDOMNESS)
    app.close("bus", bus.close)
    return bus


def _on_topics(bus: Bus, main: Main) -> Main:
    """A task once our topics are there. Codes are issued and changed without the bus too, so its absence at the start ends nothing."""

    async def run() -> None:
        await ensure_patiently(bus, TOPICS, randomness=RANDOMNESS, meanwhile="events wait")
        await main()

    return run


def _stopped(main: Main, stopped: Gauge, told: str) -> Main:
    """A consumer that stops alone: codes must be issued and changed, and what is known of destinations be checked all the same.

    Nor may its end be the process's where it is by itself: whatever starts that again lets it fail on as many records again.
    """

    async def run() -> None:
        try:
            await main()
        except (FailsOnEverything, ForeignLog, TopicMismatch) as error:
            stopped.set(1)
            log.error(told, error=str(error))  # noqa: TRY400 - it says it all
            await asyncio.Event().wait()

    return run


build_verify = roles.verify(_checks)
build_migrate = roles.migrate(_store, ALL_COLLECTIONS, MIGRATIONS)
build_contract = roles.migrate(_store, ALL_COLLECTIONS, MIGRATIONS, contract=True)
