"""From an event that is put to the account's own topic on the bus, and what can't be sent to the topic that its target names."""

import asyncio
from pathlib import Path

import pytest
from system.notification.world import ANNA, Notification, put_until_taken, serving

from quietzone.notification.v1 import rule_pb2, rule_service_pb2, rule_service_pb2_grpc
from quietzone_kit.bus import Record, UnknownTopic, open_bus
from quietzone_kit.runtime import SystemClock, SystemRandomness, ThreadExecutor
from quietzone_notification.rules.domain import kafka_topic


@pytest.fixture
def values(tmp_path: Path) -> dict[str, str]:
    return {
        "QUIETZONE_CALLER_KEY": "k" * 32,
        "QUIETZONE_BUS_URL": f"sqlite:///{tmp_path}/bus.db",
        "QUIETZONE_NOTIFICATION_LISTEN": f"unix:{tmp_path}/n",
        "QUIETZONE_NOTIFICATION_DOCUMENTS_URL": f"sqlite:///{tmp_path}/notification.db",
    }


async def first_of(topic: str, url: str) -> Record:
    """The first record of a topic, once it is there."""
    executor = ThreadExecutor("look", 2)
    bus = open_bus(url, clock=SystemClock(), executor=executor, randomness=SystemRandomness())
    try:
        async with asyncio.timeout(30):
            while True:
                try:
                    reader = await bus.follow(topic)
                except UnknownTopic:
                    await asyncio.sleep(0.05)
                    continue
                while True:
                    polled = await reader.poll(max_records=1, wait_s=0.5)
                    for partition in polled.assigned:
                        reader.seek(partition, 0)
                    for records in polled.records.values():
                        return records[0]
    finally:
        await bus.close()
        executor.close()


async def put_until_decided(notification: Notification) -> None:
    async with asyncio.timeout(30):
        while not await notification.is_decided():
            await put_until_taken(notification)
            await asyncio.sleep(0.1)


async def test_what_is_put_comes_to_the_account_s_topic(values: dict[str, str]) -> None:
    async with serving(values) as notification:
        await notification.put_rule()
        await put_until_decided(notification)

        record = await first_of(kafka_topic(ANNA.account_id, "orders"), values["QUIETZONE_BUS_URL"])

    assert b'"detail-type": "Order"' in record.value


async def test_what_nobody_can_be_sent_comes_to_the_topic_that_its_target_names(values: dict[str, str]) -> None:
    async with serving(values) as notification:
        push = rule_pb2.Target(id="t", kind=rule_pb2.DESTINATION_KIND_PUSH, destination="person:ben", dead_letter_topic="dead")
        request = rule_service_pb2.PutRuleRequest(name="orders", pattern='{"source": ["shop"]}', targets=[push])
        await notification.peer.call(rule_service_pb2_grpc.RuleServiceStub(notification.peer.channel).PutRule, request, caller=ANNA)
        await put_until_decided(notification)

        letter = await first_of(kafka_topic(ANNA.account_id, "dead"), values["QUIETZONE_BUS_URL"])

    assert dict(letter.headers)["dlq_error"] == b"no device is registered for person:ben"
