from typing import Any

import pytest
from unit.tracking.forwarder_world import Edge, World, scan, source_id

from quietzone_kit.lifecycle import NotDone
from quietzone_tracking.forwarder import progress as checkpoints
from quietzone_tracking.forwarder.drain import drain
from quietzone_tracking.spool import sources
from quietzone_tracking.spool.layout import SPOOL, lock_path, segment_path

FIRST, SECOND = source_id(1), source_id(2)


def abandoned(world: World, source: str, *, killed: bool = True, scans: int = 5000) -> Edge:
    """A source whose edge is gone."""
    edge = Edge(world.files, source, segment_scans=1000)
    for _ in range(scans // 500):
        edge.accept([scan(number % 7) for number in range(500)])
    edge.end(killed=killed)
    return edge


async def drained(world: World, files: Any = None) -> list[str]:
    said: list[str] = []
    await drain(files or world.files, world.forwarder(files=files), said.append)
    return said


async def test_every_source_is_forwarded_to_its_end_and_nothing_stays(world: World) -> None:
    edges = [abandoned(world, FIRST), abandoned(world, SECOND, killed=False)]

    assert await drained(world) == ["2 sources drained"]

    counted = await world.counted()
    assert {edge.source_id: len(counted.scans[edge.source_id]) for edge in edges} == {FIRST: 5000, SECOND: 5000}
    assert counted.closed.keys() == {FIRST, SECOND}
    assert sources(world.files) == []


async def test_an_empty_spool_is_drained_at_once(world: World) -> None:
    assert await drained(world) == ["0 sources drained"]


async def test_a_second_time_finds_nothing(world: World) -> None:
    abandoned(world, FIRST)
    await drained(world)

    assert await drained(world) == ["0 sources drained"]


async def test_a_spool_that_an_edge_writes_to_is_refused_whole(world: World) -> None:
    abandoned(world, FIRST)
    Edge(world.files, SECOND).accept([scan()])

    with pytest.raises(NotDone, match=rf"an edge writes to this spool \(source {SECOND}\): stop it first"):
        await drained(world)

    assert sources(world.files) == [FIRST, SECOND]
    assert await world.records("tracking.scan.v1") == []


async def test_a_spool_that_a_forwarder_has_is_refused(world: World) -> None:
    abandoned(world, FIRST)
    held = world.files.lock(checkpoints.LOCK)
    assert held is not None

    with pytest.raises(NotDone, match="a forwarder has this spool, and drains it"):
        await drained(world)
    held.release()


async def test_a_folder_that_an_edge_never_wrote_to_is_in_nobodys_way(world: World) -> None:
    lock = world.files.lock(lock_path(FIRST))
    assert lock is not None
    lock.release()

    assert await drained(world) == ["0 sources drained"]


async def test_bytes_that_were_no_scans_are_told(world: World) -> None:
    abandoned(world, FIRST, scans=1000)
    path = world.root / segment_path(FIRST, 1)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)

    [said] = await drained(world)

    assert said.startswith(f"1 sources drained; {SPOOL}/quarantine keeps ")


async def test_what_the_disk_does_not_give_is_not_called_drained(world: World) -> None:
    class Broken:
        """Says once what there is, and then fails."""

        def __init__(self) -> None:
            self.asked = 0

        def __getattr__(self, name: str) -> Any:
            return getattr(world.files, name)

        def names(self, folder: str) -> list[str]:
            self.asked += folder == SPOOL
            if folder == SPOOL and self.asked == 2:
                raise OSError("I/O error")
            return world.files.names(folder)

    abandoned(world, FIRST)

    with pytest.raises(NotDone, match=rf"1 of 1 sources aren't drained \({FIRST} is the oldest\)"):
        await drained(world, Broken())
