"""Every service that the contracts declare, served as in production, with an account that has something of everything."""

import importlib
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, replace
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
from unit.notification.world import KeptDeliveries, ListBus
from unit.storage.world import BrittleBlobs, Fuse

from quietzone.analytics.v1 import analytics_pb2_grpc, exports_pb2_grpc
from quietzone.notification.v1 import (
    delivery_pb2_grpc,
    event_service_pb2_grpc,
    mail_pb2,
    mail_pb2_grpc,
    push_pb2,
    push_pb2_grpc,
    rule_pb2,
    rule_service_pb2,
    rule_service_pb2_grpc,
    topic_pb2,
    topic_pb2_grpc,
    webhook_pb2,
    webhook_pb2_grpc,
)
from quietzone.qr.v1 import code_service_pb2, code_service_pb2_grpc
from quietzone.storage.v1 import storage_service_pb2_grpc
from quietzone.tasks.v1 import tasks_pb2_grpc
from quietzone_analytics.app import COLLECTIONS as ANALYTICS_COLLECTIONS
from quietzone_analytics.archive import ArchiveStates
from quietzone_analytics.creations import Creations
from quietzone_analytics.creations.domain import Creation
from quietzone_analytics.exports.rpc import ExportService
from quietzone_analytics.projection import ScanProjection, ScanStates
from quietzone_analytics.reconcile import ReportStates
from quietzone_analytics.rollups import Rollups
from quietzone_analytics.rpc import AnalyticsService
from quietzone_kit.bus import Bounds
from quietzone_kit.documents import Body, Collection, Documents, DocumentsUnavailable, open_documents
from quietzone_kit.ids import uuid7
from quietzone_kit.rpc import SERVICE_SCOPES, Caller, CallerKeys, Peer, RpcSettings, Server
from quietzone_kit.runtime import SystemClock, SystemRandomness, ThreadExecutor
from quietzone_kit.seal import Seal
from quietzone_kit.tasks import Tasks
from quietzone_kit.tasks.service import Shown, TaskService
from quietzone_notification.buses.repository import Buses
from quietzone_notification.collections import COLLECTIONS as NOTIFICATION_COLLECTIONS
from quietzone_notification.delivery.deliveries.repository import Deliveries
from quietzone_notification.delivery.deliveries.use_cases import DeliveryDesk
from quietzone_notification.delivery.endpoints.repository import Endpoints
from quietzone_notification.delivery.endpoints.use_cases import EndpointDesk
from quietzone_notification.delivery.reach import Reach
from quietzone_notification.events.use_cases import EventDesk
from quietzone_notification.mail.parts import MailParts
from quietzone_notification.mail.tokens import Tokens, Way
from quietzone_notification.push.domain import Platform
from quietzone_notification.push.repository import Devices
from quietzone_notification.push.use_cases import PushDesk
from quietzone_notification.rpc import (
    DeliveryService,
    EventService,
    MailService,
    PushService,
    RuleService,
    TopicService,
    WebhookService,
)
from quietzone_notification.rules.repository import Rules
from quietzone_notification.rules.use_cases import RuleDesk
from quietzone_notification.tails.follow import Watch
from quietzone_notification.tails.use_cases import TailDesk
from quietzone_notification.topics.repository import Topics
from quietzone_notification.topics.use_cases import Sent, TopicDesk
from quietzone_qr.app import ALL_COLLECTIONS as QR_COLLECTIONS
from quietzone_qr.codes.domain import ScanBase
from quietzone_qr.codes.repository import Codes
from quietzone_qr.counters.projection import CounterProjection
from quietzone_qr.counters.repository import CounterStore
from quietzone_qr.counters.use_cases import Totalled
from quietzone_qr.health.repository import Healths
from quietzone_qr.rendering import Gate, Renderer
from quietzone_qr.rpc import CodeService
from quietzone_storage.assets.domain import AccountId, Asset, AssetId, Kind
from quietzone_storage.assets.domain import State as UploadState
from quietzone_storage.assets.repository import Assets
from quietzone_storage.assets.use_cases import Drawing, Keeper
from quietzone_storage.collections import COLLECTIONS as STORAGE_COLLECTIONS
from quietzone_storage.contents.repository import Contents
from quietzone_storage.contents.use_cases import Shelf
from quietzone_storage.copies import NoCopies
from quietzone_storage.copies.use_cases import CopyDesk
from quietzone_storage.deadlines import store_answers
from quietzone_storage.lifecycle.tasks import CLEAN_UP
from quietzone_storage.prints.use_cases import Press
from quietzone_storage.rpc import Desks, StorageService
from quietzone_storage.serving.links import UrlKeys
from quietzone_storage.uploads.use_cases import Uploads
from quietzone_storage.usage.repository import Usages
from quietzone_storage.usage.use_cases import Ledger
from quietzone_topics import ANALYTICS_MILESTONE_V1, QR_CODE_V1, TRACKING_SCAN_V1, TRACKING_SOURCE_V1

