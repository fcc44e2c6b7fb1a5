"""The services of notification on a socket, with its relay, its rules in memory and its consumers at work."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

from unit.notification.world import OURS, KeptDeliveries, OwnEndpoints

from quietzone.notification.v1 import (
    delivery_pb2_grpc,
    event_service_pb2,
    event_service_pb2_grpc,
    rule_service_pb2_grpc,
    topic_pb2_grpc,
    webhook_pb2_grpc,
)
from quietzone_kit.bus import Bus, open_bus
from quietzone_kit.documents import Documents, open_documents
from quietzone_kit.errors import Unavailable
from quietzone_kit.outbox import Relay
from quietzone_kit.reaction import Patience, run_reaction
from quietzone_kit.rpc import CODES_READ, CODES_WRITE, Caller, CallerKeys, Peer, RpcSettings, Server
from quietzone_kit.runtime import SystemClock, SystemRandomness, ThreadExecutor
from quietzone_kit.seal import Seal
from quietzone_kit.tasks import Tasks
from quietzone_notification.buses.repository import Buses
from quietzone_notification.collections import COLLECTIONS
from quietzone_notification.delivery.deliveries.repository import Deliveries
from quietzone_notification.delivery.deliveries.use_cases import DeliveryDesk
from quietzone_notification.delivery.endpoints.repository import Endpoints
from quietzone_notification.delivery.endpoints.use_cases import EndpointDesk
from quietzone_notification.delivery.reach import Reach
from quietzone_notification.events.use_cases import EventDesk
from quietzone_notification.rpc import DeliveryService, EventService, RuleService, TopicService, WebhookService
from quietzone_notification.rules.consumers import CONSUMER, HEARD, MatchEvents
from quietzone_notification.rules.follow import RuleView
from quietzone_notification.rules.numbers import RuleNumbers
from quietzone_notification.rules.repository import RULES, Rules
from quietzone_notification.rules.use_cases import RuleDesk
from quietzone_notification.tails.follow import Watch
from quietzone_notification.tails.use_cases import TailDesk
from quietzone_notification.topics.repository import Topics
from quietzone_notification.topics.use_cases import TopicDesk
from quietzone_topics import NOTIFICATION_EVENT_V1, NOTIFICATION_RULE_V1, QR_CODE_V1, TRACKING_SCAN_V1

CLOCK, RANDOMNESS = SystemClock(), SystemRandomness()
TOPICS = (*HEARD, NOTIFICATION_RULE_V1)


class Tailing:
    """What a tail tells; it has begun."""

    def __init__(self, told: AsyncGenerator[event_service_pb2.TailEventsResponse, None]) -> None:
        self._told = told

    async def next(self) -> event_service_pb2.TailEventsResponse:
        async with asyncio.timeout(30):
            return await anext(self._told)

    async def event(self) -> Any:
        """The next, which is an event."""
        return json.loads((await self.next()).event)


class World:
    """One installation; `matching` is a process that matches events."""

    def __init__(self, documents: Documents, bus: Bus, peer: Peer, outbound: KeptDeliveries, watch: Watch) -> None:
        self.documents = documents
        self.bus = bus
        self.peer = peer
        self.outbound = outbound
        self.watch = watch
        self.topics = topic_pb2_grpc.TopicServiceStub(peer.channel)
        self.events = event_service_pb2_grpc.EventServiceStub(peer.channel)
        self.webhooks = webhook_pb2_grpc.WebhookServiceStub(peer.channel)
        self.sent = delivery_pb2_grpc.DeliveryServiceStub(peer.channel)
        self.deliveries = Deliveries(documents, CLOCK)
        self.rules = rule_service_pb2_grpc.RuleServiceStub(peer.channel)

    async def call(self, method: Callable[..., Any], request: object, account_id: str = OURS) -> Any:
        """A call for an account."""
        return await self.peer.call(method, request, caller=Caller(account_id, frozenset({CODES_READ, CODES_WRITE})))  # type: ignore[arg-type]

    @asynccontextmanager
    async def tailing(self, account_id: str = OURS, **asked: str) -> AsyncIterator[Tailing]:
        """A tail of an account; raises what it is refused for."""
        caller = Caller(account_id, frozenset({CODES_READ, CODES_WRITE}))
        request = event_service_pb2.TailEventsRequest(**asked)
        async with aclosing(self.peer.stream(self.events.TailEvents, request, caller=caller)) as told:
            tailing = Tailing(told)
            assert not (await tailing.next()).HasField("told")
            yield tailing

    @asynccontextmanager
    async def matching(self) -> AsyncIterator[RuleView]:
        rules = Rules(self.documents)
        view, later = RuleView(rules, self.bus, CLOCK, RANDOMNESS), Tasks(self.documents, CLOCK, RANDOMNESS)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(view.run())]
            for topic in (NOTIFICATION_EVENT_V1, QR_CODE_V1, TRACKING_SCAN_V1):
                match = MatchEvents(topic.name, view, self.outbound, later, numbers=RuleNumbers(rules), clock=CLOCK)
                patience = Patience(attempts=2, within_s=2.0)
                tasks.append(
                    group.create_task(run_reaction(self.bus, topic.name, CONSUMER, match, CLOCK, randomness=RANDOMNESS, patience=patience))
                )
            await self.until(lambda: _is_loaded(view))
            yield view
            for task in tasks:
                task.cancel()

    async def until(self, condition: Callable[[], bool], within_s: float = 30.0) -> None:
        async with asyncio.timeout(within_s):
            while not condition():
                await asyncio.sleep(0.01)


@asynccontextmanager
async def opened(urls: tuple[str, str], executor: ThreadExecutor, folder: Path) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        documents = open_documents(urls[0], executor=executor, randomness=RANDOMNESS)
        stack.push_async_callback(documents.close)
        bus = open_bus(urls[1], clock=CLOCK, executor=executor, randomness=RANDOMNESS)
        stack.push_async_callback(bus.close)
        await documents.ensure(*COLLECTIONS)
        await bus.ensure(TOPICS)
        settings = RpcSettings(caller_key="k" * 32)
        keys = CallerKeys.of(settings, CLOCK)
        relay = Relay(documents, RULES, bus, clock=CLOCK, randomness=RANDOMNESS, owner="relay")
        server = Server(f"unix:{folder}/s", keys, settings, not_ready=list)
        buses, watch = Buses(documents), Watch(bus, CLOCK, RANDOMNESS)
        desks = EventDesk(bus, buses, CLOCK, RANDOMNESS), TailDesk(watch, buses)
        desk = RuleDesk(Rules(documents, relay.wake), buses, OwnEndpoints(), CLOCK, RANDOMNESS)
        server.add(rule_service_pb2_grpc.add_RuleServiceServicer_to_server, RuleService(desk, buses, CLOCK))
        server.add(event_service_pb2_grpc.add_EventServiceServicer_to_server, EventService(*desks))
        outbound = KeptDeliveries()
        topics = TopicDesk(Topics(documents), outbound, OwnEndpoints(), CLOCK, RANDOMNESS, confirm_url="http://127.0.0.1:1")
        server.add(topic_pb2_grpc.add_TopicServiceServicer_to_server, TopicService(topics))
        endpoints = Endpoints(documents)
        log = DeliveryDesk(Deliveries(documents, CLOCK), endpoints, Tasks(documents, CLOCK, RANDOMNESS), CLOCK, RANDOMNESS)
        seal = Seal(["s" * 32], RANDOMNESS, setting="SECRET_KEY", lacks="no key")
        webhooks = WebhookService(EndpointDesk(endpoints, seal, Reach(), CLOCK, RANDOMNESS), log)
        server.add(webhook_pb2_grpc.add_WebhookServiceServicer_to_server, webhooks)
        server.add(delivery_pb2_grpc.add_DeliveryServiceServicer_to_server, DeliveryService(log))
        await server.start()
        stack.push_async_callback(server.stop, 0)
        peer = Peer("notification", f"unix:{folder}/s", keys, clock=CLOCK, randomness=RANDOMNESS)
        stack.push_async_callback(peer.close)
        async with asyncio.TaskGroup() as group:
            working = [group.create_task(relay.run()), group.create_task(watch.run())]
            yield World(documents, bus, peer, outbound, watch)
            for task in working:
                task.cancel()


def _is_loaded(view: RuleView) -> bool:
    try:
        return view.book is not None
    except Unavailable:
        return False
