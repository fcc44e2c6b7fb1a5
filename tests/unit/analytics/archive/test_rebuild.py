"""What a rebuild refuses, and what it says at its end."""

import pytest
from unit.analytics.archive.places import LineTables, MemoryBlobs
from unit.analytics.memory import MemoryBus
from unit.analytics.scans import batch, record, seen
from unit.analytics.world import LOG, World

from quietzone_analytics.archive import CannotRebuild, Shelf, check_empty, files_of, tell_of_bus
from quietzone_analytics.archive.domain import File
from quietzone_analytics.archive.rebuild import Rebuilt
from quietzone_kit.bus import Bounds
from quietzone_topics import TRACKING_SCAN_V1


async def test_a_store_with_counts_is_refused() -> None:
    world = await World.new()
    await world.count(record(batch(seen([1]), prev_seq=0), 0))

    with pytest.raises(CannotRebuild, match="rollup_totals"):
        await check_empty(world.store)


async def test_missing_files_are_all_named_before_anything_is_counted() -> None:
    blobs = MemoryBlobs()
    for partition in range(2):
        for file in (File(LOG, partition, 0, 2), File(LOG, partition, 5, 6)):
            await blobs.put(file.key, b"")

    with pytest.raises(CannotRebuild, match="partition 0: offsets 3 to 4 are in no file; partition 1: offsets 3 to 4"):
        await files_of(Shelf(blobs, LineTables()), LOG, 2)


async def test_a_log_without_files_is_refused_with_those_that_have_some() -> None:
    blobs = MemoryBlobs()
    await blobs.put(File("older", 0, 0, 2).key, b"")

    with pytest.raises(CannotRebuild, match=r"no file of log log-1; it has older \(1 files\)"):
        await files_of(Shelf(blobs, LineTables()), LOG, 1)


@pytest.mark.parametrize(
    ("held", "said"),
    [
        (Bounds(LOG, 3, 9), "`serve` goes on with 4 that wait on the bus"),
        (Bounds(LOG, 7, 9), "offsets 5 to 6 are neither there nor on the bus"),
        (Bounds("new", 0, 9), "the bus has another log"),
    ],
)
async def test_it_is_said_how_counting_goes_on(held: Bounds, said: str) -> None:
    bus = MemoryBus()
    bus.bounds_of[TRACKING_SCAN_V1.name, 0] = held

    assert said in await tell_of_bus(bus, LOG, Rebuilt(0, 5, 1))
