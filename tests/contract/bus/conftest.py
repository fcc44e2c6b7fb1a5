"""What the bus contract is tested on: each adapter with a server of its own. A new adapter adds a line to ADAPTERS and one to EACH."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Protocol

import pytest
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.structs import TopicPartition
from ports import MovableClock

from quietzone_kit.bus import Bus, Consumer, Message, Record, Topic, open_bus
from quietzone_kit.bus._kafka import KafkaBus
from quietzone_kit.bus._kafka import consumer as kafka_consumer
from quietzone_kit.runtime import SystemClock, SystemRandomness, ThreadExecutor

RUN = os.environ.setdefault(f"QUIETZONE_TEST_RUN_{os.getpid()}", SystemRandomness().token(4).hex())
"""Tests that run elsewhere may use the same Kafka. (In the environment, because pytest imports this file twice.)"""

SCANS = Topic(f"tracking.scan.{RUN}.v1", partitions=4, retention_ms=60_000)
EMPTY = Topic(f"tracking.empty.{RUN}.v1", partitions=4, retention_ms=60_000)


class Server(Protocol):
    """One bus, and what a test may do to it."""

    url: str

    async def connect(self) -> Bus:
        """The bus as a process of its own has it."""

    async def kill(self, bus: Bus) -> None:
        """The process of `bus` ends without a word to its groups."""

    async def pass_time(self, seconds: float) -> None:
        """Let leases end and records grow old."""

    async def trim(self, bus: Bus) -> None:
        """Have the records removed that are too old."""

    async def close(self) -> None:
        """Close what `connect` made."""


class StoppableClock(MovableClock):
    def __init__(self) -> None:
        super().__init__()
        self.stopped_at_s: float | None = None

    def monotonic(self) -> float:
        return super().monotonic() if self.stopped_at_s is None else self.stopped_at_s

    def stop(self) -> None:
        """From now on no lease is renewed for time's sake, and no wait ends by itself."""
        self.stopped_at_s = self.monotonic()


class SqliteServer:
    """A file; its processes are buses of their own, with connections and threads of their own."""

    def __init__(self, folder: Path) -> None:
        self.url = f"sqlite:///{folder}/bus.db"
        self.clock = StoppableClock()
        self._open: list[tuple[Bus, ThreadExecutor]] = []

    async def connect(self) -> Bus:
        executor = ThreadExecutor("bus", threads=2)
        bus = open_bus(self.url, clock=self.clock, executor=executor, randomness=SystemRandomness())
        self._open.append((bus, executor))
        return bus

    async def kill(self, bus: Bus) -> None:
        """A consumer that isn't polled any more does nothing at all."""

    async def pass_time(self, seconds: float) -> None:
        self.clock.moved_s += seconds

    async def trim(self, bus: Bus) -> None:
        while await bus.trim():
            pass

    async def close(self) -> None:
        for bus, executor in self._open:
            await bus.close()
            executor.close()


class KafkaServer:
    """A real Kafka. Leases end in real time, shorter ones than in earnest; brokers look at retention every few minutes, so `trim` has
    them do what they would do then."""

    def __init__(self, _: Path) -> None:
        self.url = os.environ["QUIETZONE_TEST_KAFKA_URL"]
        self._open: list[tuple[Bus, ThreadExecutor]] = []
        self._too_old: dict[TopicPartition, RecordsToDelete] = {}
        self._patch = pytest.MonkeyPatch()
        self._patch.setattr(kafka_consumer, "SESSION_S", 2.0)
        self._patch.setattr(kafka_consumer, "HEARTBEAT_S", 0.1)
        self._patch.setattr(kafka_consumer, "MAX_POLL_S", 3.0)

    async def connect(self, options: str = "") -> Bus:
        executor = ThreadExecutor("bus")
        bus = open_bus(self.url + options, clock=SystemClock(), executor=executor, randomness=SystemRandomness())
        self._open.append((bus, executor))
        return bus

    async def kill(self, bus: Bus) -> None:
        assert isinstance(bus, KafkaBus)
        for consumer in bus._consumers:
            if consumer._membership is not None and consumer._consumer is not None:
                if consumer._asleep is not None:
                    consumer._asleep.cancel()
                coordinator = consumer._consumer._coordinator
                tasks = [task for task in (coordinator._heartbeat_task, coordinator._coordination_task) if task is not None]
                for task in tasks:
                    task.cancel()
                await asyncio.wait(tasks)

    async def pass_time(self, seconds: float) -> None:
        if seconds < 10:
            await asyncio.sleep(seconds)
        elif seconds * 1000 > SCANS.retention_ms:
            bus, _ = self._open[0]
            for number in range(SCANS.partitions):
                end = (await bus.bounds(SCANS.name, number)).next
                self._too_old[TopicPartition(SCANS.name, number)] = RecordsToDelete(before_offset=end)

    async def trim(self, bus: Bus) -> None:  # noqa: ARG002
        if self._too_old:
            async with self._admin() as admin:
                await admin.delete_records(self._too_old)

    async def close(self) -> None:
        for bus, executor in self._open:
            await bus.close()
            executor.close()
        self._patch.undo()
        async with self._admin() as admin:
            await admin.delete_topics([name for name in await admin.list_topics() if RUN in name])

    @contextlib.asynccontextmanager
    async def _admin(self) -> AsyncIterator[AIOKafkaAdminClient]:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.url.removeprefix("kafka://"))
        await admin.start()
        yield admin
        await admin.close()


