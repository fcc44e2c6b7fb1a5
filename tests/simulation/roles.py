"""What runs in each simulated process: production classes, put together as their service's app does."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, TypeVar, cast

from quietzone_analytics.projection import COLLECTIONS as SCAN_COLLECTIONS
from quietzone_analytics.projection import GROUP as SCAN_GROUP
from quietzone_analytics.projection import ScanProjection
from quietzone_analytics.reconcile import COLLECTIONS as REPORT_COLLECTIONS
from quietzone_analytics.reconcile import ReportProjection
from quietzone_analytics.rollups import COLLECTIONS as ROLLUP_COLLECTIONS
from quietzone_kit.bus import Bus, BusUnavailable
from quietzone_kit.documents import DocumentsUnavailable
from quietzone_kit.errors import NotFound, Unavailable
from quietzone_kit.ids import uuid7
from quietzone_kit.outbox import Relay
from quietzone_kit.projection import run_projection
from quietzone_qr.codes.domain import NOBODY, AccountId, Code, ScanBase
from quietzone_qr.codes.events import to_message
from quietzone_qr.codes.repository import CODES, Codes
from quietzone_qr.codes.repository import COLLECTIONS as QR_COLLECTIONS
from quietzone_qr.codes.requests import Edit, NewCode
from quietzone_qr.codes.use_cases import create_code, delete_code, resolve_slug, update_code
from quietzone_qr.rendering import Image, ImageFormat, Renderer
from quietzone_topics import QR_CODE_V1, TRACKING_SCAN_V1, TRACKING_SOURCE_V1
from quietzone_tracking.decide import Link
from quietzone_tracking.edge import Edge, EdgeOptions
from quietzone_tracking.forwarder import Forwarder
from quietzone_tracking.forwarder.enrich import Enricher, NoCountries
from quietzone_tracking.forwarder.enrich.agents import Agents
from quietzone_tracking.links import GROUP as LINK_GROUP
from quietzone_tracking.links import LinkMemory, LinkProjection, LinkStore, LinkView, SnapshotFile
from quietzone_tracking.links.events import link_of_code
from quietzone_tracking.salts import HeldSalts, SaltStore
from quietzone_tracking.spool import NotRecorded, SpooledScan, SpoolLimits, SpoolWriter
from simulation.places import Place
from simulation.process import Gone
from simulation.tuning import PARTITIONS, TOPICS
from simulation.world import SPOOL_FOLDER, Role, World

T = TypeVar("T")

ANALYTICS_COLLECTIONS = (*SCAN_COLLECTIONS, *ROLLUP_COLLECTIONS, *REPORT_COLLECTIONS)

AGENTS = Agents()
"""Compiled once: it is a pure function."""

SCAN = ScanBase.parse("https://qz.test")

ASK_QR_S = 1.0
"""How long an edge waits for qr, as quietzone_tracking.links.rpc does."""


class NoPictures:
    """Draws nothing: promise 3 isn't simulated, and an image takes longer than a history."""

    async def render(self, payload: str, image_format: ImageFormat, size_px: int = 0) -> Image:  # noqa: ARG002 - the renderer's
        """No image."""
        return Image(b"", "", "")


class QrApi:
    """What owners and edges ask of qr: its use cases."""

    def __init__(self, codes: Codes, place: Place) -> None:
        self._codes = codes
        self._place = place
        self._renderer = cast("Renderer", NoPictures())

    async def create(self, account_id: AccountId, new: NewCode) -> Code:
        """A new code."""
        place = self._place
        create = partial(create_code, self._codes, self._renderer, place.clock, place.randomness, scan=SCAN)
        return (await create(account_id=account_id, new=new, act=NOBODY)).code

    async def update(self, code: Code, edit: Edit) -> Code:
        """The code as it is then."""
        update = partial(update_code, self._codes, self._place.clock, scan=SCAN, account_id=code.account_id)
        return await update(code_id=code.code_id, edit=edit, act=NOBODY)

    async def delete(self, code: Code) -> Code:
        """The tombstone."""
        await delete_code(self._codes, self._place.clock, account_id=code.account_id, code_id=code.code_id, act=NOBODY)
        return await resolve_slug(self._codes, code.slug)

    async def resolve(self, slug: str) -> Code:
        """Whoever's code it is."""
        return await resolve_slug(self._codes, slug)


async def qr(place: Place, role: Role) -> None:
    """Codes, and the relay of their events."""
    documents, bus = place.documents("qr"), place.bus()
    await patiently(partial(documents.ensure, *QR_COLLECTIONS))
    relay = Relay(documents, CODES, bus, clock=place.clock, randomness=place.randomness, owner=uuid7(place.clock, place.randomness))
    codes = Codes(documents, relay.wake)
    role.service = QrApi(codes, place)
    await until_stopped(role, _relay(relay, bus))


async def _relay(relay: Relay, bus: Bus) -> None:
    await patiently(partial(bus.ensure, TOPICS))
    await relay.run()


async def links(place: Place, role: Role) -> None:
    """The projection that fills the link store."""
    bus = place.bus()
    await patiently(partial(bus.ensure, TOPICS))
    projection = LinkProjection(LinkStore(place.documents("tracking")), place.clock, owner=uuid7(place.clock, place.randomness))
    await until_stopped(role, run_projection(bus, QR_CODE_V1.name, LINK_GROUP, projection, place.clock, randomness=place.randomness))


