import itertools
import json

from hypothesis import given, settings
from hypothesis import strategies as st
from unit.tracking.spool.machine import Machine

from quietzone_kit.files import Files
from quietzone_tracking.spool import (
    START,
    Ended,
    Frames,
    Gap,
    NothingYet,
    NotRecorded,
    Position,
    SpooledScan,
    SpoolLimits,
    SpoolReader,
    SpoolWriter,
    sources,
)
from quietzone_tracking.spool.frames import encode_frame, segment_seed
from quietzone_tracking.spool.layout import QUARANTINE, segment_path, segments

SMALL = SpoolLimits(segment_bytes=130)  # one to three frames


def scan(code: str) -> SpooledScan:
    return SpooledScan(code, "account", 1_700_000_000_000, 0, b"", b"agent", b"", b"")


def run_of(size: int, name: str = "code") -> list[SpooledScan]:
    return [scan(f"{name}-{index}") for index in range(size)]


def read_all(files: Files, position: Position = START) -> tuple[dict[int, str], list[tuple[int, int]], int | None]:
    """What a source's reader gets: code by number, gaps, and the last number when the source has ended."""
    reader = SpoolReader(files, "source")
    codes: dict[int, str] = {}
    gaps: list[tuple[int, int]] = []
    for _ in range(10_000):
        result = reader.read(position)
        match result:
            case Frames(frames=frames):
                numbered = [(frame.first_seq + index, item.code_id) for frame in frames for index, item in enumerate(frame.scans)]
                assert not codes.keys() & {seq for seq, _ in numbered}
                codes.update(numbered)
            case Gap(from_seq=from_seq, to_seq=to_seq):
                gaps.append((from_seq, to_seq))
            case NothingYet():
                return codes, gaps, None
            case Ended(last_seq=last_seq):
                return codes, gaps, last_seq
        position = result.end
    raise AssertionError("the reader doesn't come to an end")


def frames_of(files: Files) -> list[tuple[int, int, int, int, int]]:
    """Each frame's segment, start, end, first and last number."""
    reader, position, found = SpoolReader(files, "source"), START, []
    while isinstance(result := reader.read(position), Frames):
        found += [(result.end.segment, frame.start, frame.end, frame.first_seq, frame.last_seq) for frame in result.frames]
        position = result.end
    return found


def test_scans_are_read_in_the_order_in_which_they_were_appended(machine: Machine) -> None:
    writer = machine.writer(limits=SMALL)
    for size in (1, 3, 2, 5, 1):
        writer.append(run_of(size))

    codes, gaps, _ = read_all(machine.files)

    assert list(codes) == list(range(1, 13))
    assert gaps == []


def test_a_reader_waits_while_the_edge_runs(machine: Machine) -> None:
    machine.writer().append(run_of(2))

    assert read_all(machine.files)[2] is None


def test_a_reader_sees_what_comes_later(machine: Machine) -> None:
    writer = machine.writer()
    reader = SpoolReader(machine.files, "source")
    before = reader.read(START)
    writer.append(run_of(1))

    assert isinstance(before, NothingYet)
    assert isinstance(reader.read(reader.read(before.end).end), Frames)


async def test_a_source_that_was_closed_ends_with_its_last_number(machine: Machine) -> None:
    writer = machine.writer()
    writer.append(run_of(3))
    await writer.close()

    assert read_all(machine.files)[2] == 3


async def test_a_source_without_scans_ends_with_0(machine: Machine) -> None:
    await machine.writer().close()

    assert read_all(machine.files) == ({}, [], 0)


def test_reading_again_from_an_earlier_position_gives_the_same(machine: Machine) -> None:
    machine.writer().append(run_of(3))
    reader = SpoolReader(machine.files, "source")
    first = reader.read(START).end

    assert reader.read(first) == reader.read(first)


@settings(deadline=None)
@given(st.lists(st.integers(1, 4), min_size=1, max_size=8), st.data())
def test_a_torn_end_loses_only_what_was_not_acknowledged(sizes: list[int], data: st.DataObject) -> None:
    with Machine() as machine:
        writer = machine.writer(limits=SMALL)
        for size in sizes:
            writer.append(run_of(size))
        machine.edge.kill()
        segment, start, end, first_seq, _ = frames_of(machine.files)[-1]
        machine.files.truncate(segment_path("source", segment), data.draw(st.integers(start, end - 1)))

        codes, gaps, last_seq = read_all(machine.files)

        assert (list(codes), gaps, last_seq) == (list(range(1, first_seq)), [], first_seq - 1)


