"""What is Kafka's own: topics made anew, producers whose numbers were lost, prefixes, brokers that aren't there."""

import asyncio
import gc
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import structlog
from aiokafka import AIOKafkaClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.conn import AIOKafkaConnection
from aiokafka.protocol.admin import ApiVersionResponse_v0
from aiokafka.protocol.metadata import MetadataRequest
from aiokafka.structs import TopicPartition
from contract.bus.conftest import RUN, SCANS, KafkaServer, Member, from_start, message, opened, read_all, settle

from quietzone_kit.bus import Bus, BusError, BusUnavailable, Message, OffsetGone, Topic, UnknownTopic, _kafka
from quietzone_kit.bus._kafka import KafkaBus, cluster, sender
from quietzone_kit.bus._kafka.cluster import TopicFound
from quietzone_kit.bus._kafka.consumer import KafkaConsumer
from quietzone_kit.bus._kafka.stop import stop_client
from quietzone_kit.bus.topics import TopicAdmin, plan

pytestmark = pytest.mark.server("kafka")


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


async def never(*_: object) -> None:
    """A broker's answer that doesn't come."""
    await asyncio.Event().wait()


def connections() -> list[AIOKafkaConnection]:
    """Those that are open."""
    return [one for one in gc.get_objects() if isinstance(one, AIOKafkaConnection) and one.connected()]


async def make_anew(server: KafkaServer) -> Bus:
    async with server._admin() as admin:
        await admin.delete_topics([SCANS.name])
    bus = await server.connect()
    await bus.ensure([SCANS])
    return bus


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
    producer = bus._sender._producer
    assert producer is not None
    producer._txn_manager.increment_sequence_number(TopicPartition(SCANS.name, 0), 5)
    with pytest.raises(BusUnavailable, match="publish again"):
        await bus.publish([message("b", partition=0)])

    [position] = await bus.publish([message("b", partition=0)])

    assert position.offset == 1


async def test_what_is_under_way_beside_a_failure_fails_with_it(bus: KafkaBus) -> None:
    await bus.publish([message("a", partition=0)])
    producer = bus._sender._producer
    assert producer is not None
    producer._txn_manager.increment_sequence_number(TopicPartition(SCANS.name, 0), 5)

    calls = [bus.publish([message(str(number), partition=0)]) for number in range(5)]
    results = await asyncio.gather(*calls, return_exceptions=True)

    assert {type(result) for result in results} == {BusUnavailable}


async def test_what_was_given_up_is_not_sent_any_more(bus: KafkaBus, monkeypatch: pytest.MonkeyPatch) -> None:
    await bus.publish([message("a", partition=0)])
    producer = bus._sender._producer
    assert producer is not None
    monkeypatch.setattr(producer.client, "send", never)
    monkeypatch.setattr(_kafka, "PUBLISH_WITHIN_S", 0.3)
    with pytest.raises(BusUnavailable, match="didn't answer"):
        await bus.publish([message("given up", partition=0)])
    monkeypatch.undo()

    [position] = await bus.publish([message("b", partition=0)])

    assert position.offset == 1
    assert producer._sender.sender_task.done()


