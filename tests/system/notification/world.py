"""A service of notification that runs in this process, and a client of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quietzone.notification.v1 import (
    event_service_pb2,
    event_service_pb2_grpc,
    rule_pb2,
    rule_service_pb2,
    rule_service_pb2_grpc,
    webhook_pb2,
    webhook_pb2_grpc,
)
from quietzone_kit.documents import Documents, open_documents
from quietzone_kit.lifecycle import App
from quietzone_kit.rpc import SERVICE_SCOPES, Caller, CallerKeys, Peer
from quietzone_kit.runtime import SystemClock, SystemRandomness, ThreadExecutor
from quietzone_kit.settings import load
from quietzone_notification.app import build
from quietzone_notification.delivery.deliveries.repository import DELIVERIES
from quietzone_notification.settings import NotificationSettings

ANNA = Caller("anna", SERVICE_SCOPES)
CLOCK, RANDOMNESS = SystemClock(), SystemRandomness()


def settings_in(folder: Path) -> dict[str, str]:
    """What every role is told, on files in a folder."""
    return {
        "QUIETZONE_CALLER_KEY": "k" * 32,
        "QUIETZONE_BUS_URL": f"sqlite:///{folder}/bus.db",
        "QUIETZONE_NOTIFICATION_LISTEN": f"unix:{folder}/n",
        "QUIETZONE_NOTIFICATION_DOCUMENTS_URL": f"sqlite:///{folder}/notification.db",
        "QUIETZONE_NOTIFICATION_SECRET_KEY": "s" * 32,
    }


@dataclass(frozen=True, slots=True)
class Notification:
    """A client of a service that runs in this process, and a look into its store."""

    peer: Peer
    documents: Documents

    async def put_rule(self, endpoint_id: str | None = None) -> rule_pb2.Rule:
        """A rule that sends orders to an endpoint, by default to a topic."""
        target = rule_pb2.Target(id="t", kind=rule_pb2.DESTINATION_KIND_KAFKA, destination="orders")
        if endpoint_id is not None:
            target = rule_pb2.Target(id="t", kind=rule_pb2.DESTINATION_KIND_WEBHOOK, destination=endpoint_id)
        request = rule_service_pb2.PutRuleRequest(name="orders", pattern='{"source": ["shop"]}', targets=[target])
        answer: Any = await self.peer.call(rule_service_pb2_grpc.RuleServiceStub(self.peer.channel).PutRule, request, caller=ANNA)
        return answer.rule

    async def endpoint_at(self, url: str) -> webhook_pb2.CreateEndpointResponse:
        """A new endpoint, and its secret."""
        request = webhook_pb2.CreateEndpointRequest(url=url)
        answer: Any = await self.peer.call(webhook_pb2_grpc.WebhookServiceStub(self.peer.channel).CreateEndpoint, request, caller=ANNA)
        return answer  # type: ignore[no-any-return]

    async def put_event(self) -> str:
        entry = event_service_pb2.EventEntry(source="shop", detail_type="Order", detail='{"n": 1}')
        request = event_service_pb2.PutEventsRequest(entries=[entry])
        answer: Any = await self.peer.call(event_service_pb2_grpc.EventServiceStub(self.peer.channel).PutEvents, request, caller=ANNA)
        return answer.results[0].event_id

    async def is_decided(self) -> bool:
        """Whether there is a delivery."""
        return bool((await self.documents.scan(DELIVERIES, limit=1)).items)

    async def tried(self, times: int) -> None:
        """Wait until some delivery was tried so often."""
        async with asyncio.timeout(30):
            while not any(stored.body["tries"] == times for stored in (await self.documents.scan(DELIVERIES, limit=100)).items):
                await asyncio.sleep(0.02)

    async def delivered(self, number: int) -> list[str]:
        """The events of which deliveries are stored, as soon as there are so many."""
        async with asyncio.timeout(30):
            while len(found := (await self.documents.scan(DELIVERIES, limit=100)).items) < number:
                await asyncio.sleep(0.02)
        return sorted(str(stored.body["event_id"]) for stored in found)


@asynccontextmanager
async def running(app: App) -> AsyncIterator[None]:
    ready = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(app.serve(ready.set))
        await ready.wait()
        try:
            yield
        finally:
            app.stop()


@asynccontextmanager
async def serving(values: dict[str, str]) -> AsyncIterator[Notification]:
    settings = load(NotificationSettings, values)
    executor = ThreadExecutor("look", 1)
    documents = open_documents(settings.notification_documents_url, executor=executor, randomness=RANDOMNESS)
    async with running(await build(settings)):
        peer = Peer("notification", settings.notification_listen, CallerKeys.of(settings, CLOCK), clock=CLOCK, randomness=RANDOMNESS)
        await documents.ensure(DELIVERIES)
        try:
            yield Notification(peer, documents)
        finally:
            await peer.close()
            await documents.close()
            executor.close()


async def once(app: App) -> None:
    """Run a role that ends."""
    async with asyncio.timeout(60):
        await app.serve(lambda: None)


async def put_until_taken(notification: Notification) -> str:
    """An event's id, as soon as the bus has our topics."""
    async with asyncio.timeout(30):
        while not (event_id := await notification.put_event()):
            await asyncio.sleep(0.05)
    return event_id
