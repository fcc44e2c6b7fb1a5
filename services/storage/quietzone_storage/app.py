"""The composition roots of the storage service."""

import asyncio
import math
from collections.abc import Callable, Coroutine
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, TypeAlias

from quietzone.storage.v1.storage_service_pb2_grpc import add_StorageServiceServicer_to_server
from quietzone.tasks.v1.tasks_pb2_grpc import add_TaskServiceServicer_to_server
from quietzone_kit import roles
from quietzone_kit.blobs import Blobs, BlobsUnavailable, open_blobs
from quietzone_kit.bus import Bus, TopicMismatch, open_bus
from quietzone_kit.bus.topics import ensure_patiently
from quietzone_kit.documents import Documents, open_documents
from quietzone_kit.documents.migrations import declare
from quietzone_kit.errors import Unavailable
from quietzone_kit.http import HttpLimits, HttpServer
from quietzone_kit.ids import uuid7
from quietzone_kit.lifecycle import App, NotDone, say
from quietzone_kit.outbox import Relay
from quietzone_kit.projection import ForeignLog
from quietzone_kit.reaction import FailsOnEverything, Patience, run_reaction
from quietzone_kit.rpc import CallerKeys, Peer, Server, Tls
from quietzone_kit.runtime import SystemClock, SystemRandomness, ThreadExecutor
from quietzone_kit.settings import setting
from quietzone_kit.tasks import TASKS, Tasks, Telling, Worker
from quietzone_kit.tasks.events import TellTasks
from quietzone_kit.tasks.service import TaskService
from quietzone_kit.telemetry import logger
from quietzone_storage.assets.repository import ASSETS, Assets
from quietzone_storage.assets.use_cases import Keeper
from quietzone_storage.backups.consumers import CONSUMER as BACKUPS
from quietzone_storage.backups.consumers import BackUpCodes
from quietzone_storage.codes.consumers import DrawCodes
from quietzone_storage.codes.domain import CONSUMER, COPIES_CONSUMER
from quietzone_storage.codes.qr import QrSymbols
from quietzone_storage.codes.tasks import DRAW, DrawAgain
from quietzone_storage.codes.use_cases import Followed
from quietzone_storage.collections import COLLECTIONS
from quietzone_storage.contents.mending import Mender
from quietzone_storage.contents.repository import Contents
from quietzone_storage.contents.scrub import Scrubbed, scrub
from quietzone_storage.contents.tasks import SCRUB, Scrubs
from quietzone_storage.contents.use_cases import Shelf
from quietzone_storage.copies import Copies, CopiesUnavailable, open_copies
from quietzone_storage.copies.consumers import ForgetCopies
from quietzone_storage.copies.use_cases import CopyDesk
from quietzone_storage.deadlines import store_answers
from quietzone_storage.images.process import Images
from quietzone_storage.lifecycle.domain import Policy
from quietzone_storage.lifecycle.returns import Returns
from quietzone_storage.lifecycle.tasks import CLEAN_UP, CLEAN_UP_ALL, MOVE, CleanUps, Moves
from quietzone_storage.lifecycle.use_cases import Cleaner, CleanUp
from quietzone_storage.metrics import STOPPED
from quietzone_storage.migrations import MIGRATIONS
from quietzone_storage.prints.process import Printer
from quietzone_storage.prints.tasks import Printing
from quietzone_storage.prints.use_cases import Maker, Press
from quietzone_storage.rpc import SHOWN, Desks, StorageService, shown
from quietzone_storage.scanning import open_scanner
from quietzone_storage.serving.files import ANY_PAGE, KEPT_HEADERS, FileServer
from quietzone_storage.serving.held import HeldFiles
from quietzone_storage.serving.links import UrlKeys
from quietzone_storage.serving.sizes import RESIZED_AT_ONCE, Sizes
from quietzone_storage.serving.use_cases import Finder
from quietzone_storage.settings import (
    ChangingSettings,
    CleanUpSettings,
    FilesSettings,
    StorageSettings,
    StorageStoreSettings,
    SweepSettings,
    UrlSettings,
    WorkSettings,
)
from quietzone_storage.upkeep import SWEEP, Stalled, Upkeep, sweep_once
from quietzone_storage.uploads.tasks import ProcessImage
from quietzone_storage.uploads.use_cases import PROCESS, Pipeline, Uploads
from quietzone_storage.usage.repository import Usages
from quietzone_storage.usage.use_cases import Ledger
from quietzone_storage.verify import verify
from quietzone_topics import QR_CODE_V1, STORAGE_ASSET_V1, STORAGE_TASK_V1, TYPE_STORAGE_TASK

