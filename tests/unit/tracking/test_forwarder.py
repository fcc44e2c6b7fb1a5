import asyncio
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from unit.tracking.forwarder_world import NOW_MS, Edge, Fuse, Killed, World, scan, source_id

from quietzone_kit.bus import BusUnavailable, Message, Position, Topic, partition_of
from quietzone_topics import TRACKING_SCAN_V1
from quietzone_tracking.forwarder import progress as checkpoints
from quietzone_tracking.forwarder.forwarder import MAX_LOADS
from quietzone_tracking.spool import Numbers
from quietzone_tracking.spool.frames import _PLACE, HEAD, segment_seed
from quietzone_tracking.spool.layout import SPOOL, segment_path, segments, write_numbers

SOURCE = source_id(1)
CODES = range(5)


def spooled(world: World, source: str = SOURCE, *, frames: int = 6, segment_scans: int = 4) -> Edge:
    """An edge that accepted `frames` frames of two scans, in segments of `segment_scans`."""
    edge = Edge(world.files, source, segment_scans=segment_scans)
    for number in range(frames):
        edge.accept([scan(CODES[number % 5]), scan(CODES[(number + 1) % 5], time_ms=NOW_MS + number)])
    return edge


class Refusing:
    """A bus that publishes a part of what it gets and refuses the rest, `times` times."""

    def __init__(self, bus: Any, times: int, keep: slice) -> None:
        self._bus = bus
        self._times = times
        self._keep = keep
        self.attempts: list[list[Message]] = []

    async def ensure(self, topics: Sequence[Topic]) -> None:
        await self._bus.ensure(topics)

    async def partitions(self, topic: str) -> int:
        return int(await self._bus.partitions(topic))

    async def publish(self, messages: Sequence[Message]) -> list[Position]:
        self.attempts.append(list(messages))
        if len(self.attempts) <= self._times:
            await self._bus.publish(messages[self._keep])
            raise BusUnavailable("injected")
        return list(await self._bus.publish(messages))


async def test_every_scan_comes_once_in_the_partition_of_its_code(world: World) -> None:
    edge = spooled(world)

    await world.forward()

    counted = await world.counted()
    assert sorted(counted.scans[SOURCE]) == sorted(edge.accepted.items())
    for record in await world.records(TRACKING_SCAN_V1.name):
        codes = {code for code in set(edge.accepted.values()) if code.encode() in record.value}
        assert {partition_of(code, TRACKING_SCAN_V1.partitions) for code in codes} == {record.partition}


async def test_each_record_names_the_number_before_it_so_that_a_missing_one_shows(world: World) -> None:
    edge = spooled(world)
    world.files.delete(segment_path(SOURCE, 5))
    await world.forward()
    edge.accept([scan(code) for code in CODES])
    edge.end()

    await world.forward()

    counted = await world.counted()
    assert (counted.unchained, counted.passed_over) == (0, 0)


async def test_what_is_kept_of_a_client_is_its_traits(world: World) -> None:
    Edge(world.files, SOURCE).accept([scan(user_agent=b"Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0")])

    await world.forward()

    [traits] = (await world.counted()).traits
    assert (traits.device, traits.browser, traits.os, traits.referrer, traits.language) == ("desktop", "Firefox", "Linux", "direct", "de")


async def test_a_running_source_is_read_on_as_it_grows(world: World) -> None:
    edge = spooled(world)
    await world.forward()
    edge.accept([scan()] * 3)

    await world.forward()

    counted = await world.counted()
    assert sorted(counted.scans[SOURCE]) == sorted(edge.accepted.items())
    assert counted.closed == {}


async def test_a_source_that_ended_is_closed_in_every_partition_and_its_folder_deleted(world: World) -> None:
    edge = spooled(world)
    edge.end(unrecorded=3)

    await world.forward()

    report = (await world.last_reports())[SOURCE]
    assert (await world.counted()).closed[SOURCE] == set(range(TRACKING_SCAN_V1.partitions))
    assert (report.closed, report.accepted, report.forwarded, report.lost, report.unrecorded) == (True, 12, 12, 0, 3)
    assert not [name for name in world.names() if name.startswith(SPOOL + "/")]