@settings(deadline=None)
@given(st.lists(st.integers(1, 4), min_size=2, max_size=10), st.data(), st.booleans())
def test_a_flipped_bit_in_the_middle_is_said_as_exactly_that_gap(sizes: list[int], data: st.DataObject, running: bool) -> None:
    with Machine() as machine:
        writer = machine.writer(limits=SMALL)
        for size in sizes:
            writer.append(run_of(size))
        frames = frames_of(machine.files)
        segment, start, end, first_seq, last_seq = data.draw(st.sampled_from(frames[:-1]))
        place = data.draw(st.integers(start, end - 1))
        path = segment_path("source", segment)
        machine.disk.damage(path, place, bytes([machine.disk.content(path)[place] ^ 1 << data.draw(st.integers(0, 7))]))
        if not running:
            machine.edge.kill()

        codes, gaps, _ = read_all(machine.files)

        assert gaps == [(first_seq, last_seq)]
        assert list(codes) == [seq for seq in range(1, sum(sizes) + 1) if not first_seq <= seq <= last_seq]


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(1, 4), st.booleans()), min_size=1, max_size=20), st.integers(0, 2**32))
def test_appends_that_fail_leave_no_gap_and_take_no_accepted_scan_along(appends: list[tuple[int, bool]], seed: int) -> None:
    with Machine(str(seed)) as machine:
        writer = machine.writer(limits=SMALL)
        accepted: dict[int, str] = {}
        for index, (size, sound) in enumerate(appends):
            machine.disk.faults.full = 0.0 if sound else 1.0
            batch = run_of(size, f"append-{index}")
            try:
                last = writer.append(batch)
            except NotRecorded:
                continue
            accepted.update(zip(range(last - size + 1, last + 1), (item.code_id for item in batch), strict=True))
        machine.edge.kill()

        codes, gaps, _ = read_all(machine.files)

        assert gaps == []
        assert {seq: codes.get(seq) for seq in accepted} == accepted


@settings(deadline=None)
@given(st.lists(st.integers(1, 4), min_size=1, max_size=12), st.integers(0, 2**32), st.data())
async def test_a_crash_of_the_machine_loses_nothing_that_was_flushed(sizes: list[int], seed: int, data: st.DataObject) -> None:
    with Machine(str(seed)) as machine:
        writer = machine.writer(limits=SMALL)
        for size in sizes:
            writer.append(run_of(size))
            if data.draw(st.booleans()):
                await writer.flush()
        machine.edge.kill()
        machine.disk.crash()

        codes, gaps, _ = read_all(machine.files)

        assert set(range(1, writer.flushed_seq + 1)) <= set(codes)
        assert all(from_seq > writer.flushed_seq for from_seq, _ in gaps)


def test_a_segment_that_is_gone_is_said_as_a_gap(machine: Machine) -> None:
    writer = machine.writer(limits=SMALL)
    for _ in range(9):
        writer.append(run_of(1))
    first, second, third, *_ = segments(machine.files, "source")
    machine.files.delete(segment_path("source", second))

    assert (first, read_all(machine.files)[1]) == (1, [(second, third - 1)])


async def test_a_frame_that_is_gone_from_the_end_is_said_as_a_gap(machine: Machine) -> None:
    writer = machine.writer()
    for _ in range(3):
        writer.append(run_of(2))
    await writer.close()
    segment, start, *_ = frames_of(machine.files)[-1]
    machine.files.truncate(segment_path("source", segment), start)

    assert read_all(machine.files)[1:] == ([(5, 6)], 6)


async def test_a_frame_that_a_running_edge_says_it_wrote_and_that_is_gone_is_said_as_a_gap(machine: Machine) -> None:
    writer = machine.writer()
    for _ in range(3):
        writer.append(run_of(2))
    await writer.publish_numbers()
    segment, start, *_ = frames_of(machine.files)[-1]
    machine.files.truncate(segment_path("source", segment), start)

    assert read_all(machine.files)[1] == [(5, 6)]


async def test_a_running_edge_is_read_on_after_a_gap_at_its_end(machine: Machine) -> None:
    writer = machine.writer(limits=SMALL)
    writer.append(run_of(1))
    await writer.publish_numbers()
    machine.disk.damage(segment_path("source", 1), 20, b"\xff\xff")
    reader = SpoolReader(machine.files, "source")
    gap = reader.read(START)
    writer.append(run_of(1))

    assert isinstance(gap, Gap)
    assert list(read_all(machine.files, gap.end)[0]) == [2]


async def test_a_source_whose_segments_are_all_gone_is_said_as_a_gap(machine: Machine) -> None:
    writer = machine.writer()
    writer.append(run_of(4))
    await writer.close()
    machine.files.delete(segment_path("source", 1))

    assert read_all(machine.files)[1:] == ([(1, 4)], 4)


def test_a_whole_segment_of_other_bytes_is_said_as_a_gap(machine: Machine) -> None:
    writer = machine.writer(limits=SMALL)
    for _ in range(9):
        writer.append(run_of(1))
    _, second, third, *_ = segments(machine.files, "source")
    path = segment_path("source", second)
    machine.disk.damage(path, 0, bytes(machine.files.size(path)))

    assert read_all(machine.files)[1] == [(second, third - 1)]