async def analytics(place: Place, role: Role) -> None:
    """A worker of the projections of scans and of sources' reports."""
    documents, bus = place.documents("analytics"), place.bus()
    await patiently(partial(documents.ensure, *ANALYTICS_COLLECTIONS))
    await patiently(partial(bus.ensure, TOPICS))
    owner = uuid7(place.clock, place.randomness)
    scans = ScanProjection(documents, bus, owner=owner, cache_bytes=100_000, partitions=PARTITIONS)
    reports = ReportProjection(documents, owner=owner)
    await until_stopped(
        role,
        run_projection(bus, TRACKING_SCAN_V1.name, SCAN_GROUP, scans, place.clock, randomness=place.randomness, max_records=50),
        run_projection(bus, TRACKING_SOURCE_V1.name, SCAN_GROUP, reports, place.clock, randomness=place.randomness),
    )


async def forwarder(place: Place, role: Role) -> None:
    """The forwarder of a machine's spool."""
    bus = place.bus()
    await patiently(partial(bus.ensure, TOPICS))
    running = Forwarder(
        place.files(SPOOL_FOLDER),
        bus,
        Enricher(AGENTS, NoCountries()),
        clock=place.clock,
        randomness=place.randomness,
        executor=place.executor(),
    )
    role.stop = running.stop
    await running.run()
    await bus.close()


@dataclass(frozen=True, slots=True)
class EdgePlan:
    """How the edges of a history are set up: `memory` links fit; `unrecorded` hears the referrer of each scan that couldn't be written."""

    ack: Literal["spool", "disk"]
    limits: SpoolLimits
    memory: int
    unrecorded: Callable[[str], None]


async def edge(place: Place, role: Role, *, world: World, plan: EdgePlan) -> None:
    """A scan edge, asked by its handler, without sockets."""
    files = place.files(SPOOL_FOLDER)
    spool = _Spool.open(files, place.executor(), place.clock, plan.limits, new_source=lambda: uuid7(place.clock, place.randomness))
    spool.unrecorded_referrer = plan.unrecorded
    documents = place.documents("tracking")
    salts = HeldSalts(SaltStore(documents, place.randomness), place.clock)
    view = LinkView(
        LinkMemory(place.clock.monotonic, capacity=plan.memory),
        LinkStore(documents),
        place.bus(),
        SnapshotFile(files),
        clock=place.clock,
        randomness=place.randomness,
        executor=place.executor(),
        resolver=_QrAcrossTheNetwork(world),
    )
    handler = Edge(view, spool, place.clock, salts, EdgeOptions(ack=plan.ack))
    await until_stopped(role, spool.run(), view.run(), salts.run(), handler.run(), _serve(role, view, ScanPort(handler)))
    await spool.close()


async def _serve(role: Role, view: LinkView, port: "ScanPort") -> None:
    while view.not_ready() is not None:
        await asyncio.sleep(0.1)
    role.service = port


class ScanPort:
    """The edge's port for scans."""

    def __init__(self, handler: Edge) -> None:
        self._handler = handler

    async def ask(self, method: bytes, slug: str, headers: dict[bytes, bytes]) -> tuple[int, str, bytes]:
        """Status, Location and body of the answer; the body also when HEAD asks, so that pages can be told apart."""
        request = _Request(method, slug, headers)
        self._handler.handle(request)
        return await request.answer


class _Request:
    """kit.http's Request, without a connection."""

    def __init__(self, method: bytes, slug: str, headers: dict[bytes, bytes]) -> None:
        self.method = method
        self.target = f"/{slug}".encode()
        self.headers = headers
        self.peer = "203.0.113.7"
        self.memo: object = None
        self.answer: asyncio.Future[tuple[int, str, bytes]] = asyncio.get_running_loop().create_future()

    def reply(self, head: bytes, body: bytes = b"") -> None:
        """The answer, unless the client has gone."""
        if self.answer.done():
            return
        lines = head.decode("ascii").split("\r\n")
        location = [line.partition(": ")[2] for line in lines if line.lower().startswith("location: ")]
        self.answer.set_result((int(lines[0].split(" ")[1]), location[0] if location else "", body))


class _Spool(SpoolWriter):
    """The production class, which also tells the simulation what it couldn't write."""

    unrecorded_referrer: Callable[[str], None]

    def append(self, scans: Any) -> int:
        """As the production class."""
        try:
            return super().append(scans)
        except NotRecorded:
            for scan in cast("list[SpooledScan]", scans):
                self.unrecorded_referrer(scan.referrer.decode().split("/")[2])
            raise


class _QrAcrossTheNetwork:
    """The edge's way to qr, without gRPC."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def resolve(self, slug: str) -> Link | None:
        """The link of a slug."""
        try:
            code = await self._world.ask(self._world.roles["qr-1"], lambda api: cast("QrApi", api).resolve(slug), within_s=ASK_QR_S)
        except (Gone, TimeoutError) as error:
            raise Unavailable(f"qr doesn't answer: {error!r}") from error
        except NotFound:
            return None
        return link_of_code(to_message(code))


async def until_stopped(role: Role, *mains: Coroutine[Any, Any, None]) -> None:
    """Run these until the role is asked to stop, or until one of them fails."""
    stopping = asyncio.Event()
    role.stop = stopping.set
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(main) for main in mains]
        await stopping.wait()
        role.service = None
        for task in tasks:
            task.cancel()


async def patiently(call: Callable[[], Awaitable[T]]) -> T:
    """Try again while a port refuses: what a supervisor's restarts come to."""
    while True:
        try:
            return await call()
        except (BusUnavailable, DocumentsUnavailable):
            await asyncio.sleep(0.2)
