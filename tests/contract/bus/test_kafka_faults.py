"""Brokers that are killed and paused. Each test starts its own."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from contract.bus.conftest import from_start, opened, read_all

from quietzone_kit.bus import Bus, BusUnavailable, Consumer, Message, Topic
from quietzone_kit.bus._kafka import KafkaBus
from servers.kafka import KafkaCluster
from servers.packages import Packages
from servers.process import Server
from servers.run import Run

pytestmark = [pytest.mark.server("kafka", own=True), pytest.mark.timeout(180)]

TOPIC = Topic("tracking.scan.v1", partitions=6, retention_ms=3_600_000)


@pytest.fixture(scope="module")
def cluster() -> Iterator[KafkaCluster]:
    with Run.begin() as run:
        yield run.use(KafkaCluster(run.folder("kafka"), Packages(), brokers=3))


@pytest.fixture
def three_brokers(cluster: KafkaCluster) -> KafkaCluster:
    """They may have been killed by the test before."""
    cluster.start()
    return cluster


class Publisher:
    """Publishes numbers to every partition until it is told to stop; what fails it publishes again, as all our callers do."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self.acknowledged: dict[tuple[int, int], bytes] = {}
        self.failures = 0
        self.stopping = False

    async def run(self) -> None:
        number = 0
        while not self.stopping:
            values = [b"%d %d" % (number, partition) for partition in range(TOPIC.partitions)]
            messages = [Message(TOPIC.name, "k", value, partition=partition) for partition, value in enumerate(values)]
            try:
                positions = await self._bus.publish(messages)
            except BusUnavailable:
                self.failures += 1
                continue
            self.acknowledged |= {(position.partition, position.offset): value for position, value in zip(positions, values, strict=True)}
            number += 1

    async def until(self, more: int) -> None:
        """Until so many more are acknowledged."""
        enough = len(self.acknowledged) + more
        async with asyncio.timeout(60):
            while len(self.acknowledged) < enough:
                await asyncio.sleep(0.02)


async def everything(bus: Bus) -> dict[tuple[int, int], bytes]:
    count = sum([(await bus.bounds(TOPIC.name, partition)).next for partition in range(TOPIC.partitions)])
    found = await read_all(await from_start(await bus.follow(TOPIC.name)), count, max_records=5_000)
    return {(record.partition, record.offset): record.value for records in found.values() for record in records}


async def read(consumer: Consumer, count: int) -> None:
    """Read so many records, from the start of each partition that is assigned."""
    found = 0
    async with asyncio.timeout(60):
        while found < count:
            with contextlib.suppress(BusUnavailable):
                polled = await consumer.poll(max_records=100, wait_s=1)
                for partition in polled.assigned:
                    consumer.seek(partition, 0)
                found += sum(map(len, polled.records.values()))


async def coordinator(cluster: KafkaCluster, group: str) -> int:
    """The broker that keeps a group."""
    admin = AIOKafkaAdminClient(bootstrap_servers=cluster.url.removeprefix("kafka://").split(","))
    await admin.start()
    try:
        node: int = await admin.find_coordinator(group)
        return node
    finally:
        await admin.close()


async def test_nothing_acknowledged_is_lost_when_one_of_three_brokers_is_killed(three_brokers: KafkaCluster) -> None:
    async with opened(f"{three_brokers.url}?replication=3") as bus:
        await bus.ensure([TOPIC])
        publisher = Publisher(bus)
        async with asyncio.TaskGroup() as group:
            group.create_task(publisher.run())
            await publisher.until(300)
            await asyncio.to_thread(three_brokers.brokers[0].kill)
            await publisher.until(300)
            publisher.stopping = True

        stored = await everything(bus)

    assert publisher.acknowledged.items() <= stored.items()


async def test_a_group_goes_on_when_its_coordinator_is_killed(three_brokers: KafkaCluster) -> None:
    async with opened(f"{three_brokers.url}?replication=3") as bus:
        await bus.ensure([TOPIC])
        consumer, publisher = await bus.join(TOPIC.name, "analytics"), Publisher(bus)
        async with asyncio.TaskGroup() as group:
            group.create_task(publisher.run())
            await read(consumer, 100)
            before = await coordinator(three_brokers, f"analytics.{TOPIC.name}")
            await asyncio.to_thread(three_brokers.brokers[before - 1].kill)
            await publisher.until(600)
            await read(consumer, 600)
            publisher.stopping = True

        await consumer.commit({0: 1})
        assert await consumer.committed(0) == 1


