"""What is Kafka's own: topics made anew, producers whose numbers were lost, answers that were lost, brokers that aren't there."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from contract.bus.conftest import SCANS, KafkaServer, Member, from_start, message, read_all, settle, texts

from quietzone_kit.bus import MAX_VALUE_BYTES, Bus, BusError, BusUnavailable, Message, OffsetGone, open_bus
from quietzone_kit.bus._kafka import KafkaBus, cluster, codes, sender, wire
from quietzone_kit.bus.topics import TopicAdmin, plan
from quietzone_kit.runtime import SystemClock, SystemRandomness, ThreadExecutor

pytestmark = pytest.mark.server("kafka")

Ask = Callable[..., Awaitable[Any]]


@pytest.fixture
async def server(kafka_url: str, tmp_path: Path) -> AsyncIterator[KafkaServer]:  # noqa: ARG001 - the server is there first
    server = KafkaServer(tmp_path)
    yield server
    await server.close()


@pytest.fixture
async def bus(server: KafkaServer) -> KafkaBus:
    bus = await server.connect()
    await bus.ensure([SCANS])
    assert isinstance(bus, KafkaBus)
    return bus


async def make_anew(server: KafkaServer) -> Bus:
    async with server._admin() as admin:
        await admin.delete_topics([SCANS.name])
    bus = await server.connect()
    await bus.ensure([SCANS])
    return bus


def of_produce(request: Any) -> bool:
    return type(request).__name__ == "ProduceRequest"


async def test_a_topic_that_is_made_anew_is_another_log(server: KafkaServer, bus: KafkaBus) -> None:
    before = (await bus.bounds(SCANS.name, 0)).log_id

    anew = await make_anew(server)

    assert (await anew.bounds(SCANS.name, 0)).log_id != before


async def test_a_reader_of_a_topic_that_was_made_anew_is_told_so(
    server: KafkaServer, bus: KafkaBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "METADATA_AGE_S", 0.0)
    before = (await bus.bounds(SCANS.name, 0)).log_id
    follower = await from_start(await bus.follow(SCANS.name))
    anew = await make_anew(server)
    await anew.publish([message("another", partition=0)])

    with pytest.raises(OffsetGone, match="made anew") as gone:
        await follower.poll(max_records=10, wait_s=1)

    assert gone.value.bounds.log_id != before


async def test_a_publisher_whose_numbers_are_out_of_order_publishes_again_and_goes_on(bus: KafkaBus) -> None:
    await bus.publish([message("a", partition=0)])
    bus._sender._lanes[SCANS.name, 0].sequence += 5
    with pytest.raises(BusUnavailable, match="publish again"):
        await bus.publish([message("b", partition=0)])

    [position] = await bus.publish([message("b", partition=0)])

    assert position.offset == 1


async def test_a_batch_whose_answer_was_lost_is_in_the_log_once(bus: KafkaBus, monkeypatch: pytest.MonkeyPatch) -> None:
    ask, lost = bus._cluster.ask, []

    async def forgetful(request: Any, **where: Any) -> Any:
        answer = await ask(request, **where)
        if of_produce(request) and not lost:
            lost.append(answer)
            raise BusUnavailable("the answer got lost")
        return answer

    monkeypatch.setattr(bus._cluster, "ask", forgetful)

    positions = await bus.publish([message("a", partition=0), message("b", partition=0)])

    assert [position.offset for position in positions] == [0, 1]
    assert (await bus.bounds(SCANS.name, 0)).next == 2


async def test_a_late_copy_of_a_batch_that_was_given_up_is_shut_out(bus: KafkaBus, monkeypatch: pytest.MonkeyPatch) -> None:
    ask, late = bus._cluster.ask, []

    async def slow(request: Any, **where: Any) -> Any:
        if of_produce(request) and not late:
            late.append((request, where))
            raise BusError("given up")
        return await ask(request, **where)

    monkeypatch.setattr(bus._cluster, "ask", slow)
    with pytest.raises(BusError):
        await bus.publish([message("a", partition=0)])
    await bus.publish([message("a", partition=0)])

    request, where = late[0]
    answer = wire.read_append(await ask(request, **where))

    assert answer[SCANS.name, 0].code in codes.PRODUCER_LOST
    assert (await bus.bounds(SCANS.name, 0)).next == 1


async def test_a_partition_that_fails_keeps_no_other_waiting(bus: KafkaBus, monkeypatch: pytest.MonkeyPatch) -> None:
    leader = bus._cluster.leader

    async def leaderless(topic: str, partition: int) -> int:
        if partition == 3:
            raise cluster.Moved("no leader")
        return await leader(topic, partition)

    monkeypatch.setattr(bus._cluster, "leader", leaderless)
    monkeypatch.setattr(sender, "PUBLISH_WITHIN_S", 1.0)

    stuck, fine = await asyncio.gather(
        bus.publish([message("a", partition=3)]), bus.publish([message("a", partition=0)]), return_exceptions=True
    )

    assert (type(stuck), type(fine)) == (cluster.Moved, list)


async def test_what_was_given_up_waiting_is_not_published(bus: KafkaBus) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(bus.publish([message("first", partition=0)]))
        second = group.create_task(bus.publish([message("second", partition=0)]))
        while not bus._sender._lanes:
            await asyncio.sleep(0)
        second.cancel()
    await bus.publish([message("third", partition=0)])

    found = await read_all(await from_start(await bus.follow(SCANS.name)), 2)

    assert texts(found, 0) == ["first", "third"]


async def test_more_than_may_wait_is_refused(bus: KafkaBus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "MAX_WAITING_BYTES", 10)

    results = await asyncio.gather(*[bus.publish([message("abcdef")]) for _ in range(5)], return_exceptions=True)

    assert {type(result) for result in results} == {list, BusUnavailable}


async def test_values_of_the_largest_size_each_go_in_a_batch_of_their_own(bus: KafkaBus) -> None:
    large = Message(SCANS.name, "b", bytes(MAX_VALUE_BYTES), partition=0)

    positions = await bus.publish([large, large, large])

    assert [position.offset for position in positions] == [0, 1, 2]


async def test_keys_and_headers_that_no_broker_would_take_are_refused(bus: KafkaBus) -> None:
    with pytest.raises(ValueError, match="40,000 are the most"):
        await bus.publish([Message(SCANS.name, "k" * 50_000, b"")])


async def test_a_commit_after_a_rebalance_began_is_kept(bus: KafkaBus, server: KafkaServer) -> None:
    member = Member(await bus.join(SCANS.name, "g"))
    await settle(member, shares=[4])
    other = await server.connect()
    newcomer = Member(await other.join(SCANS.name, "g"))
    await newcomer.poll()

    await member.consumer.commit({0: 7})

    assert await member.consumer.committed(0) == 7


async def test_an_unclean_topic_is_told_by_the_plan(server: KafkaServer, bus: KafkaBus) -> None:
    async with server._admin() as admin:
        from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType  # noqa: PLC0415

        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, SCANS.name, {"message.timestamp.type": "CreateTime"})])

    found = {(difference.name, difference.has) for difference in await plan(bus, [SCANS])}

    assert ("message.timestamp.type", "CreateTime") in found


async def test_topics_get_the_replication_of_the_url(server: KafkaServer) -> None:
    bus = open_bus(f"{server.url}?replication=1", clock=SystemClock(), executor=ThreadExecutor("bus"), randomness=SystemRandomness())
    assert isinstance(bus, TopicAdmin)
    await bus.ensure([SCANS])

    found = await bus.shape(SCANS)
    await bus.close()

    assert found is not None
    assert (found.replication, found.settings["min.insync.replicas"]) == (1, "1")


async def test_more_replicas_than_brokers_are_refused_with_the_reason(server: KafkaServer) -> None:
    bus = open_bus(f"{server.url}?replication=9", clock=SystemClock(), executor=ThreadExecutor("bus"), randomness=SystemRandomness())

    with pytest.raises(BusError, match="replication 9"):
        await bus.ensure([replace(SCANS, name=f"{SCANS.name}.nine")])
    await bus.close()


async def test_a_broker_that_is_not_there_is_named_without_the_password() -> None:
    bus = open_bus("kafka://quiet:s3cret@127.0.0.1:1", clock=SystemClock(), executor=ThreadExecutor("bus"), randomness=SystemRandomness())

    with pytest.raises(BusUnavailable, match=r"kafka://quiet@127.0.0.1:1: broker 127.0.0.1:1 can't be reached.*QUIETZONE_BUS_URL") as error:
        await bus.publish([message("a")])
    await bus.close()
    assert "s3cret" not in str(error.value)


async def test_a_server_that_never_answers_is_given_up_within_ten_seconds() -> None:
    silent = socket.create_server(("127.0.0.1", 0))
    bus = open_bus(
        f"kafka://127.0.0.1:{silent.getsockname()[1]}", clock=SystemClock(), executor=ThreadExecutor("bus"), randomness=SystemRandomness()
    )
    began = time.monotonic()

    with pytest.raises(BusUnavailable, match="didn't answer within 3"):
        await bus.publish([message("a")])

    assert time.monotonic() - began < 10
    await bus.close()
    silent.close()