log = logger(__name__)

TOPICS = (QR_CODE_V1, STORAGE_ASSET_V1, STORAGE_TASK_V1)
"""All that this service reads or writes."""

DOCUMENT_THREADS = 4  # one writes, the others read meanwhile
BUS_THREADS = 4  # a relay publishes, reactions read two topics, one of them twice
BLOB_THREADS = 8  # eight partitions of codes; files that are fetched wait for milliseconds
DRAW_THREADS = 1  # drawing holds the interpreter's lock for half of its time: a second thread gains little
COPY_THREADS = 1  # an invalidation after the other
TASKS_AT_ONCE = 3  # two images that are decoded, and upkeep
RETRY_S = 2.0  # between looks for a store that isn't there when we start
HOUR_MS = 3_600_000

CLOCK = SystemClock()
RANDOMNESS = SystemRandomness()

Main: TypeAlias = Callable[[], Coroutine[Any, Any, None]]
"""A task that runs as long as its process."""


def _nobody() -> None:
    """Is woken where the worker is another process, which looks by itself."""


@dataclass(frozen=True, slots=True)
class _Stored:
    """What all roles stand on."""

    documents: Documents
    keeper: Keeper
    ledger: Ledger
    telling: Telling

    def tasks(self, wake: Callable[[], None] = _nobody) -> Tasks:
        """Tasks; `wake` is the worker's, if it runs in this process."""
        return Tasks(self.documents, CLOCK, RANDOMNESS, wake=wake, telling=self.telling)

    def uploads(self, wake: Callable[[], None] = _nobody) -> Uploads:
        """Uploads."""
        return Uploads(self.keeper, self.tasks(wake), ThreadExecutor("uploads", DRAW_THREADS), CLOCK, RANDOMNESS)

    def press(self, wake: Callable[[], None] = _nobody) -> Press:
        """Orders of prints."""
        return Press(self.keeper, self.tasks(wake), CLOCK, RANDOMNESS)


async def build(settings: StorageSettings) -> App:
    """The role `serve`: answers calls; serves files, draws codes and cleans up too, unless it is told that others do."""
    app = App(drain_s=settings.drain_s)
    bus = _bus(app, settings)
    stored = await _stored(app, settings, bus)
    wake = _work(app, settings, stored, bus).wake if settings.storage_work else _nobody
    uploads = stored.uploads(wake)
    if settings.storage_files:
        _serve_files(app, settings, stored.keeper, uploads, stored.tasks(wake))
    base, max_bytes = settings.storage_public_url, settings.storage_upload_bytes
    url_keys = _url_keys(settings)
    copies = CopyDesk(stored.keeper.assets, _copies(settings), url_keys, CLOCK, RANDOMNESS, base=base)
    desks = Desks(stored.keeper, stored.ledger, uploads, stored.press(wake), copies)
    service = StorageService(desks, url_keys, CLOCK, base=base, max_upload_bytes=max_bytes)
    keys, tls = CallerKeys.of(settings, CLOCK), Tls.of(settings, CLOCK)
    server = Server(settings.storage_listen, keys, settings, not_ready=app.not_ready, tls=tls)
    server.add(add_StorageServiceServicer_to_server, service)
    kinds = shown(stored.keeper.assets, uploads, desks.press)
    server.add(add_TaskServiceServicer_to_server, TaskService(stored.tasks(wake), kinds, store_answers))
    app.server("rpc", server)
    return app