async def test_a_partition_without_a_broker_keeps_no_other_waiting(three_brokers: KafkaCluster) -> None:
    topic = Topic("tracking.alone.v1", partitions=6, retention_ms=3_600_000)
    async with opened(f"{three_brokers.url}?replication=1") as bus:
        await bus.ensure([topic])
        messages = [Message(topic.name, "k", b"v", partition=partition) for partition in range(topic.partitions)]
        await bus.publish(messages)
        assert isinstance(bus, KafkaBus)
        leaders = (await bus._cluster.topic(topic.name)).leaders
        await asyncio.to_thread(three_brokers.brokers[leaders[0] - 1].kill)

        results = await asyncio.gather(*(bus.publish([message]) for message in messages), return_exceptions=True)

    assert [type(result) for result in results] == [BusUnavailable if leader == leaders[0] else list for leader in leaders]


async def test_a_killed_broker_that_comes_back_is_gone_on_with(own_server: Callable[[str], Server]) -> None:
    kafka = await asyncio.to_thread(own_server, "kafka")
    async with opened(kafka.url) as bus:
        await bus.ensure([TOPIC])
        publisher = Publisher(bus)
        async with asyncio.TaskGroup() as group:
            group.create_task(publisher.run())
            await publisher.until(300)
            await asyncio.to_thread(kafka.kill)
            await asyncio.to_thread(kafka.start)
            await publisher.until(300)
            publisher.stopping = True

        assert (await bus.bounds(TOPIC.name, 0)).first == 0


async def test_a_paused_broker_is_unavailable_within_twenty_seconds(own_server: Callable[[str], Server]) -> None:
    kafka = await asyncio.to_thread(own_server, "kafka")
    async with opened(kafka.url) as bus:
        await bus.ensure([TOPIC])
        await bus.publish([Message(TOPIC.name, "k", b"before")])
        kafka.pause()
        began = time.monotonic()

        with pytest.raises(BusUnavailable, match="didn't answer"):
            await bus.publish([Message(TOPIC.name, "k", b"meanwhile", partition=partition) for partition in range(TOPIC.partitions)])

        assert time.monotonic() - began < 20  # 10 where nothing else runs
        kafka.resume()


async def test_a_caller_with_little_patience_leaves_no_producer_that_is_stuck(own_server: Callable[[str], Server]) -> None:
    """An outbox gives up after five seconds, again and again: what its producer was told of brokers and passwords may be old."""
    kafka = await asyncio.to_thread(own_server, "kafka")
    async with opened(kafka.url) as bus:
        assert isinstance(bus, KafkaBus)
        await bus.ensure([TOPIC])
        await bus.publish([Message(TOPIC.name, "k", b"before", partition=0)])
        stuck = bus._sender._producer
        kafka.pause()

        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await bus.publish([Message(TOPIC.name, "k", b"meanwhile", partition=0)])

        kafka.resume()
        await bus.publish([Message(TOPIC.name, "k", b"after", partition=0)])
        assert bus._sender._producer is not stuck


async def test_a_broker_whose_pause_is_over_is_gone_on_with(own_server: Callable[[str], Server]) -> None:
    kafka = await asyncio.to_thread(own_server, "kafka")
    async with opened(kafka.url) as bus:
        await bus.ensure([TOPIC])
        await bus.publish([Message(TOPIC.name, "k", b"before", partition=0)])
        kafka.pause()
        async with asyncio.TaskGroup() as group:
            call = group.create_task(bus.publish([Message(TOPIC.name, "k", b"meanwhile", partition=0)]))
            await asyncio.sleep(4.5)  # longer than an answer is waited for, so that it is sent again
            kafka.resume()

        assert call.result()[0].offset == 1, "once, though it was sent twice"
        assert (await bus.bounds(TOPIC.name, 0)).next == 2
