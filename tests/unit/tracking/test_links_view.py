import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from unit.tracking.links_view_world import Losing, World, publish_ready, revision, until
from unit.tracking.links_world import junk, link, publish

from quietzone_kit.bus import Bounds, BusError, partition_of
from quietzone_kit.documents import DocumentsError
from quietzone_kit.documents.migrations import Migration, Migrations, NewerStore
from quietzone_kit.errors import Unavailable
from quietzone_kit.projection import ForeignLog
from quietzone_topics import QR_CODE_V1
from quietzone_tracking.decide import LinkState
from quietzone_tracking.links import LinkStore
from quietzone_tracking.links.repository import LINKS, PartitionState
from quietzone_tracking.links.snapshot import LogPosition, Snapshot, decode, encode
from quietzone_tracking.links.view import READY_AT_LATEST_S

SNAPSHOT = "links/0.snapshot"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path)
    yield world
    await world.close()


# Starting


async def test_a_new_edge_loads_the_link_store(world: World) -> None:
    await LinkStore(world.documents).put_newer({f"slug-{number}": link(f"slug-{number}") for number in range(2500)})

    async with world.ready() as view:
        assert sum(view.lookup(f"slug-{number}") is not None for number in range(2500)) == 2500


async def test_what_the_store_has_not_taken_up_yet_comes_from_the_log_before_it_is_ready(world: World) -> None:
    await world.bus.ensure([QR_CODE_V1])
    await LinkStore(world.documents).put_newer({"menu": link("menu", 1)})
    await publish(world.bus, link("menu", 1), link("menu", 2), link("door", 1))

    async with world.ready() as view:
        assert (revision(view, "menu"), revision(view, "door")) == (2, 1)


async def test_a_change_that_the_store_takes_up_while_it_is_loaded_is_not_missed(world: World) -> None:
    await publish_ready(world, link("menu", 1), link("menu", 2))
    store = LinkStore(world.documents)
    await store.put_newer({"menu": link("menu", 1)})
    partition = partition_of("code-menu", QR_CODE_V1.partitions)
    log_id = (await world.bus.bounds(QR_CODE_V1.name, partition)).log_id

    async def project(name: str) -> None:
        if name == "scan" and world.store_port.calls.count("scan") == 2:  # after migrations, states; then come links
            world.store_port.gate = None
            await store.put_newer({"menu": link("menu", 2)})
            await store.write_state(PartitionState(partition, log_id, 2, "projection"))

    world.store_port.gate = project
    async with world.ready() as view:
        assert revision(view, "menu") == 2


async def test_with_everything_else_down_it_starts_from_its_snapshot(world: World) -> None:
    await publish_ready(world, link("menu", 3), link("door", 2, state=LinkState.DELETED))
    async with world.ready():
        pass
    world.store_port.is_down = world.bus_port.is_down = True
    world.qr.error = Unavailable("down")

    async with world.running() as view:
        await until(lambda: view.lookup("menu"))
        before = view.not_ready()
        world.clock.seconds += READY_AT_LATEST_S

        assert (before, view.not_ready()) == ("catching up with changes of codes", None)
        assert (view.lookup("menu"), view.lookup("door")) == (link("menu", 3), link("door", 2, state=LinkState.DELETED))


async def test_with_store_and_bus_damaged_it_serves_its_snapshot(world: World) -> None:
    await publish_ready(world, link())
    async with world.ready():
        pass
    world.bus_port.calls.clear()

    async def damaged(_name: str) -> None:
        raise DocumentsError("the file is damaged")

    async def no_log(_name: str) -> None:
        raise BusError("the file is damaged")

    world.store_port.gate, world.bus_port.gate = damaged, no_log
    async with world.running() as view:
        await until(lambda: revision(view, "menu") == 1)
        await until(lambda: len(world.bus_port.calls) > 2)
        assert revision(view, "menu") == 1


async def test_a_store_that_a_newer_release_has_contracted_is_left_alone_and_the_snapshot_is_served(world: World) -> None:
    await publish_ready(world, link())
    async with world.ready():
        pass
    newer = [Migration("renamed", LINKS, lambda body: body, lambda body: {"slug": body["slug"], "target": 1})]
    await LinkStore(world.documents).put_newer({"menu": link("menu", 9)})
    migrations = Migrations(world.documents, [LINKS], newer, release="2.0", clock=world.clock)
    await migrations.migrate(lambda _: None)
    await migrations.contract(lambda _: None)
    world.bus_port.is_down = True

    async with world.running() as view:
        await until(lambda: revision(view, "menu") == 1)
        world.clock.seconds += READY_AT_LATEST_S

        assert (view.not_ready(), revision(view, "menu")) == (None, 1)
        with pytest.raises(NewerStore, match="a newer one; for an older one, restore"):
            await LinkStore(world.documents).states()


