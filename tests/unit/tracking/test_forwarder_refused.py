"""A bus that refuses for good, until somebody mends it: no reason for a forwarder to end, since an edge's pod would be unready with it."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from structlog.testing import capture_logs
from unit.tracking.forwarder_world import Chance, Edge, World, scan, source_id

from quietzone_kit.bus import BusError, BusUnavailable, TopicMismatch, UnknownTopic
from quietzone_topics import TRACKING_SCAN_V1
from quietzone_tracking.forwarder import progress as checkpoints
from quietzone_tracking.forwarder.drain import drain
from quietzone_tracking.forwarder.progress import PartitionsChanged
from quietzone_tracking.metrics import PUBLISH_FAILURES

SOURCE, OTHER = source_id(1), source_id(2)

CALLS = ["ensure", "partitions", "publish"]


class Refusing:
    """A bus that answers the first calls of some kinds with these errors, or does them (None); `called` are all calls, in order."""

    def __init__(self, bus: Any, **errors: Sequence[BusError | None]) -> None:
        self._bus = bus
        self._errors = {name: iter(some) for name, some in errors.items()}
        self.called: list[str] = []

    def __getattr__(self, name: str) -> Any:
        async def call(*args: Any) -> Any:
            self.called.append(name)
            error = next(self._errors.get(name, iter(())), None)
            if error is not None:
                raise error
            return await getattr(self._bus, name)(*args)

        return call


def spooled(world: World, source: str = SOURCE) -> Edge:
    edge = Edge(world.files, source)
    edge.accept([scan(number % 5) for number in range(12)])
    return edge


def failures() -> float:
    return next(iter(PUBLISH_FAILURES.collect())).samples[0].value


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.001)


@pytest.mark.parametrize("kind", [BusError, UnknownTopic, TopicMismatch])
@pytest.mark.parametrize("call", CALLS)
async def test_a_refusal_ends_when_somebody_mends_it_and_every_scan_comes(world: World, call: str, kind: type[BusError]) -> None:
    edge = spooled(world)

    await world.forward(bus=Refusing(world.bus, **{call: [kind("injected")] * 3}))

    assert sorted((await world.counted()).scans[SOURCE]) == sorted(edge.accepted.items())


@pytest.mark.parametrize("call", CALLS)
async def test_a_refusal_is_said_with_its_advice_and_counted(world: World, call: str) -> None:
    spooled(world)
    before = failures()

    with capture_logs() as logs:
        await world.forward(bus=Refusing(world.bus, **{call: [BusError("not authorized: grant it")] * 2}))

    said = [each["reason"] for each in logs if each["log_level"] == "error"]
    assert (said, failures() - before) == (["not authorized: grant it"] * 2, 2)


@pytest.mark.parametrize(("error", "longest_s"), [(BusError("denied"), 30), (BusUnavailable("away"), 5)])
async def test_what_needs_somebody_is_tried_again_more_slowly_than_what_mends_by_itself(
    world: World, monkeypatch: pytest.MonkeyPatch, error: BusError, longest_s: float
) -> None:
    waits = []

    def uniform(_chance: Chance, low: float, high: float) -> float:
        waits.append((low, high))
        return low

    monkeypatch.setattr(Chance, "uniform", uniform)
    spooled(world)

    await world.forward(bus=Refusing(world.bus, publish=[error] * 12))

    assert (waits[0], waits[-1], len(waits)) == ((0, 0.05), (0, longest_s), 12)


async def test_after_a_refusal_it_sends_again_only_when_the_topic_is_found_as_declared(world: World) -> None:
    spooled(world)
    bus = Refusing(
        world.bus, publish=[UnknownTopic("gone")], ensure=[None, TopicMismatch("made anew"), BusUnavailable("away"), TopicMismatch("anew")]
    )

    await world.forward(bus=bus)

    assert bus.called[:8] == ["ensure", "partitions", "publish", "ensure", "ensure", "ensure", "ensure", "publish"]


async def test_a_spool_that_was_numbered_for_other_partitions_waits_whole_until_its_checkpoint_fits(world: World) -> None:
    edges = [spooled(world), spooled(world, OTHER)]
    checkpoints.save(world.files, OTHER, checkpoints.load(world.files, OTHER, 3))
    forwarder, before = world.forwarder(), failures()

    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        running = group.create_task(forwarder.run())
        await until(lambda: failures() - before >= 3)
        meanwhile = (running.done(), await world.records(TRACKING_SCAN_V1.name))
        checkpoints.save(world.files, OTHER, checkpoints.load(world.files, source_id(3), TRACKING_SCAN_V1.partitions))
        await until(lambda: forwarder.waiting() == 0)
        forwarder.stop()

    assert meanwhile == (False, [])
    assert {source: len(scans) for source, scans in (await world.counted()).scans.items()} == {edge.source_id: 12 for edge in edges}


async def test_it_says_what_to_do_about_a_checkpoint_for_other_partitions(world: World) -> None:
    spooled(world)
    checkpoints.save(world.files, SOURCE, checkpoints.load(world.files, SOURCE, 3))
    forwarder, before = world.forwarder(), failures()

    with capture_logs() as logs:
        async with asyncio.timeout(10), asyncio.TaskGroup() as group:
            running = group.create_task(forwarder.run())
            await until(lambda: failures() > before)
            running.cancel()

    assert "sent to 3 partitions and the topic has 16 now: bring the old number back" in logs[0]["reason"]


@pytest.mark.parametrize("call", CALLS)
async def test_a_drain_ends_with_the_refusal(world: World, call: str) -> None:
    spooled(world).end()
    bus = Refusing(world.bus, **{call: [BusUnavailable("away"), BusError("not authorized: grant it")]})

    with pytest.raises(BusError, match="not authorized: grant it"):
        await drain(world.files, world.forwarder(bus=bus), print)


async def test_a_drain_ends_with_a_plain_message_when_partitions_are_others(world: World) -> None:
    spooled(world).end()
    checkpoints.save(world.files, SOURCE, checkpoints.load(world.files, SOURCE, 3))

    with pytest.raises(PartitionsChanged, match="3 partitions and the topic has 16"):
        await drain(world.files, world.forwarder(), print)
