"""Notification with its ports: a store in memory, a bus that is a list, deliveries in a dictionary, a clock that is moved by hand."""

from collections.abc import Collection as Some
from collections.abc import Sequence
from typing import Any

from ports import Hands, Inline

from quietzone_kit.bus import Bounds, BusUnavailable, Message, Position
from quietzone_kit.documents import open_documents
from quietzone_kit.errors import Unavailable
from quietzone_kit.ids import derived_id
from quietzone_kit.outbox import waiting
from quietzone_kit.runtime import SystemRandomness
from quietzone_notification.buses.repository import Buses
from quietzone_notification.collections import COLLECTIONS
from quietzone_notification.delivery.domain import NewDelivery, taken
from quietzone_notification.events.use_cases import EventDesk
from quietzone_notification.rules.domain import Kind, Rule, Target
from quietzone_notification.rules.events import rule_in
from quietzone_notification.rules.repository import RULES, Rules
from quietzone_notification.rules.requests import NewRule
from quietzone_notification.rules.use_cases import RuleDesk
from quietzone_notification.topics.repository import Topics
from quietzone_notification.topics.use_cases import TopicDesk

OURS, THEIRS = "ours", "theirs"
BORN_MS = 1_772_445_600_000
ENDPOINT = "019a0b2e-7c1e-7f3a-9d55-2f6d1c0b7a10"
ANY = '{"source": [{"exists": true}]}'


class KeptDeliveries:
    """Deliveries by id; the first of an id counts. Fails so many times before it takes any."""

    def __init__(self) -> None:
        self.kept: dict[str, NewDelivery] = {}
        self.asked = 0
        self.failures = 0

    async def enqueue(self, deliveries: Sequence[NewDelivery]) -> None:
        self.asked += 1
        if self.failures:
            self.failures -= 1
            raise Unavailable("injected")
        for delivery in deliveries:
            taken(delivery, delivery.created_ms)  # what the store of deliveries would refuse is refused here too
            self.kept.setdefault(delivery.id, delivery)

    async def number_since(self, account_id: str, destination: str, cause: str, since_ms: int) -> int:
        fits = (account_id, destination, cause)
        return sum((each.account_id, each.destination, each.cause) == fits and each.created_ms >= since_ms for each in self.kept.values())


class OwnEndpoints:
    """Endpoints of one account."""

    def __init__(self, account_id: str = OURS, ids: Some[str] = (ENDPOINT,)) -> None:
        self._account_id = account_id
        self._ids = ids

    async def find(self, account_id: str, endpoint_id: str) -> str | None:
        return endpoint_id if account_id == self._account_id and endpoint_id in self._ids else None


class ListBus:
    """What is published, in order."""

    def __init__(self) -> None:
        self.published: list[Message] = []
        self.down = False

    async def publish(self, messages: Sequence[Message]) -> list[Position]:
        if self.down:
            raise BusUnavailable("injected")
        self.published += messages
        return [Position(message.topic, 0, number) for number, message in enumerate(messages)]

    async def partitions(self, topic: str) -> int:  # noqa: ARG002 - the port's
        return 1

    async def bounds(self, topic: str, partition: int) -> Bounds:  # noqa: ARG002 - the port's
        return Bounds("log", 0, 0)


class World:
    """One installation."""

    def __init__(self) -> None:
        self.clock = Hands(since_ms=BORN_MS)
        self.randomness = SystemRandomness()
        self.documents = open_documents("sqlite://:memory:", executor=Inline(), randomness=self.randomness)
        self.bus: Any = ListBus()
        self.outbound = KeptDeliveries()
        self.rules = Rules(self.documents)
        self.buses = Buses(self.documents)
        self.endpoints = OwnEndpoints()
        self.desk = RuleDesk(self.rules, self.buses, self.endpoints, self.clock, self.randomness)
        self.subscribed = Topics(self.documents)
        self.topics = TopicDesk(
            self.subscribed, self.outbound, self.endpoints, self.clock, self.randomness, confirm_url="https://q.example/confirm"
        )
        self.events = EventDesk(self.bus, self.buses, self.clock, self.randomness)

    async def open(self) -> "World":
        await self.documents.ensure(*COLLECTIONS)
        return self

    async def put(self, name: str = "r", *, account_id: str = OURS, **fields: object) -> Rule:
        """A rule of this name, by default one that sends everything to the endpoint."""
        return await self.desk.put(account_id, new_rule(name, **fields))

    async def told(self) -> list[Rule]:
        """The rules that wait to be told of, oldest change first."""
        found = (await self.documents.scan(RULES, limit=1_000)).items
        return [rule_in(outgoing.event.data) for stored in found for outgoing in waiting(stored.body)]


def webhook(target_id: str = "t", **fields: object) -> Target:
    return Target(target_id, Kind.WEBHOOK, ENDPOINT, **fields)  # type: ignore[arg-type] # fields of Target


def new_rule(name: str = "r", **fields: object) -> NewRule:
    given = {"bus": "default", "description": "", "enabled": True, "pattern": ANY, "targets": (webhook(),)} | fields
    return NewRule(name=name, **given)  # type: ignore[arg-type] # fields of NewRule


def rule(rule_id: str = "r1", *, account_id: str = OURS, **fields: object) -> Rule:
    """A rule as a book holds it."""
    given = {
        "bus": "default",
        "name": rule_id,
        "description": "",
        "enabled": True,
        "pattern": ANY,
        "targets": (webhook(),),
        "created_at_ms": BORN_MS,
        "updated_at_ms": BORN_MS,
    } | fields
    return Rule(rule_id=rule_id, account_id=account_id, **given)  # type: ignore[arg-type] # fields of Rule


def derive(*parts: str) -> str:
    return derived_id(*parts)
