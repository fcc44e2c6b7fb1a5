"""Every service that the contracts declare, served as in production, with an account that has something of everything."""

import importlib
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from contract.access.requests import EXAMPLES, Things
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from unit.analytics.archive.places import MemoryBlobs
from unit.analytics.memory import MemoryBus
from unit.analytics.scans import Seen, batch, record
from unit.analytics.world import bounds

from quietzone.analytics.v1 import analytics_pb2_grpc, exports_pb2_grpc
from quietzone.qr.v1 import code_service_pb2, code_service_pb2_grpc
from quietzone_analytics.app import COLLECTIONS as ANALYTICS_COLLECTIONS
from quietzone_analytics.archive import ArchiveStates
from quietzone_analytics.exports.rpc import ExportService
from quietzone_analytics.projection import ScanProjection, ScanStates
from quietzone_analytics.reconcile import ReportStates
from quietzone_analytics.rollups import Rollups
from quietzone_analytics.rpc import AnalyticsService
from quietzone_kit.bus import Bounds
from quietzone_kit.documents import Body, Collection, Documents, DocumentsUnavailable, open_documents
from quietzone_kit.rpc import SERVICE_SCOPES, Caller, CallerKeys, Peer, RpcSettings, Server
from quietzone_kit.runtime import SystemClock, SystemRandomness, ThreadExecutor
from quietzone_kit.tasks import Tasks
from quietzone_qr.app import ALL_COLLECTIONS as QR_COLLECTIONS
from quietzone_qr.codes.domain import ScanBase
from quietzone_qr.codes.repository import Codes
from quietzone_qr.counters.projection import CounterProjection
from quietzone_qr.counters.repository import CounterStore
from quietzone_qr.counters.use_cases import Totalled
from quietzone_qr.health.repository import Healths
from quietzone_qr.rendering import Gate, Renderer
from quietzone_qr.rpc import CodeService
from quietzone_topics import ANALYTICS_MILESTONE_V1, QR_CODE_V1, TRACKING_SCAN_V1, TRACKING_SOURCE_V1

PROTO = Path(__file__).parents[3] / "proto"
CLOCK, RANDOMNESS = SystemClock(), SystemRandomness()
OWNER = Caller("owner", SERVICE_SCOPES, "user:owner")
STRANGER = Caller("stranger", SERVICE_SCOPES, "user:stranger")
NOTHING = Things("019a0b2e-7c1e-7f3a-9d55-2f6d1c0b7aff", "nothing", "019a0b2e-7c1e-7f3a-9d55-2f6d1c0b7afe", "nothing")


@cache
def contracts() -> Mapping[str, MethodDescriptor]:
    """Each method of each service in the contracts, such as `quietzone.qr.v1.CodeService/GetCode`."""
    found: dict[str, MethodDescriptor] = {}
    for file in sorted(PROTO.glob("quietzone/**/*.proto")):
        module = importlib.import_module(".".join(file.relative_to(PROTO).with_suffix("").parts) + "_pb2")
        for service in module.DESCRIPTOR.services_by_name.values():
            found.update((f"{service.full_name}/{method.name}", method) for method in service.methods)
    return found


@dataclass
class Place:
    """The services, the things of OWNER, and what is stored."""

    peer: Peer
    things: Things
    stores: tuple[tuple[Documents, tuple[Collection, ...]], ...]

    async def call(self, method: str, caller: Caller | None, things: Things | None = None) -> Any:
        """Make the example's request, by default for the owner's things."""
        return await self.send(method, caller, EXAMPLES[method].of(things or self.things))

    async def send(self, method: str, caller: Caller | None, request: Message) -> Any:
        """Make a request."""
        answer = GetMessageClass(contracts()[method].output_type)
        stub = self.peer.channel.unary_unary(f"/{method}", type(request).SerializeToString, answer.FromString)
        return await self.peer.call(stub, request, caller=caller)

    async def of_owner(self) -> dict[tuple[str, str], Body]:
        """All documents that are the owner's."""
        found: dict[tuple[str, str], Body] = {}
        for documents, collections in self.stores:
            for collection in collections:
                for stored in (await documents.scan(collection, limit=10_000)).items:
                    if stored.body.get("account_id") == OWNER.account_id:
                        found[collection.name, str(stored.body[collection.key])] = stored.body
        return found