def test_numbers_that_a_writer_left_out_are_said_as_a_gap(machine: Machine) -> None:
    seed = segment_seed("source", 1)
    first = encode_frame(seed, 0, run_of(2), first_seq=1)
    machine.files.replace(segment_path("source", 1), first + encode_frame(seed, len(first), run_of(2), first_seq=5))

    codes, gaps, last_seq = read_all(machine.files)

    assert (list(codes), gaps, last_seq) == ([1, 2, 5, 6], [(3, 4)], 6)


def test_a_torn_frame_of_a_running_edge_is_waited_for(machine: Machine) -> None:
    writer = machine.writer()
    writer.append(run_of(2))
    path = segment_path("source", 1)
    whole = machine.disk.content(path)
    machine.files.truncate(path, len(whole) - 5)
    torn = read_all(machine.files)
    machine.files.replace(path, whole)

    assert (torn[:2], list(read_all(machine.files)[0])) == (({}, []), [1, 2])


def corrupt(machine: Machine, writer: SpoolWriter) -> None:
    for _ in range(3):
        writer.append(run_of(2))
    _, start, *_ = frames_of(machine.files)[1]
    machine.disk.damage(segment_path("source", 1), start + 20, b"\xff\xff")


def test_corrupt_bytes_are_set_aside_with_their_reason(machine: Machine) -> None:
    corrupt(machine, machine.writer())
    read_all(machine.files)

    reason = json.loads(machine.disk.content(next(path for path in machine.disk.paths() if path.endswith(".json"))))
    assert (reason["source_id"], reason["from_seq"], reason["to_seq"]) == ("source", 3, 4)
    assert "checksum" in reason["reason"]


def test_corrupt_bytes_are_set_aside_as_they_are(machine: Machine) -> None:
    corrupt(machine, machine.writer())
    _, _, first_end, *_ = frames_of(machine.files)[0]
    read_all(machine.files)

    kept = machine.disk.content(next(path for path in machine.disk.paths() if path.endswith(".bin")))
    assert kept == machine.disk.content(segment_path("source", 1))[first_end : first_end + len(kept)]


def test_a_gap_names_the_file_and_the_place_of_the_corrupt_bytes(machine: Machine) -> None:
    corrupt(machine, machine.writer())
    reader = SpoolReader(machine.files, "source")
    gap = reader.read(START)
    while isinstance(gap, Frames):
        gap = reader.read(gap.end)

    assert isinstance(gap, Gap)
    assert gap.reason.startswith(f"{segment_path('source', 1)} at byte {frames_of(machine.files)[0][2]}: the checksum")


def test_setting_aside_twice_keeps_one_copy(machine: Machine) -> None:
    corrupt(machine, machine.writer())
    read_all(machine.files)
    once = machine.files.names(QUARANTINE)
    read_all(machine.files)

    assert machine.files.names(QUARANTINE) == once


async def test_a_corrupt_last_frame_is_a_gap_when_the_source_says_that_it_was_accepted(machine: Machine) -> None:
    writer = machine.writer()
    for _ in range(2):
        writer.append(run_of(2))
    await writer.close()
    _, start, *_ = frames_of(machine.files)[-1]
    machine.disk.damage(segment_path("source", 1), start + 20, b"\xff\xff")

    assert read_all(machine.files)[1:] == ([(3, 4)], 4)


def test_a_corrupt_last_frame_of_a_killed_edge_is_set_aside(machine: Machine) -> None:
    machine.writer().append(run_of(2))
    machine.edge.kill()
    machine.disk.damage(segment_path("source", 1), 20, b"\xff\xff")

    read_all(machine.files)

    assert len(machine.files.names(QUARANTINE)) == 2


def test_a_torn_last_frame_of_a_killed_edge_is_not_set_aside(machine: Machine) -> None:
    machine.writer().append(run_of(2))
    machine.edge.kill()
    path = segment_path("source", 1)
    machine.files.truncate(path, machine.files.size(path) - 3)

    read_all(machine.files)

    assert machine.files.names(QUARANTINE) == []


def test_the_quarantine_is_no_source(machine: Machine) -> None:
    corrupt(machine, machine.writer())
    read_all(machine.files)

    assert sources(machine.files) == ["source"]


def test_discarding_deletes_the_segments_before_a_position(machine: Machine) -> None:
    writer = machine.writer(limits=SMALL)
    for _ in range(9):
        writer.append(run_of(1))
    reader = SpoolReader(machine.files, "source")
    numbers = segments(machine.files, "source")
    reader.discard(Position(numbers[2], 0, numbers[2]))

    assert segments(machine.files, "source") == numbers[2:]


def test_one_call_reads_no_more_than_its_chunk(machine: Machine) -> None:
    writer = machine.writer()
    for _, size in itertools.product(range(4), (1000,)):
        writer.append([SpooledScan("c", "a", 0, 0, b"", b"u" * 512, b"r" * 512, b"")] * size)
    result = SpoolReader(machine.files, "source").read(Position(1, 0, 1))

    assert isinstance(result, Frames)
    assert len(result.frames) == 2
