"""An installation whose links an edge follows, and what goes wrong in it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from ports import Inline
from unit.tracking.links_world import Down, SteppedClock, TestRandomness, bus_in_memory, publish

from quietzone_kit.bus import Bounds, Bus, OffsetGone, Polled
from quietzone_kit.documents import Documents, open_documents
from quietzone_kit.files import Files, posix_files
from quietzone_topics import QR_CODE_V1
from quietzone_tracking.decide import Link
from quietzone_tracking.links import LinkMemory, LinkStore, LinkView, Resolver, SnapshotFile


class Qr:
    """A qr service with some codes."""

    def __init__(self, *links: Link) -> None:
        self.links = {each.slug: each for each in links}
        self.asked: list[str] = []
        self.error: Exception | None = None

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

    async def close(self) -> None:
        await self.bus.close()
        await self.documents.close()
        for keeper in self.keepers:
            keeper.close()

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


def revision(view: LinkView, slug: str) -> int | None:
    held = view.lookup(slug)
    return held.revision if held is not None else None


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
