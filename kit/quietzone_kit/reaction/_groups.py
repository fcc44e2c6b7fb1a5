"""Where the group of a reaction stands, for those who move an installation from one bus to another."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from quietzone_kit.bus import Bus, Consumer

ALONE_WITHIN_S = 60.0
"""For a group's only member to be given all partitions: Kafka waits 45 s for members that were killed."""

POLL_S = 0.5


async def unsettled(bus: Bus, topic: str, name: str) -> int:
    """Records of a topic that group `name` has still to settle; nobody of it may be at work.

    Raises:
        BusUnavailable, UnknownTopic: as the bus.
        TimeoutError: somebody is at work all the same.
    """
    count = 0
    async with _alone(bus, topic, name) as member:
        for partition in range(await bus.partitions(topic)):
            held = await bus.bounds(topic, partition)
            count += held.next - max(await member.committed(partition) or 0, held.first)
    return count


async def begin_at_first(bus: Bus, topic: str, name: str) -> None:
    """Have group `name`, where it has never been at work, begin with the oldest record: also one that else begins with those to come.

    Raises:
        As above.
    """
    async with _alone(bus, topic, name) as member:
        partitions = range(await bus.partitions(topic))
        new = [partition for partition in partitions if await member.committed(partition) is None]
        await member.commit({partition: (await bus.bounds(topic, partition)).first for partition in new})


@asynccontextmanager
async def _alone(bus: Bus, topic: str, name: str) -> AsyncIterator[Consumer]:
    """The group's only member; it reads nothing."""
    member, assigned = await bus.join(topic, name), set[int]()
    try:
        async with asyncio.timeout(ALONE_WITHIN_S):
            while len(assigned) < await bus.partitions(topic):
                polled = await member.poll(max_records=1, wait_s=POLL_S)
                assigned = assigned - polled.revoked | polled.assigned
        yield member
    finally:
        await member.close()