async def test_a_killed_edges_source_is_drained_and_closed(world: World) -> None:
    edge = spooled(world)
    edge.end(killed=True)

    await world.forward()

    report = (await world.last_reports())[SOURCE]
    assert (report.closed, report.accepted, report.forwarded, report.lost) == (True, 12, 12, 0)


@pytest.mark.parametrize("killed_edge", [False, True])
async def test_a_kill_at_any_step_loses_and_doubles_nothing(tmp_path: Path, killed_edge: bool) -> None:
    steps = 0
    survived = False
    while not survived:
        steps += 1
        world = await World.make(tmp_path / str(steps))
        edges = [spooled(world, source_id(number), frames=2 + number) for number in (1, 2)]
        edges[0].end(killed=killed_edge)
        try:
            await world.forward(Fuse(steps))
            survived = True
        except Killed:
            edges[1].end()
        else:
            edges[1].end()
        await world.forward()

        counted = await world.counted()
        assert {edge.source_id: sorted(edge.accepted.items()) for edge in edges} == {
            source: sorted(scans) for source, scans in counted.scans.items()
        }, f"killed at step {steps}"
        assert (counted.lost, counted.passed_over, set(counted.closed)) == (set(), 0, {edge.source_id for edge in edges})
        reports = await world.last_reports()
        assert [(report.accepted, report.forwarded, report.lost, report.closed) for report in reports.values()] == [
            (len(edge.accepted), len(edge.accepted), 0, True) for edge in edges
        ]
        await world.close()
    assert steps > 20


@pytest.mark.parametrize("keep", [slice(0, 0), slice(0, 3), slice(1, None), slice(None, None, 2), slice(None)])
async def test_after_a_refusal_everything_is_sent_again_in_order(world: World, keep: slice) -> None:
    edge = spooled(world)
    edge.end()
    bus = Refusing(world.bus, 3, keep)

    await world.forward(bus=bus)

    counted = await world.counted()
    assert sorted(counted.scans[SOURCE]) == sorted(edge.accepted.items())
    assert bus.attempts[:3] == [bus.attempts[0]] * 3


async def test_while_the_bus_refuses_nothing_more_is_read(world: World) -> None:
    for number in range(MAX_LOADS + 3):
        spooled(world, source_id(number))
    bus = Refusing(world.bus, 20, slice(0, 0))

    await world.forward(bus=bus)

    first, *others = bus.attempts[:20]
    assert others == [first] * 19
    assert len({message.key for message in first if message.topic == TRACKING_SCAN_V1.name}) == MAX_LOADS


async def test_a_publication_that_never_answers_is_tried_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quietzone_tracking.forwarder.forwarder.PUBLISH_S", 0.01)
    edge = spooled(world)

    class Silent(Refusing):
        async def publish(self, messages: Sequence[Message]) -> list[Position]:
            self.attempts.append(list(messages))
            if len(self.attempts) == 1:
                await asyncio.Event().wait()
            return list(await self._bus.publish(messages))

    await world.forward(bus=Silent(world.bus, 0, slice(0)))

    assert sorted((await world.counted()).scans[SOURCE]) == sorted(edge.accepted.items())


async def test_a_deleted_segment_is_said_to_every_partition_and_the_rest_is_counted(world: World) -> None:
    edge = spooled(world)
    world.files.delete(segment_path(SOURCE, 5))
    edge.end()

    await world.forward()

    counted = await world.counted()
    lost = {5, 6, 7, 8}
    assert sorted(counted.scans[SOURCE]) == sorted((seq, code) for seq, code in edge.accepted.items() if seq not in lost)
    assert counted.lost == {(partition, 5, 8) for partition in range(TRACKING_SCAN_V1.partitions)}
    assert "frames are missing" in counted.reasons.pop()