async def test_the_bus_going_away_does_not_make_a_ready_edge_unready(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quietzone_tracking.links.view.POLL_S", 0.01)
    monkeypatch.setattr("quietzone_tracking.links.view.LOOK_EVERY_S", 0.01)
    await publish_ready(world, link())
    async with world.ready() as view:
        world.bus_port.is_down = world.store_port.is_down = True
        await until(lambda: world.bus_port.refused)
        world.clock.seconds += 3600

        assert view.not_ready() is None


async def test_a_snapshot_is_followed_on_from_where_it_ended(world: World) -> None:
    await publish_ready(world, link("menu", 1))
    async with world.ready():
        pass
    await publish(world.bus, link("menu", 2))
    world.store_port.is_down = True

    async with world.ready() as view:
        assert revision(view, "menu") == 2


async def test_with_nothing_at_all_it_serves_what_qr_knows(world: World) -> None:
    world.store_port.is_down = world.bus_port.is_down = True
    world.qr.links["menu"] = link("menu", 7)

    async with world.running() as view:
        world.clock.seconds += READY_AT_LATEST_S

        assert view.not_ready() is None
        assert await view.resolve("menu") == link("menu", 7)
        assert revision(view, "menu") == 7


async def test_a_store_that_comes_back_is_loaded(world: World) -> None:
    await LinkStore(world.documents).put_newer({"menu": link("menu")})
    world.store_port.is_down = True

    async with world.running() as view:
        await until(lambda: world.store_port.refused > 1)
        world.store_port.is_down = False
        await until(lambda: view.lookup("menu"))

    assert world.files.names("links") == ["0.lock", "0.snapshot"]


async def test_once_ready_it_stays_ready(world: World) -> None:
    await publish_ready(world)
    async with world.ready() as view:
        world.bus_port.is_down = world.store_port.is_down = True
        world.clock.seconds += 3600

        assert view.not_ready() is None


# Following


async def test_a_change_is_in_memory_within_a_second(world: World) -> None:
    await publish_ready(world, link("menu", 1))
    async with world.ready() as view:
        await publish(world.bus, link("menu", 2, state=LinkState.PAUSED))
        async with asyncio.timeout(1):
            await until(lambda: revision(view, "menu") == 2)


async def test_a_change_that_makes_no_sense_is_passed_over(world: World) -> None:
    await publish_ready(world, link("menu", 1))
    async with world.ready() as view:
        await world.bus.publish([junk(key="code-menu")])
        await publish(world.bus, link("menu", 5, code_id="code-menu"), link("menu", 6, code_id="thief"), link("menu", 7))
        await until(lambda: revision(view, "menu") == 7)

        assert view.lookup("menu") == link("menu", 7)


async def test_an_offset_that_is_gone_makes_it_load_anew(world: World) -> None:
    await publish_ready(world, link("menu", 1))
    bus = Losing(world.bus)
    async with world.ready(world.view(bus=bus)) as view:
        await LinkStore(world.documents).put_newer({"menu": link("menu", 9)})
        bus.lose = True

        await until(lambda: revision(view, "menu") == 9)
        await publish(world.bus, link("menu", 10))
        await until(lambda: revision(view, "menu") == 10)


async def test_a_log_that_is_made_anew_while_it_runs_is_followed_from_its_start(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quietzone_tracking.links.view.LOOK_EVERY_S", 0.01)
    await publish_ready(world, link("menu", 1))
    async with world.ready() as view:
        other = world.new_bus()
        await other.ensure([QR_CODE_V1])
        await publish(other, link("menu", 2), link("door", 1))
        world.bus_port.port = other

        await until(lambda: revision(view, "menu") == 2 and revision(view, "door") == 1)
    await other.close()


async def test_a_snapshot_of_another_installation_is_set_aside(world: World) -> None:
    await publish_ready(world, link("menu", 1))
    foreign = Snapshot({partition: LogPosition("foreign", 4) for partition in range(8)}, [link("stolen", 5), link("menu", 1)])
    world.files.replace(SNAPSHOT, b"".join(encode(foreign)))
    await LinkStore(world.documents).put_newer({"menu": link("menu", 1)})

    async with world.running() as view:
        await until(lambda: view.lookup("menu") and not view.lookup("stolen"))

    assert decode((world.root / "edge" / SNAPSHOT).read_bytes()).links == [link("menu", 1)]
    assert (world.root / "edge" / f"{SNAPSHOT}.rejected").exists()


async def test_a_place_that_the_log_hasnt_is_told_once_and_read_from_the_start_after_a_load(world: World) -> None:
    view = world.view()
    view._positions = {0: LogPosition("log", 5)}
    with pytest.raises(ForeignLog, match="from 10 to 20"):
        await view.start(0, Bounds("log", 10, 20))
    view._followed = set()

    assert await view.start(0, Bounds("log", 10, 20)) == 10


# Saving


async def test_a_snapshot_is_saved_at_the_end(world: World) -> None:
    await publish_ready(world, link("menu", 3))
    async with world.ready():
        pass

    saved = decode((world.root / "edge" / SNAPSHOT).read_bytes())
    assert (saved.links, sum(position.next_offset for position in saved.positions.values())) == ([link("menu", 3)], 1)


async def test_a_snapshot_is_saved_every_minute_if_links_changed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quietzone_tracking.links.view.SAVE_EVERY_S", 0.01)
    await publish_ready(world, link("menu", 1))
    path = world.root / "edge" / SNAPSHOT
    async with world.ready():
        await until(path.exists)
        path.unlink()
        await asyncio.sleep(0.05)  # what doesn't happen can't be waited for: five rounds' worth
        unchanged = path.exists()
        await publish(world.bus, link("menu", 2))
        await until(path.exists)

        assert (unchanged, decode(path.read_bytes()).links) == (False, [link("menu", 2)])
