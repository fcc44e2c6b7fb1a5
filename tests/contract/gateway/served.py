"""The API over real gRPC servers, whose answers tests choose."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import httpx
from ports import Inline
from starlette.types import ASGIApp

from quietzone.analytics.v1 import analytics_pb2_grpc, exports_pb2_grpc
from quietzone.notification.v1 import (
    delivery_pb2_grpc,
    event_service_pb2_grpc,
    mail_pb2_grpc,
    push_pb2_grpc,
    rule_service_pb2_grpc,
    topic_pb2_grpc,
    webhook_pb2_grpc,
)
from quietzone.qr.v1 import code_pb2, code_service_pb2_grpc
from quietzone.storage.v1 import storage_service_pb2_grpc
from quietzone.tasks.v1 import tasks_pb2_grpc
from quietzone_gateway.collections import COLLECTIONS
from quietzone_gateway.dead_letters import DeadLetterDesk
from quietzone_gateway.graphql.endpoint import make_router
from quietzone_gateway.graphql.schema import Schema
from quietzone_gateway.graphql.settings import Limits as GraphqlLimits
from quietzone_gateway.idempotency import Repeats
from quietzone_gateway.identity.build import Identity, build_identity
from quietzone_gateway.identity.build import Parts as IdentityParts
from quietzone_gateway.identity.keys.use_cases import open_first_account
from quietzone_gateway.identity.settings import IdentitySettings
from quietzone_gateway.live.notices import Notices
from quietzone_gateway.plans import Plan, Plans, PlansSettings, Ports, open_plans
from quietzone_gateway.plans.changes import SYSTEM
from quietzone_gateway.rest.app import make_api
from quietzone_gateway.rest.early import EarlyAnswers
from quietzone_gateway.rest.envelope import early_answers
from quietzone_gateway.rest.reads import Reads
from quietzone_gateway.rest.route import Parts
from quietzone_gateway.rest.settings import RestSettings
from quietzone_gateway.rpc import Assets, Codes, Counts, Exports, Operations, Tasks
from quietzone_gateway.rpc.notification import Notification
from quietzone_kit.bus import Bus, open_bus
from quietzone_kit.cache import Cache, open_cache
from quietzone_kit.documents import Documents, open_documents
from quietzone_kit.http.clients import Clients
from quietzone_kit.lifecycle import App
from quietzone_kit.limits import open_limits
from quietzone_kit.rpc import CallerKeys, Peer, RpcSettings, Server, caller
from quietzone_kit.runtime import SystemClock, SystemRandomness, ThreadExecutor
from quietzone_topics import GATEWAY_AUDIT_V1

KEY = "qz_" + "test" * 10
CODE_ID = "01936b2e-7c1a-7e3f-9d55-0a4f6f1c2b3d"
NOON_MS = 1_795_262_400_000  # 2026-11-21T12:00:00Z
REST = RestSettings()
LIMITS = GraphqlLimits()
PROXIES = ("127.0.0.0/8",)
SETTINGS = RpcSettings(caller_key="k" * 32)
IDENTITY = IdentitySettings(
    public_url="https://qr.example.com", gateway_secret_key="s" * 32, sign_up="open", argon2_memory_kib=8, argon2_rounds=1, argon2_lanes=1
)
"""Passwords are hashed in 50 µs."""

MENU = code_pb2.Code(
    id=CODE_ID,
    account_id="first",
    slug="menu",
    payload="https://qr.example.com/menu",
    destination="https://example.com/menu",
    title="Menu",
    state=code_pb2.CODE_STATE_ACTIVE,
    tags=["menu"],
    folder="tables",
    revision=3,
    created_at_ms=NOON_MS - 86_400_000,
    updated_at_ms=NOON_MS - 1,
)


class Noon:
    """A clock that stands at noon; callers are signed and checked by the same one."""

    def now_ms(self) -> int:
        return NOON_MS

    def monotonic(self) -> float:
        return 0.0


Answer = Callable[[Any], Any]


@dataclass
class Services:
    """What was asked of the services, and what they answer: a message, or an error to raise."""

    asked: list[Any] = field(default_factory=list)
    accounts: list[str] = field(default_factory=list)
    answers: dict[str, Answer] = field(default_factory=dict)

    def answer(self, method: str, message: Any) -> None:
        """Answer `method` with `message`."""
        self.answers[method] = lambda _request: message

    def fail(self, method: str, error: Exception) -> None:
        """Fail each call of `method` with `error`."""

        def fail(_request: Any) -> Any:
            raise error

        self.answers[method] = fail

    async def take(self, method: str, request: Any) -> Any:
        self.asked.append(request)
        self.accounts.append(caller().account_id)
        return self.answers[method](request)


class Facade:
    """A servicer whose every method asks `Services`."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def __getattr__(self, name: str) -> Any:
        if not name[0].isupper():
            raise AttributeError(name)

        async def method(request: Any, _context: object) -> Any:
            return await self._services.take(name, request)

        return method


