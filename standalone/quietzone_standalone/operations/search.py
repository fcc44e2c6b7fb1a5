"""Finding records in a topic by time and by what they hold."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from quietzone_kit.bus import Bus, Consumer, Record

SKEW_MS = 300_000
"""How far the clock of whoever made an id may be ahead of the log's."""

PAGE = 500  # records a read: 50 MB at worst, when all are of the largest size that scans have
READ_WITHIN_S = 30.0


class Search:
    """A reader of one topic that belongs to no group, so that it disturbs nobody."""

    def __init__(self, bus: Bus, topic: str, consumer: Consumer) -> None:
        self._bus = bus
        self._topic = topic
        self._consumer = consumer

    async def since(self, partition: int, time_ms: int) -> AsyncIterator[Record]:
        """The records of a partition from log time `time_ms` on, up to the log's present end."""
        bounds = await self._bus.bounds(self._topic, partition)
        offset = await self._first_since(partition, time_ms - SKEW_MS, bounds.first, bounds.next)
        while offset < bounds.next:
            for record in await self._read(partition, offset, PAGE):
                yield record
                offset = record.offset + 1

    async def _first_since(self, partition: int, time_ms: int, low: int, high: int) -> int:
        """By halves: log time never goes back."""
        while low < high:
            middle = (low + high) // 2
            [record] = await self._read(partition, middle, 1)
            if record.time_ms < time_ms:
                low = record.offset + 1
            else:
                high = middle
        return low

    async def _read(self, partition: int, offset: int, most: int) -> list[Record]:
        self._consumer.seek(partition, offset)
        async with asyncio.timeout(READ_WITHIN_S):
            while True:
                polled = await self._consumer.poll(max_records=most, wait_s=1)
                if records := [record for record in polled.records.get(partition, ()) if record.offset >= offset]:
                    return records[:most]


@asynccontextmanager
async def searching(bus: Bus, topic: str) -> AsyncIterator[Search]:
    """A search of a topic, within the block.

    Raises:
        BusError: the bus doesn't answer, or has no such topic.
    """
    consumer = await bus.follow(topic)
    try:
        async with asyncio.timeout(READ_WITHIN_S):
            while not (await consumer.poll(max_records=1, wait_s=1)).assigned:
                pass
        yield Search(bus, topic, consumer)
    finally:
        await consumer.close()