PROTO = Path(__file__).parents[3] / "proto"
CLOCK, RANDOMNESS = SystemClock(), SystemRandomness()
SEAL = Seal(["s" * 32], RANDOMNESS, setting="SECRET_KEY", lacks="no key")
OWNER = Caller("owner", SERVICE_SCOPES, "user:owner")
STRANGER = Caller("stranger", SERVICE_SCOPES, "user:stranger")
NOTHING = Things(
    "019a0b2e-7c1e-7f3a-9d55-2f6d1c0b7aff",
    "nothing",
    "019a0b2e-7c1e-7f3a-9d55-2f6d1c0b7afe",
    "019a0b2e-7c1e-7f3a-9d55-2f6d1c0b7afd",
    "019a0b2e-7c1e-7f3a-9d55-2f6d1c0b7afc",
    "nowhere",
    "nowhere",
    "019a0b2e-7c1e-7f3a-9d55-2f6d1c0b7afb",
    "019a0b2e-7c1e-7f3a-9d55-2f6d1c0b7afb.AAAA",
    "019a0b2e-7c1e-7f3a-9d55-2f6d1c0b7afa",
    "nothing",
    "nobody",
    "nothing",
    "nothing",
    "nobody@example.com",
    "nothing",
    "nothing",
)


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
        """Make a request; of a stream its first answer."""
        answer = GetMessageClass(contracts()[method].output_type)
        if contracts()[method].server_streaming:
            streaming = self.peer.channel.unary_stream(f"/{method}", type(request).SerializeToString, answer.FromString)
            async with aclosing(self.peer.stream(streaming, request, caller=caller)) as told:
                return await anext(told)
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


class Watching(Watch):
    """Tails of a bus on which nothing happens."""

    def __init__(self) -> None:
        super().__init__(ListBus(), CLOCK, RANDOMNESS)  # type: ignore[arg-type] # nothing is asked of it

    async def begun(self) -> None:
        """At once."""


@asynccontextmanager
async def served(folder: Path) -> AsyncIterator[Place]:
    """All services on one socket."""
    settings = RpcSettings(caller_key="k" * 32)
    keys = CallerKeys.of(settings, CLOCK)
    async with AsyncExitStack() as opened:
        executor = ThreadExecutor("documents", 2)
        opened.callback(executor.close)
        qr, analytics, storage, notification = (
            open_documents("sqlite://:memory:", executor=executor, randomness=RANDOMNESS) for _ in range(4)
        )
        stores = (
            (qr, QR_COLLECTIONS),
            (analytics, ANALYTICS_COLLECTIONS),
            (storage, STORAGE_COLLECTIONS),
            (notification, NOTIFICATION_COLLECTIONS),
        )
        for documents, collections in stores:
            opened.push_async_callback(documents.close)
            await documents.ensure(*collections)
        server = Server(f"unix:{folder}/s", keys, settings, not_ready=list)
        server.add(code_service_pb2_grpc.add_CodeServiceServicer_to_server, code_service(qr, executor))
        server.add(analytics_pb2_grpc.add_AnalyticsServiceServicer_to_server, analytics_service(analytics))
        exports = ExportService(Tasks(analytics, CLOCK, RANDOMNESS), MemoryBlobs())  # type: ignore[arg-type] # as much of one as is used
        server.add(exports_pb2_grpc.add_ExportServiceServicer_to_server, exports)
        keeper, ledger = keeper_of(storage)
        files = storage_service(storage, executor, keeper, ledger)
        server.add(storage_service_pb2_grpc.add_StorageServiceServicer_to_server, files)
        tasks = TaskService(Tasks(storage, CLOCK, RANDOMNESS), {CLEAN_UP: Shown()}, store_answers)  # on one socket one of the parts' can be
        server.add(tasks_pb2_grpc.add_TaskServiceServicer_to_server, tasks)
        sent = KeptDeliveries()
        serve_notification(server, notification, sent)
        await server.start()
        opened.push_async_callback(server.stop, 0)
        peer = Peer("services", f"unix:{folder}/s", keys, clock=CLOCK, randomness=RANDOMNESS)
        opened.push_async_callback(peer.close)
        place = Place(peer, NOTHING, stores)
        await furnish(place, qr, analytics, keeper)
        await furnish_notification(place, sent)
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
    kept = ArchiveStates(documents), Creations(documents)
    return AnalyticsService(*stored, bus, CLOCK, archived=kept[0], creations=kept[1])  # type: ignore[arg-type] # as much of a bus as is asked