async def test_a_corrupt_frame_is_said_with_its_file_and_counted_as_lost(world: World) -> None:
    edge = spooled(world, segment_scans=100)
    path = world.root / segment_path(SOURCE, 1)
    data = bytearray(path.read_bytes())
    data[20] ^= 1
    path.write_bytes(data)
    edge.end()

    await world.forward()

    report = (await world.last_reports())[SOURCE]
    assert (report.accepted, report.forwarded, report.lost) == (12, 10, 2)
    assert f"spool/{SOURCE}/" in (await world.counted()).reasons.pop()


async def test_a_tail_that_somebody_deleted_is_lost_loudly(world: World) -> None:
    edge = spooled(world)
    for segment in segments(world.files, SOURCE)[1:]:
        world.files.delete(segment_path(SOURCE, segment))
    edge.end()

    await world.forward()

    report = (await world.last_reports())[SOURCE]
    assert (report.closed, report.accepted, report.forwarded, report.lost) == (True, 12, 4, 8)
    assert {lost[1:] for lost in (await world.counted()).lost} == {(5, 12)}


async def test_numbers_of_failed_appends_are_no_loss(world: World) -> None:
    edge = spooled(world)
    edge.accept([scan()], skipped=4)
    edge.end()

    await world.forward()

    counted = await world.counted()
    report = (await world.last_reports())[SOURCE]
    assert (sorted(counted.scans[SOURCE]), counted.lost) == (sorted(edge.accepted.items()), set())
    assert (report.accepted, report.forwarded, report.lost) == (13, 13, 0)


async def test_a_segment_is_deleted_only_after_a_checkpoint_beyond_it(world: World) -> None:
    edge = spooled(world)
    seen: list[tuple[int, int]] = []

    class Watching:
        def __getattr__(self, name: str) -> Any:
            return getattr(world.files, name)

        def delete(self, path: str) -> None:
            saved = checkpoints.load(world.files, SOURCE, TRACKING_SCAN_V1.partitions)
            seen.append((int(Path(path).stem), saved.position.segment))
            world.files.delete(path)

    await world.forward(files=Watching())

    assert [deleted for deleted, _ in seen] == [1, 5]
    assert all(deleted < saved for deleted, saved in seen)
    assert edge.last_seq == 12


async def test_a_folder_that_comes_back_after_its_source_was_closed_is_deleted_and_not_sent(world: World) -> None:
    spooled(world).end()
    await world.forward()
    before = (await world.counted()).event_ids
    spooled(world, frames=2, segment_scans=2)
    world.files.delete(segment_path(SOURCE, 1))

    await world.forward()

    assert (await world.counted()).event_ids == before
    assert not [name for name in world.names() if name.startswith(SPOOL + "/")]


async def test_the_checkpoint_of_a_closed_source_is_forgotten_after_an_hour(world: World) -> None:
    spooled(world).end()
    await world.forward()
    before = world.files.names(checkpoints.FOLDER)
    world.clock.seconds += 3 * 3600

    await world.forward()

    assert (before, world.files.names(checkpoints.FOLDER)) == (["019a0b2f-0000-7000-8000-000000000001.checkpoint", "lock"], ["lock"])


async def test_a_checkpoint_that_cannot_be_read_makes_what_is_left_be_sent_again(world: World) -> None:
    edge = spooled(world)
    await world.forward()
    world.files.replace(f"{checkpoints.FOLDER}/{SOURCE}.checkpoint", b"{}")
    edge.accept([scan()])
    edge.end()

    await world.forward()

    counted = await world.counted()
    report = (await world.last_reports())[SOURCE]
    assert (sorted(counted.scans[SOURCE]), counted.lost) == (sorted(edge.accepted.items()), set())
    assert (report.accepted, report.forwarded, report.lost) == (13, 13, 0)