async def build_files(settings: FilesSettings) -> App:
    """The role `files`: serves files and takes uploads, where `serve` is told not to."""
    app = App(drain_s=settings.drain_s)
    stored = await _stored(app, settings, _bus(app, settings))
    _serve_files(app, settings, stored.keeper, stored.uploads(), stored.tasks())
    return app


async def build_work(settings: WorkSettings) -> App:
    """The role `work`: draws codes and cleans up, where `serve` is told not to, or beside it."""
    app = App(drain_s=settings.drain_s)
    bus = _bus(app, settings)
    _work(app, settings, await _stored(app, settings, bus), bus)
    return app


async def build_clean_up(settings: CleanUpSettings) -> App:
    """The role `clean-up`: does with what wasn't used for long what its age asks for, says what that was, and ends."""
    app = App(drain_s=settings.drain_s)
    what = CleanUp(None, settings.storage_clean_up_prefix, settings.storage_clean_up_dry_run)
    stored = await _stored(app, settings, _bus(app, settings))

    async def clean_up() -> None:
        report = (await _cleaner(settings, stored).clean_up(what)).report
        would = ", if it weren't a dry run" if what.dry_run else ""
        say(", ".join(f"{number:,} {name}" for name, number in asdict(report).items()) + would)

    app.once("clean-up", clean_up)
    return app


async def build_sweep(settings: SweepSettings) -> App:
    """The role `sweep`: removes bytes that nobody needs, says what it did, and ends."""
    app = App(drain_s=settings.drain_s)
    documents = _store(app, settings)
    await declare(documents, COLLECTIONS, MIGRATIONS)
    shelf, assets = Shelf(Contents(documents), _blobs(app, settings), CLOCK, RANDOMNESS), Assets(documents)

    async def sweep() -> None:
        grace_ms = settings.storage_sweep_grace_h * HOUR_MS
        say(await sweep_once(shelf, assets, CLOCK, grace_ms=grace_ms, dry_run=settings.storage_sweep_dry_run))

    app.once("sweep", sweep)
    return app


async def build_scrub(settings: ChangingSettings) -> App:
    """The role `scrub`: reads all bytes and compares them with their digests, makes again what can be, says what is lost, and ends."""
    app = App(drain_s=settings.drain_s)
    stored = await _stored(app, settings, _bus(app, settings))

    async def read_all() -> None:
        scrubbed, _ = await scrub(_mender(stored.keeper), CLOCK, Scrubbed(), None, for_s=math.inf)
        say(scrubbed.told())
        if scrubbed.lost:
            raise NotDone(f"{scrubbed.lost:,} contents are lost: restore these blobs from a copy, under the same names")

    app.once("scrub", read_all)
    return app


def _checks(app: App, settings: WorkSettings) -> roles.Look:
    documents, bus, blobs = _store(app, settings), _bus(app, settings), _blobs(app, settings)
    return partial(verify, documents=documents, bus=bus, blobs=blobs, collections=COLLECTIONS)


async def _stored(app: App, settings: ChangingSettings, bus: Bus) -> _Stored:
    """The store with its relay, and the blobs."""
    documents = _store(app, settings)
    await declare(documents, COLLECTIONS, MIGRATIONS)
    relay = Relay(documents, ASSETS, bus, clock=CLOCK, randomness=RANDOMNESS, owner=uuid7(CLOCK, RANDOMNESS))
    app.task("outbox relay", _on_topics(bus, relay.run))
    of_tasks = Relay(documents, TASKS, bus, clock=CLOCK, randomness=RANDOMNESS, owner=uuid7(CLOCK, RANDOMNESS))
    app.task("outbox relay of tasks", _on_topics(bus, of_tasks.run))
    telling = Telling(TellTasks("storage", STORAGE_TASK_V1, TYPE_STORAGE_TASK, SHOWN, CLOCK), of_tasks.wake)
    assets = Assets(documents, relay.wake)
    shelf = Shelf(Contents(documents), _blobs(app, settings), CLOCK, RANDOMNESS)
    ledger = Ledger(Usages(documents), assets)
    return _Stored(documents, Keeper(assets, shelf, ledger), ledger, telling)


