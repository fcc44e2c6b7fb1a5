"""Groups, on every adapter."""

import asyncio

from contract.bus.conftest import EMPTY, SCANS, Member, Server, message, read_all, settle, texts

from quietzone_kit.bus import Bus

LEASE_ENDED_S = 5.0
"""Longer than any adapter's lease."""


async def join(bus: Bus, group: str = "analytics") -> Member:
    return Member(await bus.join(SCANS.name, group))


async def test_a_lone_member_gets_everything(bus: Bus) -> None:
    member = await join(bus)

    await settle(member, shares=[4])


async def test_members_share_the_partitions(bus: Bus, other: Bus) -> None:
    first, second = await join(bus), await join(other)

    await settle(first, second, shares=[2, 2])


async def test_a_new_member_gets_its_share_from_the_others(bus: Bus, other: Bus) -> None:
    first = await join(bus)
    await settle(first, shares=[4])

    second = await join(other)

    await settle(first, second, shares=[2, 2])


async def test_three_members_share_four_partitions(bus: Bus, other: Bus) -> None:
    members = [await join(bus), await join(other), await join(other)]

    await settle(*members, shares=[1, 1, 2])


async def test_a_member_beyond_the_partitions_gets_none(bus: Bus) -> None:
    members = [await join(bus) for _ in range(5)]

    await settle(*members, shares=[0, 1, 1, 1, 1])


async def test_a_partition_waits_until_its_holder_has_let_go(bus: Bus, other: Bus) -> None:
    first = await join(bus)
    await settle(first, shares=[4])
    second = await join(other)
    for _ in range(3):
        await second.poll()
    assert second.holds == set(), "the first member doesn't know yet"

    await first.poll(wait_s=5)
    await second.poll()
    assert second.holds == set(), "the first member was told, and may be at work still"

    await first.poll()
    await second.poll(wait_s=5)
    assert (first.holds | second.holds, len(second.holds)) == ({0, 1, 2, 3}, 2)


async def test_who_leaves_leaves_at_once(bus: Bus, other: Bus) -> None:
    first, second = await join(bus), await join(other)
    await settle(first, second, shares=[2, 2])

    await first.consumer.close()

    await settle(second, shares=[4])


async def test_closing_the_bus_leaves_its_groups(bus: Bus, other: Bus) -> None:
    first, second = await join(bus), await join(other)
    await settle(first, second, shares=[2, 2])

    await bus.close()

    await settle(second, shares=[4])


async def test_a_dead_members_partitions_move_when_its_lease_ends(server: Server, bus: Bus, other: Bus) -> None:
    first, second = await join(bus), await join(other)
    await settle(first, second, shares=[2, 2])
    await server.kill(bus)

    await server.pass_time(LEASE_ENDED_S)

    await settle(second, shares=[4])


async def test_a_dead_members_partitions_stay_until_then(server: Server, bus: Bus, other: Bus) -> None:
    first, second = await join(bus), await join(other)
    await settle(first, second, shares=[2, 2])
    await server.kill(bus)

    for _ in range(5):
        await second.poll()

    assert len(second.holds) == 2


async def test_a_member_that_slept_too_long_learns_what_it_lost(server: Server, bus: Bus, other: Bus) -> None:
    first = await join(bus)
    await settle(first, shares=[4])
    second = await join(other)
    await server.pass_time(LEASE_ENDED_S)
    await second.poll(wait_s=5)
    assert second.holds == {0, 1, 2, 3}

    await first.poll(wait_s=5)

    assert first.holds == set()


async def test_a_partition_that_was_away_in_between_is_told_as_revoked_and_assigned(server: Server, bus: Bus, other: Bus) -> None:
    first = await join(bus)
    await settle(first, shares=[4])
    second = await join(other)
    await server.pass_time(LEASE_ENDED_S)
    await second.poll(wait_s=5)
    await second.consumer.close()

    polled = await first.consumer.poll(max_records=1, wait_s=5)

    assert polled.revoked == polled.assigned == frozenset({0, 1, 2, 3})


async def test_a_lone_member_that_slept_too_long_keeps_its_partitions(server: Server, bus: Bus) -> None:
    member = await join(bus)
    await settle(member, shares=[4])

    await server.pass_time(LEASE_ENDED_S)
    await member.poll()

    assert member.holds == {0, 1, 2, 3}


async def test_a_partition_that_comes_back_is_silent_until_it_is_sought(bus: Bus, other: Bus) -> None:
    await bus.publish([message("a", partition=partition) for partition in range(4)])
    first = await join(bus)
    await settle(first, shares=[4])
    for partition in range(4):
        first.consumer.seek(partition, 0)
    second = await join(other)
    await settle(first, second, shares=[2, 2])
    await second.consumer.close()
    await settle(first, shares=[4])
    await bus.publish([message("b", partition=partition) for partition in range(4)])

    found = await read_all(first.consumer, 2)

    assert len(found) == 2, "the two that stayed go on, the two that came back wait"


async def test_groups_know_nothing_of_each_other(bus: Bus, other: Bus) -> None:
    first, second = await join(bus, "analytics"), await join(other, "notification")

    await settle(first, shares=[4])
    await settle(second, shares=[4])


async def test_a_member_reads_its_partitions(bus: Bus) -> None:
    await bus.publish([message("a", partition=0), message("b", partition=3)])
    member = await join(bus)
    await settle(member, shares=[4])

    for partition in range(4):
        member.consumer.seek(partition, 0)

    found = await read_all(member.consumer, 2)
    assert (texts(found, 0), texts(found, 3)) == (["a"], ["b"])


async def test_a_waiting_member_learns_of_a_new_one(bus: Bus, other: Bus) -> None:
    first = await join(bus)
    await settle(first, shares=[4])

    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        poll = group.create_task(first.poll(wait_s=30))
        second = await join(other)
        await second.poll()

    assert poll.done()
    assert len(first.holds) == 2


async def test_one_group_of_two_topics_has_all_of_each(bus: Bus, other: Bus) -> None:
    scans, empty = await join(bus), Member(await other.join(EMPTY.name, "analytics"))

    await asyncio.gather(settle(scans, shares=[4]), settle(empty, shares=[4]))
    await asyncio.gather(*(member.poll(wait_s=0.5) for member in (scans, empty)))

    assert scans.holds == empty.holds == {0, 1, 2, 3}, "who joins the one takes nothing of the other"
