"""What an edge says of a slug that it has not in memory."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from unit.tracking.links_view_world import World, publish_ready, until
from unit.tracking.links_world import link, publish

from quietzone_kit.errors import Unavailable
from quietzone_tracking.links import LinkStore
from quietzone_tracking.links.fills import QR_BURST
from quietzone_tracking.links.memory import UNKNOWN_S


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path)
    yield world
    await world.close()


async def test_a_slow_fill_brings_no_old_state_back(world: World) -> None:
    await publish_ready(world)
    await LinkStore(world.documents).put_newer({"menu": link("menu", 1)})
    async with world.ready(world.view(capacity=1)) as view:
        await publish(world.bus, link("door", 1))
        await until(lambda: view.lookup("door"))
        gate = asyncio.Event()

        async def slow(name: str) -> None:
            if name == "get":
                await gate.wait()

        world.store_port.gate = slow
        fill = asyncio.ensure_future(view.resolve("menu"))
        await until(lambda: "get" in world.store_port.calls)
        await publish(world.bus, link("menu", 2), link("wall", 1))
        await until(lambda: view.lookup("wall") or view.lookup("menu"))
        gate.set()

        assert await fill == link("menu", 2)


async def test_a_link_that_is_in_the_store_only_is_found_there(world: World) -> None:
    await publish_ready(world)
    async with world.ready() as view:
        await LinkStore(world.documents).put_newer({"menu": link("menu", 4)})

        assert await view.resolve("menu") == link("menu", 4)
        assert (view.lookup("menu"), world.qr.asked) == (link("menu", 4), [])


async def test_a_link_that_only_qr_knows_is_found_there(world: World) -> None:
    await publish_ready(world)
    world.qr.links["new"] = link("new", 1)
    async with world.ready() as view:
        assert await view.resolve("new") == link("new", 1)


async def test_while_the_store_is_down_qr_is_asked(world: World) -> None:
    await publish_ready(world)
    world.qr.links["new"] = link("new", 1)
    async with world.ready() as view:
        world.store_port.is_down = True

        assert await view.resolve("new") == link("new", 1)


async def test_an_unknown_slug_is_asked_for_once_in_two_seconds(world: World) -> None:
    await publish_ready(world)
    async with world.ready() as view:
        answers = [await view.resolve("x"), await view.resolve("x")]
        asked = list(world.qr.asked)
        world.qr.links["x"] = link("x")
        world.clock.seconds += UNKNOWN_S

        assert (answers, asked, await view.resolve("x")) == ([None, None], ["x"], link("x"))


async def test_a_slug_that_many_ask_for_at_once_is_looked_up_once(world: World) -> None:
    await publish_ready(world)
    world.qr.links["x"] = link("x")
    async with world.ready() as view:
        answers = await asyncio.gather(*(view.resolve("x") for _ in range(20)))

    assert (answers, world.qr.asked) == ([link("x")] * 20, ["x"])


async def test_when_whoever_asked_first_gives_up_the_others_are_told(world: World) -> None:
    await publish_ready(world)
    async with world.ready() as view:

        async def never(_name: str) -> None:
            await asyncio.Event().wait()

        world.store_port.gate = never
        first, second = asyncio.ensure_future(view.resolve("x")), asyncio.ensure_future(view.resolve("x"))
        await until(lambda: "get" in world.store_port.calls)
        first.cancel()

        with pytest.raises(Unavailable):
            await second


async def test_guessing_slugs_costs_qr_no_more_than_its_rate(world: World) -> None:
    await publish_ready(world)
    async with world.ready() as view:
        answers = [await view.resolve(f"guess-{number}") for number in range(QR_BURST + 50)]

    assert (len(world.qr.asked), set(answers)) == (QR_BURST, {None})


async def test_while_the_store_is_down_and_qr_may_not_be_asked_no_slug_is_called_unknown(world: World) -> None:
    await publish_ready(world)
    async with world.ready() as view:
        for number in range(QR_BURST):
            await view.resolve(f"guess-{number}")
        world.store_port.is_down = True

        with pytest.raises(Unavailable):
            await view.resolve("menu")


async def test_what_cant_be_said_for_sure_is_no_unknown_slug(world: World) -> None:
    world.qr.error = Unavailable("down")
    world.bus_port.is_down = True
    async with world.running() as view:
        with pytest.raises(Unavailable):
            await view.resolve("menu")

        assert not view.is_current()