def _work(app: App, settings: WorkSettings, stored: _Stored, bus: Bus) -> Worker:
    """Draws codes, processes uploads, and cleans up."""
    keeper = stored.keeper
    qr = Peer("qr", settings.qr_address, CallerKeys.of(settings, CLOCK), clock=CLOCK, randomness=RANDOMNESS, tls=Tls.of(settings, CLOCK))
    app.close("qr", qr.close)
    followed = Followed(keeper, QrSymbols(qr), ThreadExecutor("draw", DRAW_THREADS), CLOCK)
    patience = Patience(of_others=(BlobsUnavailable,))
    react = partial(run_reaction, bus, QR_CODE_V1.name, CONSUMER, DrawCodes(followed), CLOCK, randomness=RANDOMNESS, patience=patience)
    app.task("codes", _stopped(CONSUMER, _on_topics(bus, react)))
    backups = partial(
        run_reaction, bus, QR_CODE_V1.name, BACKUPS, BackUpCodes(keeper.shelf.blobs), CLOCK, randomness=RANDOMNESS, patience=patience
    )
    app.task("backups", _stopped(BACKUPS, _on_topics(bus, backups)))
    if settings.storage_copies_url != "none:":
        forget = ForgetCopies(_copies(settings), CLOCK)
        patience = Patience(of_others=(CopiesUnavailable,))
        react = partial(run_reaction, bus, STORAGE_ASSET_V1.name, COPIES_CONSUMER, forget, CLOCK, randomness=RANDOMNESS, patience=patience)
        app.task("copies", _stopped(COPIES_CONSUMER, _on_topics(bus, react)))
    with setting("storage_scanner_url"):
        pipeline = Pipeline(keeper, Images(), open_scanner(settings.storage_scanner_url), CLOCK)
    grace_ms = settings.storage_sweep_grace_h * HOUR_MS
    upkeep = Upkeep(keeper, stored.ledger, Stalled(stored.uploads(), pipeline, stored.press()), CLOCK, grace_ms=grace_ms)
    cleaner = _cleaner(settings, stored)
    scrubs = Scrubs(_mender(keeper), CLOCK, every_days=settings.storage_scrub_every_days, grace_ms=grace_ms)
    clean_ups = CleanUps(cleaner, every_h=settings.storage_clean_up_every_h).kind()
    kinds = {
        SWEEP: upkeep.kind(),
        PROCESS: ProcessImage(pipeline).kind(),
        DRAW: DrawAgain(followed).kind(),
        CLEAN_UP: clean_ups,
        CLEAN_UP_ALL: clean_ups,
        MOVE: Moves(cleaner).kind(),
        SCRUB: scrubs.kind(),
        **Printing(Maker(keeper, Printer(), CLOCK)).kinds(),
    }
    owner = uuid7(CLOCK, RANDOMNESS)
    worker = Worker(
        stored.documents, kinds, clock=CLOCK, randomness=RANDOMNESS, owner=owner, concurrency=TASKS_AT_ONCE, telling=stored.telling
    )
    app.task("upkeep", worker.run)
    app.task("upkeep's tasks", partial(_keep_up, settings, stored.tasks()))
    return worker


async def _keep_up(settings: WorkSettings, tasks: Tasks) -> None:
    """See now and then that what comes again by itself does, also after it has failed for good."""
    while True:
        try:
            async with store_answers():
                await tasks.keep(SWEEP)
                if settings.storage_scrub_every_days:
                    await tasks.keep(SCRUB)
                if settings.storage_clean_up_every_h:
                    await tasks.keep(CLEAN_UP_ALL, {"prefix": "", "dry_run": False})
            await asyncio.sleep(HOUR_MS / 1000)
        except Unavailable as error:
            log.warning("no store: nobody looks after what is stored", error=str(error))
            await asyncio.sleep(RANDOMNESS.uniform(0, RETRY_S))


