"""Where a reaction's group stands, as those see it who move an installation; on every adapter of the bus."""

import asyncio

import pytest
from contract.reaction.world import NAME, Doings, World

from quietzone_kit.bus import BusUnavailable
from quietzone_kit.reaction import _groups, begin_at_first, unsettled


async def left(world: World) -> int:
    return await unsettled(world.bus, world.topic.name, NAME)


async def until_left(world: World, count: int) -> None:
    async with asyncio.timeout(30):
        while await left(world) != count:
            await asyncio.sleep(0.1)


async def test_what_nobody_has_read_is_still_to_be_settled(world: World) -> None:
    await world.publish("a", "b")
    await world.publish("c", partition=1)

    assert await left(world) == 3


async def test_what_a_member_at_work_has_settled_is_left_out(world: World) -> None:
    await world.publish("a", "b")
    doings = Doings()

    async with world.running(doings):
        await until_left(world, 0)

    assert doings.done == ["a", "b"]


async def test_what_a_member_is_at_is_still_to_be_settled(world: World) -> None:
    doings = Doings()
    doings.may_go_on.clear()
    async with world.running(doings):
        await world.publish("a")
        await doings.until(lambda: doings.attempts != [])

        assert await left(world) == 1

        doings.may_go_on.set()


async def test_whoever_is_at_work_goes_on_after_somebody_has_looked(world: World) -> None:
    doings = Doings()
    async with world.running(doings):
        await left(world)
        await world.publish("a")
        await world.publish("b", partition=1)

        await doings.until(lambda: len(doings.done) >= 2)

    assert sorted(doings.done) == ["a", "b"]


async def test_a_group_that_begins_with_the_oldest_hears_what_was_told_before_it_came(world: World) -> None:
    await begin_at_first(world.bus, world.topic.name, NAME)
    await world.publish("a")
    doings = Doings()

    async with world.running(doings, from_now=True):
        await doings.until(lambda: doings.done == ["a"])


async def test_a_group_that_has_come_further_stays_there(world: World) -> None:
    await world.publish("a")
    async with world.running(Doings()):
        await until_left(world, 0)
    await world.publish("b")

    await begin_at_first(world.bus, world.topic.name, NAME)

    assert await left(world) == 1


async def test_nobody_of_the_group_may_be_at_work_meanwhile(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_groups, "ALONE_WITHIN_S", 1.0)
    await world.publish("a")
    doings = Doings()
    async with world.running(doings):
        await doings.until(lambda: doings.done == ["a"])

        with pytest.raises(BusUnavailable, match=f"somebody reads {world.topic.name} as {NAME}: stop what runs"):
            await begin_at_first(world.bus, world.topic.name, NAME)
