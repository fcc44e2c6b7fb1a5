"""Where the group of a reaction stands, for those who move an installation from one bus to another."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from quietzone_kit.bus import Bus, BusUnavailable, Consumer

ALONE_WITHIN_S = 60.0
"""For a group's only member to be given all partitions: Kafka waits 10 s for members that were killed, then 15 s for all to join anew."""

POLL_S = 0.5


async def unsettled(bus: Bus, topic: str, name: str) -> int:
    """Records of a topic that group `name` has still to settle, by what it has committed; its members may be at work.

    (On Kafka they share their partitions anew each time.) All that there are, where the group has never been at work.

    Raises:
        BusUnavailable, UnknownTopic: as the bus.
    """
    member, count = await bus.join(topic, name), 0
    try:
        for partition in range(await bus.partitions(topic)):
            committed = await member.committed(partition) or 0
            held = await bus.bounds(topic, partition)  # after the commit was read: the log reaches at least as far
            count += max(held.next - max(committed, held.first), 0)
    finally:
        await member.close()
    return count


async def begin_at_first(bus: Bus, topic: str, name: str) -> None:
    """Have group `name`, where it has never been at work, begin with the oldest record: also one that else begins with those to come.

    Raises:
        BusUnavailable: as the bus, or somebody of the group is at work.
        UnknownTopic: as the bus.
    """
    async with _alone(bus, topic, name) as member:
        partitions = range(await bus.partitions(topic))
        new = [partition for partition in partitions if await member.committed(partition) is None]
        await member.commit({partition: (await bus.bounds(topic, partition)).first for partition in new})


@asynccontextmanager
async def _alone(bus: Bus, topic: str, name: str) -> AsyncIterator[Consumer]:
    """The group's only member; it reads nothing."""
    member, held = await bus.join(topic, name), set[int]()
    try:
        try:
            async with asyncio.timeout(ALONE_WITHIN_S):
                while len(held) < await bus.partitions(topic):
                    polled = await member.poll(max_records=1, wait_s=POLL_S)
                    held = (held - polled.revoked) | polled.assigned
        except TimeoutError as error:
            raise BusUnavailable(f"somebody reads {topic} as {name}: stop what runs on this bus, then try again") from error
        yield member
    finally:
        await member.close()