@dataclass
class Api:
    """The API as clients see it, with the services behind it."""

    http: httpx.AsyncClient
    services: Services
    servers: list[Server]
    identity: Identity
    documents: Documents
    cache: Cache
    plans: Plans
    app: ASGIApp
    early: EarlyAnswers
    bus: Bus

    async def send(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """A request with the account's key."""
        sent = {"authorization": f"Bearer {KEY}"} | {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.http.request(method, path, json=body, headers=sent)


@cache
def schema_of(limits: GraphqlLimits) -> Schema:
    """The schema, which holds nothing of a test: it takes 10 ms to make."""
    return Schema(limits)


@dataclass(frozen=True, slots=True, kw_only=True)
class Servicers:
    """Real ones in the place of those whose answers are chosen; `notification` adds all of its own."""

    qr: Any = None
    analytics: Any = None
    exports: Any = None
    storage: Any = None
    tasks: tuple[Any, Any, Any] = (None, None, None)
    """Of analytics, storage and notification."""
    notification: Callable[[Server], None] | None = None


CHOSEN = Servicers()


@asynccontextmanager
async def running(
    folder: Path,
    servicers: Servicers = CHOSEN,
    settings: RestSettings = REST,
    limits: GraphqlLimits = LIMITS,
    strangers: int = 100_000,
    *,
    identity_settings: IdentitySettings = IDENTITY,
) -> AsyncIterator[Api]:
    """The API; `strangers` may send as many requests."""
    clock, randomness, services = Noon(), SystemRandomness(), Services()
    keys = CallerKeys.of(SETTINGS, clock)
    executor = ThreadExecutor("documents", 2)
    documents = open_documents("sqlite://:memory:", executor=executor, randomness=randomness)
    await documents.ensure(*COLLECTIONS)
    cache = open_cache("memory://", clock=clock, randomness=randomness)
    bus = open_bus(f"sqlite:///{folder}/bus.db", clock=SystemClock(), executor=executor, randomness=randomness)
    await bus.ensure([GATEWAY_AUDIT_V1])
    identity = build_identity(IdentityParts(documents, cache, clock, randomness, Inline()), identity_settings)
    await open_first_account(identity.accounts, identity.keys, clock, randomness, preset=KEY)
    servers, peers = [], []
    for name, add in _offered(servicers, Facade(services)).items():
        server = Server(f"unix:{folder}/{name}", keys, SETTINGS, not_ready=list)
        add(server)
        await server.start()
        servers.append(server)
        peers.append(Peer(name, f"unix:{folder}/{name}", keys, clock=clock, randomness=randomness))
    cache = open_cache("memory://", clock=clock, randomness=randomness)
    reads = Reads(cache)
    ports = Ports(documents, cache, open_limits("memory://", clock=clock, randomness=randomness), clock, randomness)
    granted = await open_plans(App(), ports, PlansSettings(gateway_anonymous_requests=strangers), secret=b"secret", wakers={})
    await granted.plans.known.put(Plan("free"), SYSTEM)
    parts = Parts(
        Codes(peers[0], reads.forget),
        Counts(peers[1]),
        Exports(peers[1]),
        Assets(peers[2]),
        Operations(Assets(peers[2])),
        Tasks(peers[1:]),
        Notification.of(peers[3]),
        identity,
        Repeats(documents),
        reads,
        granted.plans,
        granted.flags,
        Notices(cache),
        DeadLetterDesk(bus, clock, randomness),
        clock,
    )
    early = early_answers(clock, randomness)
    app = make_api(
        parts,
        Clients(PROXIES),
        randomness,
        settings=settings,
        early=early,
        others=[make_router(schema_of(limits))],
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api") as http:
        yield Api(http, services, servers, identity, documents, cache, granted.plans, app, early, bus)
    for peer in peers:
        await peer.close()
    for server in servers:
        await server.stop(0)
    await bus.close()
    await cache.close()
    await documents.close()
    executor.close()


def _offered(servicers: Servicers, facade: Any) -> dict[str, Callable[[Server], None]]:
    """What adds its services to the server of each part."""

    def qr(server: Server) -> None:
        server.add(code_service_pb2_grpc.add_CodeServiceServicer_to_server, servicers.qr or facade)

    def analytics(server: Server) -> None:
        server.add(analytics_pb2_grpc.add_AnalyticsServiceServicer_to_server, servicers.analytics or facade)
        server.add(exports_pb2_grpc.add_ExportServiceServicer_to_server, servicers.exports or facade)
        server.add(tasks_pb2_grpc.add_TaskServiceServicer_to_server, servicers.tasks[0] or facade)

    def storage(server: Server) -> None:
        server.add(storage_service_pb2_grpc.add_StorageServiceServicer_to_server, servicers.storage or facade)
        server.add(tasks_pb2_grpc.add_TaskServiceServicer_to_server, servicers.tasks[1] or facade)

    def notification(server: Server) -> None:
        server.add(event_service_pb2_grpc.add_EventServiceServicer_to_server, facade)
        server.add(rule_service_pb2_grpc.add_RuleServiceServicer_to_server, facade)
        server.add(topic_pb2_grpc.add_TopicServiceServicer_to_server, facade)
        server.add(webhook_pb2_grpc.add_WebhookServiceServicer_to_server, facade)
        server.add(delivery_pb2_grpc.add_DeliveryServiceServicer_to_server, facade)
        server.add(push_pb2_grpc.add_PushServiceServicer_to_server, facade)
        server.add(mail_pb2_grpc.add_MailServiceServicer_to_server, facade)
        server.add(tasks_pb2_grpc.add_TaskServiceServicer_to_server, servicers.tasks[2] or facade)

    return {"qr": qr, "analytics": analytics, "storage": storage, "notification": servicers.notification or notification}


def problem(answer: httpx.Response) -> tuple[int, str, list[str]]:
    """Status, type and wrong fields of a problem."""
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == answer.status_code
    return answer.status_code, body["type"].removeprefix("/problems/"), [error["field"] for error in body.get("errors", [])]