def storage_service(documents: Documents, executor: ThreadExecutor, keeper: Keeper, ledger: Ledger) -> StorageService:
    urls = UrlKeys(["u" * 32])
    uploads = Uploads(keeper, Tasks(documents, CLOCK, RANDOMNESS), executor, CLOCK, RANDOMNESS)
    copies = CopyDesk(keeper.assets, NoCopies(), urls, CLOCK, RANDOMNESS, base="http://127.0.0.1:1")
    desks = Desks(keeper, ledger, uploads, Press(keeper, uploads.tasks, CLOCK, RANDOMNESS), copies)
    return StorageService(desks, urls, CLOCK, base="http://files.example", max_upload_bytes=1_000)


def serve_notification(server: Server, documents: Documents, sent: Sent) -> None:
    """Add its services; `sent` takes what they have sent."""
    rules, buses, endpoints = Rules(documents), Buses(documents), Endpoints(documents)
    events = EventDesk(ListBus(), buses, CLOCK, RANDOMNESS)  # type: ignore[arg-type] # as much of a bus as is asked
    server.add(event_service_pb2_grpc.add_EventServiceServicer_to_server, EventService(events, TailDesk(Watching(), buses)))
    desk = RuleDesk(rules, buses, endpoints, CLOCK, RANDOMNESS)
    server.add(rule_service_pb2_grpc.add_RuleServiceServicer_to_server, RuleService(desk, buses, CLOCK))
    topics = TopicDesk(Topics(documents), sent, endpoints, CLOCK, RANDOMNESS, confirm_url="http://127.0.0.1:1")
    server.add(topic_pb2_grpc.add_TopicServiceServicer_to_server, TopicService(topics))
    tasks = Tasks(documents, CLOCK, RANDOMNESS)
    log = DeliveryDesk(Deliveries(documents, CLOCK), endpoints, tasks, CLOCK, RANDOMNESS)
    mails = MailParts(documents, SEAL, CLOCK, unsubscribe_url="https://console.example/unsubscribe").desks(sent)
    server.add(mail_pb2_grpc.add_MailServiceServicer_to_server, MailService(mails))
    webhooks = WebhookService(EndpointDesk(endpoints, SEAL, Reach(), CLOCK, RANDOMNESS), log)
    server.add(webhook_pb2_grpc.add_WebhookServiceServicer_to_server, webhooks)
    server.add(delivery_pb2_grpc.add_DeliveryServiceServicer_to_server, DeliveryService(log))
    push = PushDesk(Devices(documents), SEAL, CLOCK, RANDOMNESS, carried=frozenset(Platform))
    server.add(push_pb2_grpc.add_PushServiceServicer_to_server, PushService(push))


def keeper_of(documents: Documents) -> tuple[Keeper, Ledger]:
    """Assets whose bytes are in memory."""
    assets = Assets(documents)
    ledger = Ledger(Usages(documents), assets)
    return Keeper(assets, Shelf(Contents(documents), BrittleBlobs(Fuse()), CLOCK, RANDOMNESS), ledger), ledger  # type: ignore[arg-type] # as much of blobs as is used