@asynccontextmanager
async def served(folder: Path) -> AsyncIterator[Place]:
    """All services on one socket."""
    settings = RpcSettings(caller_key="k" * 32)
    keys = CallerKeys.of(settings, CLOCK)
    async with AsyncExitStack() as opened:
        executor = ThreadExecutor("documents", 2)
        opened.callback(executor.close)
        qr, analytics = (open_documents("sqlite://:memory:", executor=executor, randomness=RANDOMNESS) for _ in range(2))
        for documents, collections in ((qr, QR_COLLECTIONS), (analytics, ANALYTICS_COLLECTIONS)):
            opened.push_async_callback(documents.close)
            await documents.ensure(*collections)
        server = Server(f"unix:{folder}/s", keys, settings, not_ready=list)
        server.add(code_service_pb2_grpc.add_CodeServiceServicer_to_server, code_service(qr, executor))
        server.add(analytics_pb2_grpc.add_AnalyticsServiceServicer_to_server, analytics_service(analytics))
        exports = ExportService(Tasks(analytics, CLOCK, RANDOMNESS), MemoryBlobs())  # type: ignore[arg-type] # as much of one as is used
        server.add(exports_pb2_grpc.add_ExportServiceServicer_to_server, exports)
        await server.start()
        opened.push_async_callback(server.stop, 0)
        peer = Peer("services", f"unix:{folder}/s", keys, clock=CLOCK, randomness=RANDOMNESS)
        opened.push_async_callback(peer.close)
        place = Place(peer, NOTHING, ((qr, QR_COLLECTIONS), (analytics, ANALYTICS_COLLECTIONS)))
        await furnish(place, qr, analytics)
        yield place


def code_service(documents: Documents, executor: ThreadExecutor) -> CodeService:
    totalled = Totalled(CounterStore(documents), CLOCK)
    return CodeService(
        Codes(documents, lambda: None),
        Renderer(executor, Gate()),
        CLOCK,
        RANDOMNESS,
        ScanBase.parse("https://q.example"),
        healths=Healths(documents),
        totalled=totalled,
    )


def analytics_service(documents: Documents) -> AnalyticsService:
    bus = MemoryBus()
    for topic in (TRACKING_SCAN_V1, TRACKING_SOURCE_V1, ANALYTICS_MILESTONE_V1):
        bus.bounds_of |= {(topic.name, partition): Bounds("log", 0, 0) for partition in range(topic.partitions)}
    stored = Rollups(documents), ScanStates(documents), ReportStates(documents)
    return AnalyticsService(*stored, bus, CLOCK, archived=ArchiveStates(documents))  # type: ignore[arg-type] # as much of a bus as is asked


async def furnish(place: Place, qr: Documents, analytics: Documents) -> None:
    """Give the owner a code with a secret tag, an export, and a scan; and have its codes counted."""
    request = code_service_pb2.CreateCodeRequest(
        destination="https://example.com/secret", title="secret", slug="secret", tags=["secret"], folder="secret", request_id="first"
    )
    code = (await place.send("quietzone.qr.v1.CodeService/CreateCode", OWNER, request)).code
    export = (await place.call("quietzone.analytics.v1.ExportService/CreateExport", OWNER)).export
    place.things = Things(code.id, code.slug, export.export_id, "first")
    scan = record(batch([Seen(1, code=code.id, account=OWNER.account_id)], prev_seq=0), 0)
    scans = ScanProjection(analytics, MemoryBus(), owner="test", partitions=1, cache_bytes=1_000_000)
    await scans.claim(0, bounds([scan]))
    await scans.apply(0, [scan], next_offset=1)
    counters = CounterProjection(CounterStore(qr), CLOCK, owner="test")
    for partition in range(QR_CODE_V1.partitions):
        try:
            await counters.claim(partition, Bounds("log", 0, 0))
        except DocumentsUnavailable as error:
            raise AssertionError("so few codes are counted at once") from error