async def test_a_second_forwarder_waits_for_the_first_ones_end(world: World) -> None:
    edge = spooled(world)
    first, second = world.forwarder(), world.forwarder()
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        running = group.create_task(first.run())
        waiting = group.create_task(second.run())
        while not (await world.counted()).scans:
            await asyncio.sleep(0.001)
        first.stop()
        await running
        edge.end()
        while not (await world.counted()).closed:
            await asyncio.sleep(0.001)
        second.stop()
        await waiting

    assert sorted((await world.counted()).scans[SOURCE]) == sorted(edge.accepted.items())


async def test_a_disk_that_refuses_checkpoints_stops_neither_forwarding_nor_closing_later(world: World) -> None:
    edge = spooled(world)
    edge.end()

    class Full:
        refusals = 5

        def __getattr__(self, name: str) -> Any:
            return getattr(world.files, name)

        def replace(self, path: str, data: bytes) -> None:
            if self.refusals:
                self.refusals -= 1
                raise OSError(28, "No space left on device")
            world.files.replace(path, data)

    full = Full()
    await world.forward(files=full)
    await world.forward(files=full)

    assert sorted((await world.counted()).scans[SOURCE]) == sorted(edge.accepted.items())
    while full.refusals:
        await world.forward(files=full)
    await world.forward(files=full)
    assert not [name for name in world.names() if name.startswith(SPOOL + "/")]


async def test_folders_that_are_no_sources_are_left_alone(world: World) -> None:
    world.files.replace(f"{SPOOL}/lost+found/thing", b"x")

    await world.forward()

    assert world.files.names(SPOOL) == ["lost+found"]


async def test_reports_say_what_a_running_source_has_accepted(world: World) -> None:
    edge = spooled(world)
    write_numbers(world.files, SOURCE, Numbers(accepted=12, unrecorded=2, last_seq=12))

    await world.forward()
    world.clock.seconds += 60
    await world.forward()

    report = (await world.last_reports())[SOURCE]
    assert (report.accepted, report.forwarded, report.unrecorded, report.closed) == (12, 12, 2, False)
    assert edge.last_seq == 12


async def test_a_folder_whose_edge_has_no_lock_yet_is_left_to_it(world: World) -> None:
    (world.root / SPOOL / SOURCE).mkdir(parents=True)  # an edge that starts makes the folder first, then the lock, then takes it
    await world.forward()
    edge = spooled(world)
    await world.forward()

    assert sorted((await world.counted()).scans[SOURCE]) == sorted(edge.accepted.items())


def newer_frame(edge: Edge) -> bytes:
    """Two scans more, in a payload that this release can't read, at the end of the edge's only segment."""
    payload = msgspec.msgpack.encode((edge.last_seq + 1, 0, {"columns": [["code-1", "code-2"]]}))
    seed = zlib.crc32(_PLACE.pack(edge._offset, len(payload)), segment_seed(edge.source_id, 1))
    return HEAD.pack(len(payload), zlib.crc32(payload, seed)) + payload


async def test_scans_that_only_a_newer_release_can_read_stay_in_the_spool_and_hold_up_nobody(world: World) -> None:
    newer, ours = spooled(world, SOURCE, segment_scans=1000), spooled(world, source_id(2))
    newer._file.write(newer_frame(newer))
    for edge in (newer, ours):
        edge.end(killed=True)

    await world.forward()
    await world.forward()

    counted = await world.counted()
    assert (counted.lost, set(counted.closed)) == (set(), {source_id(2)})
    assert sorted(counted.scans[SOURCE]) == sorted(newer.accepted.items())
    assert segments(world.files, SOURCE) == [1]


async def test_a_checkpoint_with_fields_of_a_newer_release_is_read(world: World) -> None:
    spooled(world)
    await world.forward()
    path = world.root / f"forwarder/{SOURCE}.checkpoint"
    path.write_bytes(path.read_bytes().replace(b"{", b'{"newer":{"a":[1]},', 1))

    found = checkpoints.load(world.files, SOURCE, TRACKING_SCAN_V1.partitions)

    assert (found.position.next_seq, found.forwarded) == (13, 12)
