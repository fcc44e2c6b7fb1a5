import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from unit.tracking.links_world import Down, Inline, SteppedClock, TestRandomness, bus_in_memory, junk, link, publish

from quietzone_kit.bus import Bounds, Bus, BusError, OffsetGone, Polled, partition_of
from quietzone_kit.documents import Documents, DocumentsError, open_documents
from quietzone_kit.errors import QuietzoneError, Unavailable
from quietzone_kit.files import Files, posix_files
from quietzone_kit.projection import ForeignLog
from quietzone_topics import QR_CODE_V1
from quietzone_tracking.decide import Link, LinkState
from quietzone_tracking.links import LinkMemory, LinkStore, LinkView, Resolver, SnapshotFile
from quietzone_tracking.links.fills import QR_BURST
from quietzone_tracking.links.memory import UNKNOWN_S
from quietzone_tracking.links.repository import PartitionState
from quietzone_tracking.links.snapshot import LogPosition, Snapshot, decode, encode
from quietzone_tracking.links.view import READY_AT_LATEST_S

SNAPSHOT = "links/0.snapshot"


class Qr:
    """A qr service with some codes."""

    def __init__(self, *links: Link) -> None:
        self.links = {each.slug: each for each in links}
        self.asked: list[str] = []
        self.error: QuietzoneError | None = None

    async def resolve(self, slug: str) -> Link | None:
        self.asked.append(slug)
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        return self.links.get(slug)


class World:
    """An installation: a store that can be down, a bus that can be down, and a folder for each edge's disk."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.clock = SteppedClock()
        self.randomness = TestRandomness()
        self.files: Files = posix_files(root / "edge")
        self.documents: Documents = open_documents("sqlite://:memory:", executor=Inline(), randomness=self.randomness)
        self.store_port = Down(self.documents)
        self.keepers: list[Any] = []
        self.bus = self.new_bus()
        self.bus_port = Down(self.bus)
        self.qr = Qr()

    def new_bus(self) -> Bus:
        bus, keeper = bus_in_memory()
        self.keepers.append(keeper)
        return bus

    def view(self, *, bus: Any = None, qr: Resolver | None = None, capacity: int = 10_000) -> LinkView:
        memory = LinkMemory(self.clock.monotonic, capacity=capacity)
        ports: dict[str, Any] = {"clock": self.clock, "randomness": self.randomness, "executor": Inline()}
        return LinkView(memory, LinkStore(self.store_port), bus or self.bus_port, SnapshotFile(self.files), resolver=qr or self.qr, **ports)

    @asynccontextmanager
    async def running(self, view: LinkView | None = None) -> AsyncIterator[LinkView]:
        """A view that runs until the block ends, and has saved its snapshot then."""
        view = view or self.view()
        task = asyncio.ensure_future(view.run())
        try:
            async with asyncio.timeout(10):
                yield view
        finally:
            task.cancel()
            await asyncio.wait([task])
            if not task.cancelled():
                task.result()

    @asynccontextmanager
    async def ready(self, view: LinkView | None = None) -> AsyncIterator[LinkView]:
        """A view that runs and is ready."""
        async with self.running(view) as ready:
            await until(lambda: ready.not_ready() is None)
            yield ready


async def until(holds: Callable[[], object]) -> None:
    while not holds():
        await asyncio.sleep(0.002)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path)
    yield world
    await world.bus.close()
    await world.documents.close()
    for keeper in world.keepers:
        keeper.close()


def revision(view: LinkView, slug: str) -> int | None:
    held = view.lookup(slug)
    return held.revision if held is not None else None


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
        if name == "scan":
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


# Looking up


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
        await asyncio.sleep(0.05)
        unchanged = path.exists()
        await publish(world.bus, link("menu", 2))
        await until(path.exists)

        assert (unchanged, decode(path.read_bytes()).links) == (False, [link("menu", 2)])


class Losing:
    """A bus whose follower finds its offset gone, once `lose` is set."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self.lose = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._bus, name)

    async def follow(self, topic: str) -> Any:
        consumer = await self._bus.follow(topic)
        losing = self

        class Consumer:
            def __getattr__(self, name: str) -> Any:
                return getattr(consumer, name)

            async def poll(self, *, max_records: int, wait_s: float) -> Polled:
                if losing.lose:
                    losing.lose = False
                    raise OffsetGone("gone", Bounds("log", 0, 0))
                return await consumer.poll(max_records=max_records, wait_s=min(wait_s, 0.01))

        return Consumer()


async def publish_ready(world: World, *links: Link) -> None:
    """Make the topic, and tell of these codes."""
    await world.bus.ensure([QR_CODE_V1])
    if links:
        await publish(world.bus, *links)
