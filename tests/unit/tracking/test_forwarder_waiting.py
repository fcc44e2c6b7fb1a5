"""How many scans wait: what decides whether an edge's volume may go."""

import pytest
from unit.tracking.forwarder_world import Edge, World, scan, source_id

from quietzone_tracking.forwarder import Forwarder
from quietzone_tracking.spool import Numbers
from quietzone_tracking.spool.layout import write_numbers

SOURCE = source_id(1)


def edge_with(world: World, *, frames: int, killed: bool = False) -> Edge:
    """An edge that accepted `frames` frames of two scans and says so, unless it was killed before."""
    edge = Edge(world.files, SOURCE)
    for _ in range(frames):
        edge.accept([scan("a"), scan("b")])
    write_numbers(world.files, SOURCE, Numbers() if killed else Numbers(2 * frames, 0, 2 * frames, world.clock.now_ms()))
    return edge


async def forwarded(world: World) -> Forwarder:
    forwarder = world.forwarder()
    forwarder.stop()
    await forwarder.run()
    return forwarder


@pytest.mark.parametrize("frames", [0, 6])
async def test_nothing_waits_when_the_bus_has_all_of_an_edge_that_runs(world: World, frames: int) -> None:
    """For hours, maybe: nobody scans, and so its numbers stay as they were."""
    edge = edge_with(world, frames=frames)
    world.clock.seconds += 3600

    assert (await forwarded(world)).waiting() == 0
    edge.end()


async def test_what_was_accepted_and_is_not_on_the_bus_waits(world: World) -> None:
    edge = edge_with(world, frames=6)

    assert world.forwarder().waiting() == 12
    edge.end()


async def test_what_came_after_the_last_look_waits(world: World) -> None:
    edge = edge_with(world, frames=6)
    forwarder = await forwarded(world)

    write_numbers(world.files, SOURCE, Numbers(14, 0, 14, world.clock.now_ms()))

    assert forwarder.waiting() == 2
    edge.end()


async def test_a_source_that_ended_waits_until_its_folder_is_gone(world: World) -> None:
    edge_with(world, frames=6, killed=True).end(killed=True)

    assert world.forwarder().waiting() == 1


async def test_an_edge_that_nobody_has_looked_at_lately_may_have_more(world: World) -> None:
    edge = edge_with(world, frames=6)
    forwarder = await forwarded(world)

    world.clock.seconds += 3600

    assert forwarder.waiting() == 1
    edge.end()