async def furnish(place: Place, qr: Documents, analytics: Documents, keeper: Keeper) -> None:
    """Give the owner a code with a secret tag, an export, a scan and an upload; and have its codes counted and who made them known."""
    request = code_service_pb2.CreateCodeRequest(
        destination="https://example.com/secret", title="secret", slug="secret", tags=["secret"], folder="secret", request_id="first"
    )
    code = (await place.send("quietzone.qr.v1.CodeService/CreateCode", OWNER, request)).code
    export = (await place.call("quietzone.analytics.v1.ExportService/CreateExport", OWNER)).export
    upload = Asset(AssetId(uuid7(CLOCK, RANDOMNESS)), AccountId(OWNER.account_id), Kind.UPLOAD, UploadState.PENDING, "secret", 1, 1)
    held = await keeper.assets.insert(upload)
    await keeper.furnish(held, [Drawing("_thumb", b"secret", "image/png", 1, 1)], lambda asset, variants: asset.ready(variants, 2))
    operation = (await place.call("quietzone.storage.v1.StorageService/StartCleanUp", OWNER)).operation
    ids = {"code_id": code.id, "slug": code.slug, "export_id": export.export_id, "asset_id": upload.asset_id, "operation_id": operation.id}
    place.things = replace(NOTHING, **ids, request="first")
    scan = record(batch([Seen(1, code=code.id, account=OWNER.account_id)], prev_seq=0), 0)
    scans = ScanProjection(analytics, MemoryBus(), owner="test", partitions=1, cache_bytes=1_000_000)
    await scans.claim(0, bounds([scan]))
    await scans.apply(0, [scan], next_offset=1)
    await Creations(analytics).keep(Creation(code.id, OWNER.account_id, "key:secret", "example.com", 1))
    counters = CounterProjection(CounterStore(qr), CLOCK, owner="test")
    for partition in range(QR_CODE_V1.partitions):
        try:
            await counters.claim(partition, Bounds("log", 0, 0))
        except DocumentsUnavailable as error:
            raise AssertionError("so few codes are counted at once") from error


async def furnish_notification(place: Place, sent: KeptDeliveries) -> None:
    """Give the owner a bus with a rule, a topic to which a stranger was asked to subscribe, and an endpoint that a test was sent to."""
    service = "quietzone.notification.v1"
    await place.send(f"{service}.RuleService/PutBus", OWNER, rule_service_pb2.PutBusRequest(name="secret"))
    rule = rule_service_pb2.PutRuleRequest(bus="secret", name="secret", pattern='{"source": ["secret"]}')
    await place.send(f"{service}.RuleService/PutRule", OWNER, rule)
    await place.send(f"{service}.TopicService/PutTopic", OWNER, topic_pb2.PutTopicRequest(name="secret"))
    mail = topic_pb2.SubscribeRequest(topic="secret", kind=rule_pb2.DESTINATION_KIND_MAIL, destination="secret@example.com")
    asked = (await place.send(f"{service}.TopicService/Subscribe", OWNER, mail)).subscription
    (delivery,) = sent.kept.values()
    token = delivery.body.decode().partition("token=")[2].partition("\n")[0]
    hook = webhook_pb2.CreateEndpointRequest(url="https://example.com/secret", description="secret")
    endpoint = (await place.send(f"{service}.WebhookService/CreateEndpoint", OWNER, hook)).endpoint
    tested = webhook_pb2.TestEndpointRequest(endpoint_id=endpoint.id)
    test = (await place.send(f"{service}.WebhookService/TestEndpoint", OWNER, tested)).delivery
    new = push_pb2.RegisterDeviceRequest(person="secret", platform=push_pb2.PUSH_PLATFORM_APNS, token="ab" * 32, topics=["secret"])
    device = (await place.send(f"{service}.PushService/RegisterDevice", OWNER, new)).device
    notified = {"subscription_id": asked.id, "token": token, "endpoint_id": endpoint.id, "delivery_id": test.id, "device_id": device.id}
    place.things = replace(place.things, rule="secret", topic="secret", person="secret", **notified)
    await furnish_mail(place)


async def furnish_mail(place: Place) -> None:
    """Give the owner branding, a template, and an address that gets no mail and has left a kind."""
    service, address = "quietzone.notification.v1.MailService", "left@example.com"
    await place.send(f"{service}/PutBranding", OWNER, mail_pb2.PutBrandingRequest(branding=mail_pb2.Branding(name="secret")))
    template = mail_pb2.Template(name="secret", subject="secret", text="secret", html="secret")
    await place.send(f"{service}/PutTemplate", OWNER, mail_pb2.PutTemplateRequest(template=template))
    await place.send(f"{service}/PutSuppression", OWNER, mail_pb2.PutSuppressionRequest(address=address))
    wishes = mail_pb2.Preferences(address=address, wanted={"created": False})
    await place.send(f"{service}/PutPreferences", OWNER, mail_pb2.PutPreferencesRequest(preferences=wishes))
    token = Tokens(SEAL).make(Way(OWNER.account_id, address, "events"))
    place.things = replace(place.things, template="secret", address=address, mail_token=token)