def _cleaner(settings: SweepSettings, stored: _Stored) -> Cleaner:
    days = settings.storage_idle_days, settings.storage_archive_days, settings.storage_delete_days
    return Cleaner(stored.keeper, CLOCK, Policy(*days, settings.storage_moved_from_bytes))


def _mender(keeper: Keeper) -> Mender:
    return Mender(keeper, Images(), ThreadExecutor("mend", DRAW_THREADS), CLOCK)


def _copies(settings: WorkSettings) -> Copies:
    with setting("storage_copies_url"):
        return open_copies(settings.storage_copies_url, ThreadExecutor("copies", COPY_THREADS))


def _url_keys(settings: UrlSettings) -> UrlKeys:
    return UrlKeys([key.strip() for key in settings.storage_url_keys.get_secret_value().split(",")])


def _serve_files(app: App, settings: FilesSettings, keeper: Keeper, uploads: Uploads, tasks: Tasks) -> None:
    held = HeldFiles(CLOCK, max_bytes=settings.storage_held_bytes)
    sizes = Sizes(keeper.shelf, Images(RESIZED_AT_ONCE), ThreadExecutor("sizes", DRAW_THREADS))
    finder = Finder(keeper.assets, keeper.shelf, held, CLOCK, sizes=sizes, returns=Returns(tasks, CLOCK))
    files = FileServer(finder, uploads, _url_keys(settings), CLOCK)
    app.task("files", files.run)
    app.server("files", _http(settings, files))


def _http(settings: FilesSettings, files: FileServer) -> HttpServer:
    return HttpServer(
        files.handle,
        CLOCK,
        host=settings.storage_host,
        port=settings.storage_port,
        keep=KEPT_HEADERS,
        limits=HttpLimits(connections=settings.storage_connections, refusal_headers=ANY_PAGE),
        bodies=files.bodies(in_all=settings.storage_uploads_at_once_bytes),
    )


def _store(app: App, settings: StorageStoreSettings) -> Documents:
    with setting("storage_documents_url"):
        executor = ThreadExecutor("documents", DOCUMENT_THREADS)
        documents = open_documents(settings.storage_documents_url, executor=executor, randomness=RANDOMNESS, owner="storage")
    app.close("documents", documents.close)
    return documents


def _blobs(app: App, settings: SweepSettings) -> Blobs:
    with setting("storage_blobs_url"):
        blobs = open_blobs(settings.storage_blobs_url, executor=ThreadExecutor("blobs", BLOB_THREADS), randomness=RANDOMNESS)
    app.close("blobs", blobs.close)
    return blobs


def _bus(app: App, settings: ChangingSettings) -> Bus:
    with setting("bus_url"):
        bus = open_bus(settings.bus_url, clock=CLOCK, executor=ThreadExecutor("bus", BUS_THREADS), randomness=RANDOMNESS)
    app.close("bus", bus.close)
    return bus


def _on_topics(bus: Bus, main: Main) -> Main:
    """A task once our topics are there. Files are served without the bus too, so its absence at the start ends nothing."""

    async def run() -> None:
        await ensure_patiently(bus, TOPICS, randomness=RANDOMNESS, meanwhile="codes wait to be drawn")
        await main()

    return run


def _stopped(consumer: str, main: Main) -> Main:
    """A consumer that stops alone: files must be served all the same, and a process that is started again fails as often again."""

    async def run() -> None:
        try:
            await main()
        except (FailsOnEverything, ForeignLog, TopicMismatch) as error:
            STOPPED.set(1)
            log.error("a consumer has stopped; the rest goes on", consumer=consumer, error=str(error))  # noqa: TRY400 - it says it all
            await asyncio.Event().wait()

    return run


build_verify = roles.verify(_checks)
build_migrate = roles.migrate(_store, COLLECTIONS, MIGRATIONS)
build_contract = roles.migrate(_store, COLLECTIONS, MIGRATIONS, contract=True)
