"""A store of deliveries, who works with it, and a receiver."""

import asyncio
import ipaddress
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from ports import Hands, Inline, MovableClock, NoJitter
from receiver import Receiver

from quietzone_kit.documents import Documents
from quietzone_kit.outside import Resolver, SystemResolver
from quietzone_kit.seal import Seal
from quietzone_kit.tasks import Tasks
from quietzone_notification.delivery.client import Client, Connector
from quietzone_notification.delivery.collections import COLLECTIONS
from quietzone_notification.delivery.deliveries.repository import Deliveries
from quietzone_notification.delivery.deliveries.use_cases import DeliveryDesk
from quietzone_notification.delivery.domain import Delivery, NewDelivery, State
from quietzone_notification.delivery.endpoints.domain import Endpoint
from quietzone_notification.delivery.endpoints.repository import Endpoints
from quietzone_notification.delivery.endpoints.use_cases import Draft, EndpointDesk
from quietzone_notification.delivery.reach import Reach
from quietzone_notification.delivery.sender import Bounds, Courier, Sender
from quietzone_notification.delivery.webhooks import Notice, WebhookCourier

ACCOUNT, OTHER = "north", "south"
SINCE_MS = 1_763_800_000_000
LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)
BODY = b'{"id":"1","detail":{"qrId":"menu"}}'


def delivery(name: str, destination: str, account_id: str = ACCOUNT, **more: Any) -> NewDelivery:
    fields: dict[str, Any] = {
        "id": name,
        "account_id": account_id,
        "cause": "rule:menu:0",
        "event_id": f"event-{name}",
        "event_type": "QR Code Scanned",
        "kind": "webhook",
        "destination": destination,
        "body": BODY,
        "content_type": "application/json",
        "headers": (),
        "max_attempts": None,
        "max_age_ms": None,
        "created_ms": SINCE_MS,
    }
    return NewDelivery(**fields | more)


class World:
    """One store; `clock` is moved by hand."""

    def __init__(self, documents: Documents) -> None:
        self.documents = documents
        self.clock = Hands(since_ms=SINCE_MS)
        self.randomness = NoJitter()
        self.seal = Seal(["s" * 32], self.randomness, setting="SECRET_KEY", lacks="no key")
        self.endpoints = Endpoints(documents)
        self.desk = EndpointDesk(self.endpoints, self.seal, Reach(), self.clock, self.randomness)
        self.deliveries = Deliveries(documents, self.clock)
        self.tasks = Tasks(documents, self.clock, self.randomness)
        self.log = DeliveryDesk(self.deliveries, self.endpoints, self.tasks, self.clock, self.randomness)

    async def open(self) -> "World":
        await self.documents.ensure(*COLLECTIONS)
        return self

    async def endpoint(self, url: str = "https://example.com/hook", account_id: str = ACCOUNT) -> Endpoint:
        return (await self.desk.create(account_id, Draft(url)))[0]


class Sending:
    """A sender on a store, at a receiver on this machine; `clock` runs, and is moved."""

    def __init__(self, documents: Documents, receiver: Receiver, *, resolver: Resolver | None = None, reach: Reach | None = None) -> None:
        self.documents = documents
        self.receiver = receiver
        self.clock = MovableClock()
        self.randomness = NoJitter()
        self.reach = reach or Reach(frozenset({receiver.port, 1}), LOOPBACK)
        self.resolver = resolver or SystemResolver(Inline())
        self.seal = Seal(["s" * 32], self.randomness, setting="SECRET_KEY", lacks="no key")
        self.endpoints = Endpoints(documents)
        self.desk = EndpointDesk(self.endpoints, self.seal, self.reach, self.clock, self.randomness)
        self.notices: list[Notice] = []
        self.told_ended: list[Delivery] = []
        self.senders: list[Sender] = []
        self.deliveries = Deliveries(documents, self.clock)
        tasks = Tasks(documents, self.clock, self.randomness)
        self.log = DeliveryDesk(self.deliveries, self.endpoints, tasks, self.clock, self.randomness)

    async def tell(self, notice: Notice) -> None:
        self.notices.append(notice)

    async def endpoint(self, path: str = "/", account_id: str = ACCOUNT) -> Endpoint:
        return (await self.desk.create(account_id, Draft(f"http://127.0.0.1:{self.receiver.port}{path}")))[0]

    async def take(self, *new: NewDelivery) -> None:
        await self.deliveries.enqueue(new)
        self.stir()

    def stir(self) -> None:
        for sender in self.senders:
            sender.tell(())

    def move(self, seconds: float) -> None:
        self.clock.moved_s += seconds
        self.stir()

    @asynccontextmanager
    async def sending(
        self, owner: str = "sender", *, total_s: float = 15.0, bounds: Bounds | None = None, mail: Courier | None = None
    ) -> AsyncIterator[Sender]:
        client = Client(Connector(self.resolver, self.reach, self.clock), self.clock, total_s=total_s)
        courier = WebhookCourier(self.endpoints, self.desk, client, self.clock, self.tell)
        sender = Sender(
            self.documents,
            {"webhook": courier} if mail is None else {"webhook": courier, "mail": mail},
            clock=self.clock,
            randomness=self.randomness,
            owner=owner,
            bounds=bounds or Bounds(),
            ended=self.told_ended.append,
        )
        self.senders.append(sender)
        try:
            async with asyncio.TaskGroup() as group:
                running = group.create_task(sender.run())
                yield sender
                running.cancel()
        finally:
            self.senders.remove(sender)
            client.close()

    async def until(self, name: str, fits: Callable[[Delivery], bool], account_id: str = ACCOUNT) -> Delivery:
        """The delivery, once it is so."""
        async with asyncio.timeout(30):
            while not fits(found := await self.log.get(account_id, name)):
                await asyncio.sleep(0.005)
                self.stir()
        return found

    async def ended(self, name: str, account_id: str = ACCOUNT) -> Delivery:
        return await self.until(name, lambda delivery: delivery.state is not State.PENDING, account_id)

    async def tried(self, name: str, times: int) -> Delivery:
        return await self.until(name, lambda delivery: delivery.tries >= times)


async def all_ended(sending: Sending, names: Sequence[str]) -> None:
    for name in names:
        await sending.ended(name)