ADAPTERS: dict[str, Callable[[Path], Server]] = {"sqlite": SqliteServer, "kafka": KafkaServer}
EACH = ["sqlite", pytest.param("kafka", marks=pytest.mark.server("kafka"))]


@pytest.fixture(params=EACH)
async def server(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Server]:
    server = ADAPTERS[request.param](tmp_path)
    yield server
    await server.close()


@pytest.fixture
async def bus(server: Server) -> Bus:
    """A bus with two topics."""
    bus = await server.connect()
    await bus.ensure([SCANS, EMPTY])
    return bus


@pytest.fixture
async def other(server: Server, bus: Bus) -> Bus:  # noqa: ARG001 - the topics are there first
    """The same bus, as another process sees it."""
    return await server.connect()


@contextlib.asynccontextmanager
async def opened(url: str) -> AsyncIterator[Bus]:
    """The bus at a URL, as a process of its own has it."""
    executor = ThreadExecutor("bus")
    bus = open_bus(url, clock=SystemClock(), executor=executor, randomness=SystemRandomness())
    try:
        yield bus
    finally:
        await bus.close()
        executor.close()


def message(text: str, *, partition: int | None = None, topic: Topic = SCANS) -> Message:
    return Message(topic.name, key=text, value=text.encode(), partition=partition)


def texts(records: dict[int, list[Record]], partition: int) -> list[str]:
    return [record.value.decode() for record in records.get(partition, [])]


async def from_start(consumer: Consumer) -> Consumer:
    """Have it assigned what is due to it, and read that from the start."""
    polled = await consumer.poll(max_records=1, wait_s=5)
    for partition in polled.assigned:
        consumer.seek(partition, 0)
    return consumer


async def read_all(consumer: Consumer, count: int, *, max_records: int = 100) -> dict[int, list[Record]]:
    """The next `count` records."""
    found: dict[int, list[Record]] = {}
    async with asyncio.timeout(20):
        while sum(map(len, found.values())) < count:
            polled = await consumer.poll(max_records=max_records, wait_s=5)
            for partition, records in polled.records.items():
                found.setdefault(partition, []).extend(records)
    return found


class Member:
    """A member of a group that does as its consumer says."""

    def __init__(self, consumer: Consumer) -> None:
        self.consumer = consumer
        self.holds: set[int] = set()

    async def poll(self, *, wait_s: float = 0) -> None:
        polled = await self.consumer.poll(max_records=100, wait_s=wait_s)
        self.holds -= polled.revoked
        self.holds |= polled.assigned


async def settle(*members: Member, shares: list[int]) -> None:
    """Poll in turn until the members hold so many partitions each, in any order; no two ever hold the same one."""
    async with asyncio.timeout(20):
        while sorted(len(member.holds) for member in members) != shares:
            for member in members:
                await member.poll(wait_s=0.01)
                held = [partition for each in members for partition in each.holds]
                assert len(held) == len(set(held)), "two members hold the same partition"
