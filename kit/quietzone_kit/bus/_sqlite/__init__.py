"""The bus as a log in one SQLite file that several processes of one machine share.

Durable (WAL, synchronous=FULL), with group commit in each process. Nothing here makes threads: blocking work goes through the Executor,
one operation at a time for writing and one for reading, so that an executor of two threads keeps them apart.
"""

import sqlite3
import time
from collections.abc import Sequence
from functools import partial

from quietzone_kit.bus import MAX_VALUE_BYTES, Bounds, Connect, Message, Position, Topic, UnknownTopic
from quietzone_kit.bus._sqlite import groups, log
from quietzone_kit.bus._sqlite.consumer import Lanes, Membership, SqliteConsumer
from quietzone_kit.bus._sqlite.lane import BUSY_TIMEOUT_S, Lane
from quietzone_kit.bus._sqlite.pulse import FileTime, Pulse
from quietzone_kit.bus.topics import RETENTION, Shape
from quietzone_kit.ids import uuid7
from quietzone_kit.runtime import Clock, Executor, Randomness

PAGE_BYTES = 8192
"""Between records of some hundred bytes and of some ten thousand, the cheapest to write (measured with 4, 8 and 16 KiB)."""

WAL_LIMIT_BYTES = 64_000_000
"""What the write-ahead log is cut down to after a burst."""


class SqliteBus:
    """The bus over connections that `connect` makes, two for each instance, by default to the file at `path`; errors name it so."""

    def __init__(self, path: str, connect: Connect | None, *, clock: Clock, executor: Executor, randomness: Randomness) -> None:
        is_new = FileTime(f"{path}-wal", clock).is_new if connect is None else _always
        connect = connect or partial(open_file, path)
        reading = Lane(path, connect, executor, begin="BEGIN")
        writing = Lane(path, connect, executor, begin="BEGIN IMMEDIATE")
        pulse = Pulse(partial(reading.run, log.progress), is_new)
        self._lanes = Lanes(reading, writing, pulse, clock, randomness.uniform(0, groups.RENEWAL_S))
        self._clock = clock
        self._randomness = randomness
        self._consumers: list[SqliteConsumer] = []

    async def ensure(self, topics: Sequence[Topic]) -> None:
        """Create the topics that aren't there."""
        named = [(topic, uuid7(self._clock, self._randomness)) for topic in topics]
        await self._lanes.writing.run(partial(log.ensure, topics=named, now_ms=self._clock.now_ms()))

    def wanted(self, topic: Topic) -> Shape:
        """What `ensure` makes of a topic that isn't there."""
        return Shape(topic.partitions, None, {RETENTION: str(topic.retention_ms)})

    async def shape(self, topic: Topic) -> Shape | None:
        """What a topic is now."""
        try:
            found = await self._lanes.reading.run(partial(log.find_topic, name=topic.name))
        except UnknownTopic:
            return None
        retention_ms = await self._lanes.reading.run(partial(log.retention_ms, topic=found))
        return Shape(found.partitions, None, {RETENTION: str(retention_ms)})

    async def reshape(self, topic: Topic) -> None:
        """Give a topic its declared retention; `ensure` does so, too."""
        await self.ensure([topic])

    async def partitions(self, topic: str) -> int:
        """How many partitions the topic has."""
        found = await self._lanes.reading.run(partial(log.find_topic, name=topic))
        return found.partitions

    async def bounds(self, topic: str, partition: int) -> Bounds:
        """What a partition holds now."""
        return await self._lanes.reading.run(partial(log.bounds, topic=topic, partition=partition))

    async def publish(self, messages: Sequence[Message]) -> list[Position]:
        """Append messages; they are durable when this returns."""
        for message in messages:
            if len(message.value) > MAX_VALUE_BYTES:
                raise ValueError(
                    f"a message for {message.topic} has {len(message.value):,} bytes, {MAX_VALUE_BYTES:,} are the most: split it"
                )
        if not messages:
            return []
        size = sum(len(message.value) for message in messages)
        positions = await self._lanes.writing.run(lambda connection: log.append(connection, messages, self._clock.now_ms()), size=size)
        self._lanes.pulse.notify()
        return positions

    async def follow(self, topic: str) -> SqliteConsumer:
        """A reader of every partition."""
        found = await self._lanes.reading.run(partial(log.find_topic, name=topic))
        return self._consumer(SqliteConsumer(self._lanes, found, None, self._consumers.remove))

    async def join(self, topic: str, group: str) -> SqliteConsumer:
        """A member of `group`."""
        found = await self._lanes.reading.run(partial(log.find_topic, name=topic))
        identifier = await self._lanes.writing.run(partial(groups.open_group, topic=found, name=group))
        membership = Membership(self._lanes, found, identifier, uuid7(self._clock, self._randomness))
        return self._consumer(SqliteConsumer(self._lanes, found, membership, self._consumers.remove))

    async def trim(self) -> bool:
        """Remove a bounded number of records that are older than their topic's retention."""
        now_ms = self._clock.now_ms()
        if not await self._lanes.reading.run(partial(log.has_expired, now_ms=now_ms)):
            return False
        return await self._lanes.writing.run(partial(log.trim, now_ms=now_ms))

    async def close(self) -> None:
        """Leave all groups, do what waits, let go of the file."""
        for consumer in list(self._consumers):
            await consumer.close()
        await self._lanes.writing.close()
        await self._lanes.reading.close()

    def _consumer(self, consumer: SqliteConsumer) -> SqliteConsumer:
        self._consumers.append(consumer)
        return consumer


def open_file(path: str) -> sqlite3.Connection:
    """A connection to the file at `path`, which is made when it isn't there (its folder must be)."""
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
    try:
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        _use_wal(connection)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA journal_size_limit = {WAL_LIMIT_BYTES}")
    except BaseException:
        connection.close()
        raise
    return connection


def _use_wal(connection: sqlite3.Connection) -> None:
    """Processes that start together on a new file all want this; SQLite doesn't wait here by itself, as it does elsewhere."""
    attempts_left = int(BUSY_TIMEOUT_S / 0.01)
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            attempts_left -= 1
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or not attempts_left:
                raise
            time.sleep(0.01)
        else:
            return


def _always() -> bool:
    """Of a database without a file."""
    return True
