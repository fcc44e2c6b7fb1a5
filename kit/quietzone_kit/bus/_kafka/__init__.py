"""The bus on Kafka, from version 3.1 on (brokers that keep themselves: KRaft), by aiokafka's client, producer, consumer and admin."""

import asyncio
from collections.abc import Sequence

from quietzone_kit.bus import MAX_VALUE_BYTES, Bounds, BusError, Message, Position, Topic, UnknownTopic, partition_of
from quietzone_kit.bus._kafka import topics as _topics
from quietzone_kit.bus._kafka.address import Address
from quietzone_kit.bus._kafka.cluster import Cluster
from quietzone_kit.bus._kafka.consumer import KafkaConsumer
from quietzone_kit.bus._kafka.sender import Sender
from quietzone_kit.bus.topics import Shape
from quietzone_kit.runtime import Clock, Executor

MAX_KEY_AND_HEADERS_BYTES = 40_000
"""What a topic's max.message.bytes leaves beside the largest value."""

PUBLISH_WITHIN_S = 8.0
"""For all of a publish, looking its topics up included; what then is thrown away takes a second more, so a caller hears within ten."""


class KafkaBus:
    """The bus at `url`; nothing is connected before the first call. `executor` reads files of passwords and certificates.

    Raises:
        InvalidUrl: says what would do.
    """

    def __init__(self, url: str, *, clock: Clock, executor: Executor) -> None:
        self._cluster = Cluster(Address.parse(url), clock=clock, executor=executor)
        self._sender = Sender(self._cluster)
        self._consumers: list[KafkaConsumer] = []
        self._closed = False

    async def ensure(self, topics: Sequence[Topic]) -> None:
        """Create the topics that aren't there."""
        await _topics.ensure(self._cluster, topics)

    def wanted(self, topic: Topic) -> Shape:
        """What `ensure` makes of a topic that isn't there."""
        return _topics.wanted(topic, self._cluster.address.replication)

    async def shape(self, topic: Topic) -> Shape | None:
        """What a topic is now."""
        return await _topics.shape(self._cluster, topic)

    async def reshape(self, topic: Topic) -> None:
        """Give a topic the settings that are wanted."""
        await _topics.reshape(self._cluster, topic)

    async def partitions(self, topic: str) -> int:
        """How many partitions the topic has."""
        return len((await self._cluster.topic(topic)).leaders)

    async def bounds(self, topic: str, partition: int) -> Bounds:
        """What a partition holds now."""
        return await self._cluster.bounds(topic, partition)

    async def publish(self, messages: Sequence[Message]) -> list[Position]:
        """Append messages; they are on all in-sync replicas when this returns. Within ten seconds it ends, however it does."""
        if self._closed:
            raise BusError("the bus is closed")
        for message in messages:
            _check_size(message)
        if not messages:
            return []
        give_up_at = self._cluster.clock.monotonic() + PUBLISH_WITHIN_S
        partitions = await self._partitions(messages)
        return await self._sender.publish(messages, partitions, within_s=give_up_at - self._cluster.clock.monotonic())

    async def follow(self, topic: str) -> KafkaConsumer:
        """A reader of every partition."""
        return await self._consumer(topic, None)

    async def join(self, topic: str, group: str) -> KafkaConsumer:
        """A member of `group`, from its first poll on."""
        return await self._consumer(topic, f"{group}.{topic}")  # Kafka knows groups across topics, this port doesn't

    async def trim(self) -> bool:
        """Brokers remove what is too old by themselves."""
        return False

    async def close(self) -> None:
        """Leave all groups, do what waits, let go of the connections."""
        self._closed = True
        try:
            for consumer in list(self._consumers):
                await consumer.close()
            await self._sender.close(within_s=PUBLISH_WITHIN_S)
            await self._cluster.close()
        finally:
            self._cluster.cut_off()

    async def _partitions(self, messages: Sequence[Message]) -> list[int]:
        """Where each message belongs."""
        try:
            async with asyncio.timeout(PUBLISH_WITHIN_S):
                counts = {topic: await self.partitions(topic) for topic in dict.fromkeys(message.topic for message in messages)}
        except TimeoutError:
            raise self._cluster.unanswered("where topics are", PUBLISH_WITHIN_S) from None
        return [_partition(message, counts[message.topic]) for message in messages]

    async def _consumer(self, topic: str, group: str | None) -> KafkaConsumer:
        found = await self._cluster.topic(topic)
        consumer = KafkaConsumer(self._cluster, topic, found, group=group, forget=self._consumers.remove)
        self._consumers.append(consumer)
        return consumer


def _check_size(message: Message) -> None:
    if len(message.value) > MAX_VALUE_BYTES:
        raise ValueError(f"a message for {message.topic} has {len(message.value):,} bytes, {MAX_VALUE_BYTES:,} are the most: split it")
    extra = len(message.key.encode()) + sum(len(name) + len(value) for name, value in message.headers)
    if extra > MAX_KEY_AND_HEADERS_BYTES:
        raise ValueError(
            f"key and headers of a message for {message.topic} have {extra:,} bytes, {MAX_KEY_AND_HEADERS_BYTES:,} are the most"
        )


def _partition(message: Message, partitions: int) -> int:
    if message.partition is None:
        return partition_of(message.key, partitions)
    if not 0 <= message.partition < partitions:
        raise UnknownTopic(f"topic {message.topic} has partitions 0 to {partitions - 1}, not {message.partition}")
    return message.partition
