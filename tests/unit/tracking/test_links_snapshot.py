import struct
import zlib
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.tracking.links_world import link

from quietzone_kit.files import posix_files
from quietzone_tracking.decide import LinkState
from quietzone_tracking.links.snapshot import MAGIC, MAX_SLOTS, BadSnapshot, LogPosition, Snapshot, SnapshotFile, decode, encode

POSITIONS = {0: LogPosition("log", 17), 3: LogPosition("log", 2)}
SMALL = Snapshot(
    POSITIONS,
    [
        link("menu", 4),
        link("door", 1, state=LinkState.DELETED),
        link("bill", 9, state=LinkState.PAUSED),
        link("bad", 2, state=LinkState.BLOCKED),
    ],
)
FILE = b"".join(encode(SMALL))


def opened(root: Path) -> SnapshotFile:
    file = SnapshotFile(posix_files(root))
    file.open()
    return file


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2500))
def test_what_was_written_is_read(number: int) -> None:
    snapshot = Snapshot(POSITIONS, [link(str(each), each + 1) for each in range(number)])

    assert decode(b"".join(encode(snapshot))) == snapshot


@settings(deadline=None)
@given(st.integers(0, len(FILE) - 1), st.integers(1, 255))
def test_any_changed_byte_is_noticed(at: int, by: int) -> None:
    damaged = bytearray(FILE)
    damaged[at] ^= by

    with pytest.raises(BadSnapshot):
        decode(bytes(damaged))


@settings(deadline=None)
@given(st.integers(0, len(FILE) - 1))
def test_any_missing_end_is_noticed(size: int) -> None:
    with pytest.raises(BadSnapshot):
        decode(FILE[:size])


def test_sections_in_another_order_are_noticed() -> None:
    pieces = list(encode(Snapshot(POSITIONS, [link(str(each)) for each in range(2000)])))

    with pytest.raises(BadSnapshot, match="section 1"):
        decode(b"".join([pieces[0], pieces[1], pieces[3], pieces[2]]))


def section(number: int, payload: object) -> bytes:
    data = msgspec.msgpack.encode(payload)
    return struct.pack("<II", len(data), zlib.crc32(data, number)) + data


@pytest.mark.parametrize(
    "newer",
    [
        b"quietzone links 2\n" + FILE[len(MAGIC) :],
        MAGIC + section(0, [[], 1, "more"]),
        MAGIC + section(0, [[], 1]) + section(1, [["menu", "c", "a", "https://example.com/", "active", 1, "more"]]),
        MAGIC + section(0, [[], 1]) + section(1, [["menu", "c", "a", "https://example.com/", "scheduled", 1]]),
    ],
    ids=["a later magic", "more in the first section", "more of a link", "a state that is unknown"],
)
def test_a_snapshot_of_a_newer_release_is_refused(newer: bytes) -> None:
    with pytest.raises(BadSnapshot):
        decode(newer)


def test_a_damaged_file_is_set_aside_and_the_edge_starts_without(tmp_path: Path) -> None:
    (tmp_path / "links").mkdir()
    (tmp_path / "links/0.snapshot").write_bytes(FILE[:-1])

    assert opened(tmp_path).read() is None
    assert (tmp_path / "links/0.snapshot.rejected").read_bytes() == FILE[:-1]


def test_each_edge_of_a_folder_has_a_snapshot_of_its_own(tmp_path: Path) -> None:
    first, second = opened(tmp_path), opened(tmp_path)
    first.write([FILE])

    assert second.read() is None


def test_the_next_edge_gets_the_snapshot_of_one_that_has_ended(tmp_path: Path) -> None:
    first = opened(tmp_path)
    first.write([FILE])
    first.close()

    assert opened(tmp_path).read() == SMALL


def test_an_edge_beyond_the_slots_keeps_no_snapshot(tmp_path: Path) -> None:
    edges = [opened(tmp_path) for _ in range(MAX_SLOTS + 1)]
    edges[-1].write([FILE])

    assert (edges[-1].read(), sorted(tmp_path.glob("links/*.snapshot"))) == (None, [])
