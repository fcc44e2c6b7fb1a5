"""From a delivery that was taken to a record that any reader of the bus gets, whatever store and bus stand below."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from ports import NoJitter
from unit.notification.world import OwnEndpoints, webhook

from quietzone_kit.bus import Bus, Record, Topic, open_bus
from quietzone_kit.documents import Documents, open_documents
from quietzone_kit.events import event_of
from quietzone_kit.runtime import SystemClock, SystemRandomness, ThreadExecutor
from quietzone_notification.buses.repository import Buses
from quietzone_notification.collections import COLLECTIONS
from quietzone_notification.delivery.deliveries.repository import Deliveries
from quietzone_notification.delivery.domain import NewDelivery
from quietzone_notification.delivery.sender import Sender
from quietzone_notification.rules.domain import Rule, Target, kafka_topic
from quietzone_notification.rules.repository import Rules
from quietzone_notification.rules.requests import NewRule
from quietzone_notification.rules.use_cases import RuleDesk
from quietzone_notification.streams.courier import StreamCourier
from quietzone_notification.streams.domain import PARTITIONS
from quietzone_notification.streams.letters import Letters
from quietzone_notification.streams.repository import Streams
from quietzone_notification.streams.writer import StreamWriter

CLOCK = SystemClock()
ACCOUNT = "north"
ORDERS = kafka_topic(ACCOUNT, "orders")


class World:
    """One installation."""

    def __init__(self, documents: Documents, bus: Bus) -> None:
        self.documents = documents
        self.bus = bus
        self.deliveries = Deliveries(documents, CLOCK)

    def writer(self) -> StreamWriter:
        return StreamWriter(self.bus, Streams(self.documents, CLOCK))

    async def send(self, *new: NewDelivery) -> None:
        """Take deliveries, have a sender send them, and have told what it has given up."""
        await self.deliveries.enqueue(new)
        courier, given_up = StreamCourier(self.writer(), CLOCK), asyncio.Event()
        sender = Sender(
            self.documents, {"kafka": courier}, clock=CLOCK, randomness=NoJitter(), owner="sender", ended=lambda _: given_up.set()
        )
        letters = Letters(self.deliveries, Rules(self.documents), self.writer(), mine=lambda: sender.shards, given_up=given_up)
        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            tasks = [group.create_task(sender.run()), group.create_task(letters.run())]
            for each in new:
                while (found := (await self.deliveries.get(ACCOUNT, each.id)).delivery).due_ms is not None or found.letter_ms is not None:
                    await asyncio.sleep(0.01)
            for task in tasks:
                task.cancel()

    async def rule(self, target: Target) -> Rule:
        """A rule with this target."""
        desk = RuleDesk(Rules(self.documents), Buses(self.documents), OwnEndpoints(ACCOUNT), CLOCK, NoJitter())
        wanted = NewRule("default", "orders", "", enabled=True, pattern='{"source": ["shop"]}', targets=[target])
        return await desk.put(ACCOUNT, wanted)

    async def read(self, topic: str, number: int) -> list[Record]:
        """The first records of a topic."""
        reader = await self.bus.follow(topic)
        records: list[Record] = []
        async with asyncio.timeout(60):
            while len(records) < number:
                polled = await reader.poll(max_records=100, wait_s=0.5)
                for partition in polled.assigned:
                    reader.seek(partition, 0)
                records += [record for found in polled.records.values() for record in found]
        await reader.close()
        return records


@pytest.fixture
async def world(urls: tuple[str, str], executor: ThreadExecutor) -> AsyncIterator[World]:
    documents = open_documents(urls[0], executor=executor, randomness=SystemRandomness())
    bus = open_bus(urls[1], clock=CLOCK, executor=executor, randomness=SystemRandomness())
    await documents.ensure(*COLLECTIONS)
    yield World(documents, bus)
    await bus.close()
    await documents.close()


def new(name: str, **more: Any) -> NewDelivery:
    fields: dict[str, Any] = {
        "id": name,
        "account_id": ACCOUNT,
        "cause": "rule:r1:t1",
        "event_id": f"event-{name}",
        "event_type": "Order",
        "kind": "kafka",
        "destination": ORDERS,
        "body": b'{"n": 1}',
        "content_type": "application/json",
        "headers": (("x-key", "code:7"),),
        "max_attempts": None,
        "max_age_ms": None,
        "created_ms": CLOCK.now_ms(),
    }
    return NewDelivery(**fields | more)


async def test_a_delivery_is_a_record_of_a_topic_that_was_not_there(world: World) -> None:
    await world.send(new("one"), new("two"))

    records = await world.read(ORDERS, 2)

    assert {event_of(record).id for record in records} == {"one", "two"}
    assert {(record.key, record.value) for record in records} == {("code:7", b'{"n": 1}')}


async def test_what_is_about_the_same_thing_is_in_one_partition(world: World) -> None:
    await world.send(*(new(f"d{number}") for number in range(4)))

    assert len({record.partition for record in await world.read(ORDERS, 4)}) == 1
    assert await world.bus.partitions(ORDERS) == PARTITIONS


async def test_the_largest_delivery_fits(world: World) -> None:
    await world.send(new("one", body=b"x" * 300_000, headers=(("x-key", "k" * 300),)))

    (record,) = await world.read(ORDERS, 1)
    assert len(record.value) == 300_000


async def test_a_topic_that_an_operator_made_otherwise_is_used(world: World) -> None:
    await world.bus.ensure([Topic(ORDERS, 1, 3_600_000)])

    await world.send(new("one"))

    assert len(await world.read(ORDERS, 1)) == 1


async def test_senders_that_make_a_topic_together_make_one(world: World) -> None:
    await asyncio.gather(*(world.writer().prepare(ACCOUNT, ORDERS) for _ in range(4)))

    await world.send(new("one"))

    assert len(await world.read(ORDERS, 1)) == 1


async def test_what_a_rule_s_target_can_not_be_sent_is_in_the_topic_that_it_names(world: World) -> None:
    rule = await world.rule(webhook("t1", dead_letters="dead"))

    await world.send(new("one", kind="webhook", destination="gone", cause=f"rule:{rule.rule_id}:t1"))

    (letter,) = await world.read(kafka_topic(ACCOUNT, "dead"), 1)
    said = dict(letter.headers)
    assert (letter.value, said["dlq_reason"], said["dlq_delivery"]) == (b'{"n": 1}', b"dropped", b"one")


async def test_what_is_sent_again_and_given_up_again_is_told_again_with_another_id(world: World) -> None:
    rule = await world.rule(webhook("t1", dead_letters="dead"))
    gone = new("one", kind="webhook", destination="gone", cause=f"rule:{rule.rule_id}:t1")
    await world.send(gone)
    await world.deliveries.begin_again([await world.deliveries.get(ACCOUNT, "one")])

    await world.send(gone)

    assert len({dict(letter.headers)["ce_id"] for letter in await world.read(kafka_topic(ACCOUNT, "dead"), 2)}) == 2
