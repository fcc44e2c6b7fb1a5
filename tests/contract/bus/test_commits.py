"""Where groups go on, on every adapter."""

import asyncio

import pytest
from contract.bus.conftest import EMPTY, SCANS, Member, Server, settle

from quietzone_kit.bus import Bus

LEASE_ENDED_S = 5.0
"""Longer than any adapter's lease."""


async def join(bus: Bus, group: str = "notification") -> Member:
    member = Member(await bus.join(SCANS.name, group))
    await settle(member, shares=[4])
    return member


async def handed_over(member: Member, heir: Member) -> None:
    """The member leaves, and the heir gets everything."""
    await member.consumer.close()
    await settle(heir, shares=[4])


async def inherit(server: Server, other: Bus) -> Member:
    """A member that has everything because the lease of the one before has ended, and has come as far as 5."""
    heir = Member(await other.join(SCANS.name, "notification"))
    await server.pass_time(LEASE_ENDED_S)
    await settle(heir, shares=[4])
    await heir.consumer.commit({0: 5})
    return heir


async def test_nobody_has_committed_at_first(bus: Bus) -> None:
    member = await join(bus)

    assert await member.consumer.committed(0) is None


async def test_a_commit_is_what_the_next_member_goes_on_from(bus: Bus, other: Bus) -> None:
    member = await join(bus)
    await member.consumer.commit({0: 3, 2: 7})

    heir = Member(await other.join(SCANS.name, "notification"))
    await handed_over(member, heir)

    assert [await heir.consumer.committed(partition) for partition in range(4)] == [3, None, 7, None]


async def test_the_last_commit_counts(bus: Bus) -> None:
    member = await join(bus)
    await member.consumer.commit({0: 3})

    await member.consumer.commit({0: 5})

    assert await member.consumer.committed(0) == 5


async def test_tasks_commit_side_by_side_while_a_poll_waits(bus: Bus) -> None:
    member = await join(bus)

    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        poll = group.create_task(member.poll(wait_s=1))
        await asyncio.gather(*(member.consumer.commit({partition: partition + 1}) for partition in range(4)))
        assert not poll.done()

    assert [await member.consumer.committed(partition) for partition in range(4)] == [1, 2, 3, 4]


async def test_groups_commit_each_for_itself(bus: Bus) -> None:
    notification, storage = await join(bus), await join(bus, "storage")

    await notification.consumer.commit({0: 3})

    assert await storage.consumer.committed(0) is None


async def test_one_group_of_two_topics_commits_each_for_itself(bus: Bus) -> None:
    scans, empty = await join(bus), Member(await bus.join(EMPTY.name, "notification"))
    await settle(empty, shares=[4])

    await scans.consumer.commit({0: 3})

    assert await empty.consumer.committed(0) is None


async def test_what_another_member_has_now_is_left_out(server: Server, bus: Bus, other: Bus) -> None:
    late = await join(bus)
    heir = await inherit(server, other)

    await late.consumer.commit({0: 2})

    assert await heir.consumer.committed(0) == 5


async def test_what_is_still_held_is_committed_beside_what_is_not(bus: Bus, other: Bus) -> None:
    first, second = await join(bus), Member(await other.join(SCANS.name, "notification"))
    await settle(first, second, shares=[2, 2])

    await first.consumer.commit(dict.fromkeys(range(4), 9))

    held = {partition for partition in range(4) if await second.consumer.committed(partition) == 9}
    assert held == first.holds


async def test_what_was_away_in_between_is_left_out(server: Server, bus: Bus, other: Bus) -> None:
    late = await join(bus)
    heir = await inherit(server, other)
    await heir.consumer.close()

    await late.consumer.commit({0: 2})

    await settle(late, shares=[4])
    assert await late.consumer.committed(0) == 5


async def test_what_was_revoked_can_be_committed_until_the_next_poll(bus: Bus, other: Bus) -> None:
    first = await join(bus)
    second = Member(await other.join(SCANS.name, "notification"))
    await second.poll()
    async with asyncio.timeout(20):
        while len(first.holds) > 2:
            await first.poll(wait_s=1)

    await first.consumer.commit(dict.fromkeys(range(4), 9))

    await settle(first, second, shares=[2, 2])
    assert [await second.consumer.committed(partition) for partition in range(4)] == [9, 9, 9, 9]


async def test_a_follower_commits_nothing(bus: Bus) -> None:
    follower = await bus.follow(SCANS.name)

    with pytest.raises(ValueError, match="group"):
        await follower.commit({0: 1})
    with pytest.raises(ValueError, match="group"):
        await follower.committed(0)
