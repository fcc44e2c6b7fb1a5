"""Appending to partitions, by aiokafka's idempotent producer: what it must send again is in the log once.

It goes on for ever with what it has taken, and sticks on OutOfOrderSequenceNumber. So after any failure it is thrown away with all that
it still has, whoever's it is, and built anew: callers publish all again in the same order. A copy that lies in a broker's socket by then
may come into the log late: consumers meet every event more than once.
"""

import asyncio
from collections.abc import Sequence

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.structs import RecordMetadata
from prometheus_client import Counter, Histogram

from quietzone_kit.bus import BusUnavailable, Message, Position
from quietzone_kit.bus._kafka.cluster import Cluster
from quietzone_kit.bus._kafka.stop import stop_producer

RESEND_AFTER_MS = 4_000
"""How long a broker may take for a batch and its replicas before it is sent again."""

MAX_BATCH_BYTES = 1_000_000
"""A batch closes above this; one larger message goes alone. The topic's max.message.bytes leaves room for it."""

MAX_MESSAGE_BYTES = 1_100_000
"""aiokafka refuses larger ones; ours are checked before, this is above all of them."""

MAX_WAITING_BYTES = 64_000_000
"""What may wait in all; at 20 MB a second it takes half the time that a publish has."""

PUBLISH_SECONDS = Histogram(
    "quietzone_bus_publish_seconds",
    "From a publish to all replicas' word. Above 0.1 for minutes: look at the brokers' disks and the network between them.",
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10),
)
PUBLISHED_BYTES = Counter(
    "quietzone_bus_published_bytes_total", "Bytes of values that were acknowledged. For capacity; nothing to do by itself."
)


class Sender:
    """Appends messages whose partitions are known; one for each bus."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()
        self._waiting_bytes = 0

    async def publish(self, messages: Sequence[Message], partitions: Sequence[int], *, within_s: float) -> list[Position]:
        """Append each message to its partition.

        Raises:
            BusUnavailable: a second after `within_s` at the latest; some, all or none are in the log.
        """
        size = sum(len(message.value) for message in messages)
        if self._waiting_bytes and self._waiting_bytes + size > MAX_WAITING_BYTES:
            raise BusUnavailable(
                f"{self._cluster.shown}: {self._waiting_bytes:,} bytes wait to be published: publish again when brokers keep up"
            )
        self._waiting_bytes += size
        try:
            with PUBLISH_SECONDS.time():
                offsets = await self._publish(messages, partitions, within_s)
        finally:
            self._waiting_bytes -= size
        PUBLISHED_BYTES.inc(size)
        return [
            Position(message.topic, partition, offset) for message, partition, offset in zip(messages, partitions, offsets, strict=True)
        ]

    async def close(self, *, within_s: float) -> None:
        """Wait for what is under way, as long as it may take, and let go of the connections."""
        if self._producer is not None:
            producer, self._producer = self._producer, None
            await self._cluster.end(producer.flush(), within_s=within_s)
            await self._throw_away(producer)

    async def _publish(self, messages: Sequence[Message], partitions: Sequence[int], within_s: float) -> list[int]:
        producer = None
        try:
            async with asyncio.timeout(within_s):
                producer = await self._started([message.topic for message in messages])
                offsets = await self._send(producer, messages, partitions)
        except TimeoutError:
            await self._give_up(producer)
            raise self._cluster.unanswered("publishing", within_s) from None
        except KafkaError as error:
            await self._give_up(producer)
            raise self._cluster.refused("publish again", error) from error
        except asyncio.CancelledError:
            # A caller with less patience than ours, every time, would never let a producer that is stuck go; nor what it has sent.
            if producer is not None and producer is self._producer:
                self._producer = None
                self._cluster.begin(self._throw_away(producer))
            raise
        if offsets and min(offsets) < 0:  # a broker that has it says so, but not where
            await self._give_up(producer)
            raise self._cluster.unavailable(f"{self._cluster.shown}: it is not known where messages came to stand: publish again")
        return offsets

    async def _send(self, producer: AIOKafkaProducer, messages: Sequence[Message], partitions: Sequence[int]) -> list[int]:
        waits = []
        for message, partition in zip(messages, partitions, strict=True):
            wait = await producer.send(
                self._cluster.name(message.topic),
                message.value,
                message.key.encode(),
                partition=partition,
                headers=list(message.headers),
            )
            wait.add_done_callback(_look_at)
            waits.append(wait)
        # Not `gather`: a caller that is cancelled mustn't cancel what goes on under way, and each failure is to be looked at.
        done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_EXCEPTION)
        for wait in done:
            wait.result()
        return [wait.result().offset for wait in waits]

    async def _started(self, topics: Sequence[str]) -> AIOKafkaProducer:
        """A producer that knows these topics: from here to its batches nobody waits, so that callers keep the order of their calls."""
        async with self._starting:
            if (producer := self._producer) is None:
                producer = AIOKafkaProducer(
                    **await self._cluster.arguments(),
                    enable_idempotence=True,
                    acks="all",
                    request_timeout_ms=RESEND_AFTER_MS,
                    max_batch_size=MAX_BATCH_BYTES,
                    max_request_size=MAX_MESSAGE_BYTES,
                )
                self._cluster.owns(producer.client)
                await self._cluster.start(producer.start(), lambda: stop_producer(producer))
                self._producer = producer
            for topic in dict.fromkeys(topics):
                await producer.partitions_for(self._cluster.name(topic))
            return producer

    async def _give_up(self, producer: AIOKafkaProducer | None) -> None:
        if producer is not None and producer is self._producer:
            self._producer = None
            await self._throw_away(producer)

    async def _throw_away(self, producer: AIOKafkaProducer) -> None:
        """`stop` alone would first send all that waits, for as long as that takes, behind what callers publish again.

        Cancelled once, aiokafka's task still waits for what is under way; cancelled twice it ends.
        """
        sending = producer._sender.sender_task  # noqa: SLF001 - there is no public way to end it
        while not sending.done():
            sending.cancel()
            await asyncio.wait([sending], timeout=0.01)
        error = KafkaError("thrown away after another message failed")
        producer._message_accumulator.fail_all(error)  # noqa: SLF001 - as when its task fails; else whoever waits would wait on
        await self._cluster.end(stop_producer(producer), within_s=1)


def _look_at(wait: asyncio.Future[RecordMetadata]) -> None:
    """The first failure is raised; of the others asyncio would say that nobody looked at them."""
    if not wait.cancelled():
        wait.exception()