async def test_what_looking_a_topic_up_took_is_not_there_for_publishing(bus: KafkaBus, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a publish would take the time of both; the second between, for throwing the producer away, is there in either case."""
    await bus.publish([message("a", partition=0)])
    assert bus._sender._producer is not None
    look_up = bus._cluster.look_up

    async def slowly(names: Sequence[str]) -> dict[str, TopicFound | None]:
        await asyncio.sleep(7.5)  # the time it takes is what the test is about
        return await look_up(names)

    monkeypatch.setattr(bus._cluster, "look_up", slowly)
    monkeypatch.setattr(cluster, "METADATA_AGE_S", 0.0)
    monkeypatch.setattr(bus._sender._producer.client, "send", never)
    monkeypatch.setattr(_kafka, "PUBLISH_WITHIN_S", 8.0)
    began = time.monotonic()

    with pytest.raises(BusUnavailable, match="brokers didn't answer"):
        await bus.publish([message("b", partition=0)])

    assert time.monotonic() - began < 15  # 9 here; 16.5 and more with the time of both


async def test_giving_up_while_it_connects_leaves_no_connection_open(server: KafkaServer, monkeypatch: pytest.MonkeyPatch) -> None:
    bus = await server.connect()
    told, send = asyncio.Event(), AIOKafkaConnection.send

    async def late(connection: AIOKafkaConnection, request: object) -> object:
        await told.wait()
        return await send(connection, request)

    def late_about_topics(connection: AIOKafkaConnection, request: object, **options: bool) -> Awaitable[object]:
        return late(connection, request) if type(request) is MetadataRequest else send(connection, request, **options)

    monkeypatch.setattr(AIOKafkaConnection, "send", late_about_topics)
    monkeypatch.setattr(_kafka, "PUBLISH_WITHIN_S", 0.3)
    with pytest.raises(BusUnavailable):
        await bus.publish([message("a", partition=0)])

    told.set()
    await bus.close()

    assert connections() == []


async def test_a_group_that_cannot_be_left_leaves_no_connection_open(
    server: KafkaServer, bus: KafkaBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    member = Member(await bus.join(SCANS.name, "g"))
    await settle(member, shares=[4])
    assert isinstance(member.consumer, KafkaConsumer)
    assert member.consumer._consumer is not None
    monkeypatch.setattr(member.consumer._consumer._coordinator, "close", never)

    await server.close()

    assert connections() == []


async def test_a_connection_that_is_made_after_its_client_was_stopped_is_closed(
    server: KafkaServer, bus: KafkaBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = AIOKafkaClient(**await bus._cluster.arguments())
    await client.bootstrap()
    told, asked, connect = asyncio.Event(), asyncio.Event(), AIOKafkaConnection.connect

    async def late(connection: AIOKafkaConnection) -> object:
        asked.set()
        await told.wait()
        return await connect(connection)

    monkeypatch.setattr(AIOKafkaConnection, "connect", late)
    async with asyncio.TaskGroup() as group:
        group.create_task(client.ready(client.cluster.brokers().pop().nodeId))
        await asked.wait()
        await stop_client(client)
        told.set()
    await server.close()

    assert connections() == []


async def test_a_bus_whose_end_is_cut_off_leaves_no_connection_open(bus: KafkaBus, monkeypatch: pytest.MonkeyPatch) -> None:
    await bus.publish([message("a", partition=0)])
    monkeypatch.setattr(bus._cluster, "close", never)

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(bus.close(), 2)

    assert connections() == []


async def test_a_topic_that_nobody_tells_of_is_given_up_in_time(bus: KafkaBus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bus._cluster, "look_up", never)
    monkeypatch.setattr(cluster, "METADATA_AGE_S", 0.0)
    monkeypatch.setattr(_kafka, "PUBLISH_WITHIN_S", 0.3)

    with pytest.raises(BusUnavailable, match="where topics are: brokers didn't answer"):
        await bus.publish([message("a")])


async def test_more_than_may_wait_is_refused(bus: KafkaBus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "MAX_WAITING_BYTES", 10)

    results = await asyncio.gather(*[bus.publish([message("abcdef")]) for _ in range(5)], return_exceptions=True)

    assert {type(result) for result in results} == {list, BusUnavailable}


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


async def test_other_settings_of_a_topic_stay_when_ours_are_applied(server: KafkaServer, bus: KafkaBus) -> None:
    async with server._admin() as admin:
        given = {"message.timestamp.type": "CreateTime", "segment.bytes": "104857600"}
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, SCANS.name, given)])

    await bus.reshape(SCANS)

    async with server._admin() as admin:
        [answer] = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, SCANS.name)])
    settings = {entry[0]: entry[1] for entry in answer.resources[0][4]}
    assert (settings["segment.bytes"], settings["message.timestamp.type"]) == ("104857600", "LogAppendTime")


async def test_an_unclean_topic_is_told_by_the_plan(server: KafkaServer, bus: KafkaBus) -> None:
    async with server._admin() as admin:
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, SCANS.name, {"message.timestamp.type": "CreateTime"})])

    async with asyncio.timeout(10):  # brokers hear of a change some time after it was taken
        while ("message.timestamp.type", "CreateTime") not in {(each.name, each.has) for each in await plan(bus, [SCANS])}:
            await asyncio.sleep(0.1)


async def test_topics_get_the_replication_of_the_url(server: KafkaServer) -> None:
    async with opened(f"{server.url}?replication=1") as bus:
        assert isinstance(bus, TopicAdmin)
        await bus.ensure([SCANS])

        found = await bus.shape(SCANS)

    assert found is not None
    assert (found.replication, found.settings["min.insync.replicas"]) == (1, "1")


async def test_more_replicas_than_brokers_are_refused_with_the_reason(server: KafkaServer) -> None:
    async with opened(f"{server.url}?replication=9") as bus:
        with pytest.raises(BusError, match="replication 9"):
            await bus.ensure([replace(SCANS, name=f"{SCANS.name}.nine")])


async def test_a_broker_that_is_not_there_is_named_without_the_password() -> None:
    said = r"kafka://quiet@127.0.0.1:1: broker 127.0.0.1:1 can't be reached.*QUIETZONE_BUS_URL"
    async with opened("kafka://quiet:s3cret@127.0.0.1:1") as bus:
        with pytest.raises(BusUnavailable, match=said) as error:
            await bus.publish([message("a")])

    assert "s3cret" not in str(error.value)


async def test_a_server_that_never_answers_is_given_up_within_twenty_seconds() -> None:
    silent = socket.create_server(("127.0.0.1", 0))
    async with opened(f"kafka://127.0.0.1:{silent.getsockname()[1]}") as bus:
        began = time.monotonic()

        with pytest.raises(BusUnavailable, match="didn't answer within 3"):
            await bus.publish([message("a")])

        assert time.monotonic() - began < 20
    silent.close()


async def test_a_broker_that_is_too_old_is_told_from_one_that_is_down() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readexactly(12)  # its length, the message's number and version, and what the answer begins with
        said = request[8:] + ApiVersionResponse_v0((0, [(18, 0, 3), (3, 0, 9)])).encode()  # metadata up to version 9: Kafka 2.8
        writer.write(len(said).to_bytes(4) + said)
        await writer.drain()

    old = await asyncio.start_server(answer, "127.0.0.1", 0)
    host, port = old.sockets[0].getsockname()
    async with opened(f"kafka://{host}:{port}") as bus:
        with pytest.raises(BusUnavailable, match=r"is it older than 3\.1\?"):
            await bus.publish([message("a")])
    old.close()


async def test_installations_with_prefixes_of_their_own_share_a_cluster(server: KafkaServer) -> None:
    """Topics, records and groups of one are nothing to the other, and neither sees its prefix."""
    one, two = await server.connect(f"?prefix={RUN}.one."), await server.connect(f"?prefix={RUN}.two.")
    for bus, text in ((one, "1"), (two, "2")):
        await bus.ensure([SCANS])
        [position] = await bus.publish([message(text, partition=0)])
        assert (position.topic, position.offset) == (SCANS.name, 0)

    members = [Member(await bus.join(SCANS.name, "g")) for bus in (one, two)]
    for member, text in zip(members, "12", strict=True):
        await settle(member, shares=[4])
        await member.consumer.commit({0: int(text)})
        member.consumer.seek(0, 0)
        [record] = (await read_all(member.consumer, 1))[0]
        assert (record.topic, record.value.decode()) == (SCANS.name, text)

    assert [await member.consumer.committed(0) for member in members] == [1, 2]


async def test_a_prefix_stands_before_every_name_on_the_broker(server: KafkaServer) -> None:
    bus = await server.connect(f"?prefix={RUN}.three.")
    await bus.ensure([SCANS])
    await settle(Member(await bus.join(SCANS.name, "g")), shares=[4])

    async with server._admin() as admin:
        topics, groups = await admin.list_topics(), {group[0] for group in await admin.list_consumer_groups()}

    assert (SCANS.name in topics, f"{RUN}.three.{SCANS.name}" in topics, f"{RUN}.three.g.{SCANS.name}" in groups) == (False, True, True)


async def test_a_topic_that_is_missing_among_others_is_created_with_a_warning_that_names_it(bus: KafkaBus) -> None:
    third = Topic(f"third.{RUN}", partitions=1, retention_ms=60_000)

    with structlog.testing.capture_logs() as said:
        await bus.ensure([SCANS, third])
        await bus.ensure([SCANS, third])

    assert [(line["log_level"], line["topic"]) for line in said] == [("warning", third.name)]


async def test_asking_for_a_topic_does_not_create_it(server: KafkaServer, bus: KafkaBus) -> None:
    for ask in (bus.partitions(f"no.{RUN}"), bus.bounds(f"no.{RUN}", 0), bus.publish([Message(f"no.{RUN}", "k", b"")])):
        with pytest.raises(UnknownTopic, match="quietzone topics apply"):
            await ask

    async with server._admin() as admin:
        assert f"no.{RUN}" not in await admin.list_topics()
