"""Streams with their ports: a store in memory, a bus that is a dictionary of lists."""

from collections.abc import Sequence
from typing import Any

from ports import Hands, Inline

from quietzone_kit.bus import BusError, BusUnavailable, Message, Position, Topic, TopicMismatch, UnknownTopic
from quietzone_kit.documents import open_documents
from quietzone_kit.runtime import SystemRandomness
from quietzone_notification.collections import COLLECTIONS
from quietzone_notification.delivery.domain import Delivery, NewDelivery, taken
from quietzone_notification.streams.courier import StreamCourier
from quietzone_notification.streams.repository import Streams
from quietzone_notification.streams.writer import StreamWriter

OURS, THEIRS = "ours", "theirs"
BORN_MS = 1_772_445_600_000


class DictBus:
    """Topics by name, each one partition of messages."""

    def __init__(self) -> None:
        self.topics: dict[str, list[Message]] = {}
        self.made: list[Topic] = []
        self.fails: BusError | None = None

    async def ensure(self, topics: Sequence[Topic]) -> None:
        if self.fails is not None:
            raise self.fails
        for topic in topics:
            if topic.name == "out.ours.odd":
                raise TopicMismatch("12 partitions")
            self.made.append(topic)
            self.topics.setdefault(topic.name, [])

    async def publish(self, messages: Sequence[Message]) -> list[Position]:
        if self.fails is not None:
            raise self.fails
        for message in messages:
            if message.topic not in self.topics:
                raise UnknownTopic(message.topic)
        for message in messages:
            self.topics[message.topic].append(message)
        return [Position(message.topic, 0, len(self.topics[message.topic]) - 1) for message in messages]


AWAY = BusUnavailable("injected")


def new(name: str = "d1", **more: Any) -> NewDelivery:
    fields: dict[str, Any] = {
        "id": name,
        "account_id": OURS,
        "cause": "rule:r1:t1",
        "event_id": "e1",
        "event_type": "Bestellung",
        "kind": "kafka",
        "destination": "out.ours.orders",
        "body": b'{"n": 1}',
        "content_type": "application/json",
        "headers": (("x-key", "code:7"),),
        "max_attempts": None,
        "max_age_ms": None,
        "created_ms": BORN_MS,
    }
    return NewDelivery(**fields | more)


def delivery(name: str = "d1", **more: Any) -> Delivery:
    return taken(new(name, **more), BORN_MS)


class World:
    """One installation."""

    def __init__(self) -> None:
        self.clock = Hands(since_ms=BORN_MS)
        self.documents = open_documents("sqlite://:memory:", executor=Inline(), randomness=SystemRandomness())
        self.bus = DictBus()
        self.streams = Streams(self.documents, self.clock)
        self.writer = StreamWriter(self.bus, self.streams)
        self.courier = StreamCourier(self.writer, self.clock)

    async def open(self) -> "World":
        await self.documents.ensure(*COLLECTIONS)
        return self
