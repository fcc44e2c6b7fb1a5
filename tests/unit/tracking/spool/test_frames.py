import zlib
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quietzone_tracking.spool import MAX_SCANS, SpooledScan
from quietzone_tracking.spool.frames import (
    _PLACE,
    HEAD,
    MAX_LANGUAGE,
    MAX_PAYLOAD,
    MAX_REFERRER,
    MAX_USER_AGENT,
    BadFrame,
    ForeignFrame,
    TornFrame,
    decode_frame,
    encode_frame,
    find_frame,
    segment_seed,
)

SEED = segment_seed("source", 1)
SCAN = SpooledScan("code", "account", 1_700_000_000_000, 7, b"\x0a\x00\x00", b"agent", b"", b"de")


def foreign(payload: Any, *, offset: int = 0) -> bytes:
    """A whole frame, with a payload that this release wouldn't write."""
    data = msgspec.msgpack.encode(payload)
    return HEAD.pack(len(data), zlib.crc32(data, zlib.crc32(_PLACE.pack(offset, len(data)), SEED))) + data


scans = st.builds(
    SpooledScan,
    code_id=st.text(max_size=36),
    account_id=st.text(max_size=64),
    time_ms=st.integers(0, 2**53),
    visitor=st.integers(0, 2**64 - 1),
    address=st.binary(max_size=6),
    user_agent=st.binary(max_size=MAX_USER_AGENT),
    referrer=st.binary(max_size=MAX_REFERRER),
    language=st.binary(max_size=MAX_LANGUAGE),
)


@given(st.lists(scans, min_size=1, max_size=5), st.integers(0, 2**40), st.integers(1, 2**60), st.integers(0, 1000))
def test_what_is_encoded_is_decoded(batch: list[SpooledScan], offset: int, first_seq: int, skipped: int) -> None:
    data = encode_frame(SEED, offset, batch, first_seq=first_seq + skipped, skipped=skipped)

    frame = decode_frame(SEED, offset, data, 0)

    assert (frame.scans, frame.first_seq, frame.skipped, frame.end) == (tuple(batch), first_seq + skipped, skipped, offset + len(data))


@given(st.data())
def test_a_frame_with_a_changed_bit_is_not_valid(data: st.DataObject) -> None:
    frame = bytearray(encode_frame(SEED, 0, [SCAN, SCAN], first_seq=5))
    frame[data.draw(st.integers(0, len(frame) - 1))] ^= 1 << data.draw(st.integers(0, 7))

    with pytest.raises(BadFrame):
        decode_frame(SEED, 0, frame, 0)


@pytest.mark.parametrize("end", range(len(encode_frame(SEED, 0, [SCAN], first_seq=1))))
def test_the_start_of_a_frame_is_torn(end: int) -> None:
    with pytest.raises(TornFrame):
        decode_frame(SEED, 0, encode_frame(SEED, 0, [SCAN], first_seq=1)[:end], 0)


@pytest.mark.parametrize(
    ("seed", "offset"),
    [(segment_seed("other", 1), 0), (segment_seed("source", 2), 0), (SEED, 1)],
    ids=["source", "segment", "offset"],
)
def test_a_frame_is_valid_in_its_place_only(seed: int, offset: int) -> None:
    with pytest.raises(BadFrame, match="checksum"):
        decode_frame(seed, offset, encode_frame(SEED, 0, [SCAN], first_seq=1), 0)


def test_zeros_are_no_frame() -> None:
    with pytest.raises(BadFrame, match="0 bytes"):
        decode_frame(SEED, 0, bytes(64), 0)


def test_a_frame_is_found_behind_other_bytes() -> None:
    junk = bytes(range(256)) * 4
    frame = encode_frame(SEED, len(junk) + 10, [SCAN], first_seq=9)

    found = find_frame(SEED, 10, junk + frame, at_least=1)

    assert found is not None
    assert (found.first_seq, found.start) == (9, len(junk) + 10)


def test_a_frame_with_numbers_that_were_there_before_is_not_found() -> None:
    assert find_frame(SEED, 0, encode_frame(SEED, 0, [SCAN], first_seq=9), at_least=10) is None


@pytest.mark.parametrize(("next_seq", "follows"), [(6, False), (7, True), (9, True), (10, True), (11, False)])
def test_a_frame_follows_up_to_the_numbers_that_it_says_were_skipped(next_seq: int, follows: bool) -> None:
    frame = decode_frame(SEED, 0, encode_frame(SEED, 0, [SCAN], first_seq=10, skipped=3), 0)

    assert frame.follows(next_seq) is follows


@pytest.mark.parametrize("count", [0, MAX_SCANS + 1])
def test_a_frame_holds_a_bounded_number_of_scans(count: int) -> None:
    with pytest.raises(ValueError, match="1 to 1024 scans"):
        encode_frame(SEED, 0, [SCAN] * count, first_seq=1)


def test_the_largest_frame_can_be_read() -> None:
    largest = SpooledScan("c" * 36, "a" * 64, 2**53, 2**64 - 1, b"a" * 6, b"u" * MAX_USER_AGENT, b"r" * MAX_REFERRER, b"l" * MAX_LANGUAGE)

    data = encode_frame(SEED, 0, [largest] * MAX_SCANS, first_seq=2**60)

    assert len(data) <= MAX_PAYLOAD
    assert len(decode_frame(SEED, 0, data, 0).scans) == MAX_SCANS


def test_a_scan_of_a_release_that_knew_no_traces_is_read() -> None:
    before = msgspec.msgpack.encode((1, 0, [msgspec.structs.astuple(SCAN)[:8]]))

    _, _, [scan] = msgspec.msgpack.decode(before, type=tuple[int, int, tuple[SpooledScan, ...]])

    assert scan == SCAN


def test_what_a_newer_release_adds_to_a_scan_is_left_out() -> None:
    data = foreign((1, 0, [(*msgspec.structs.astuple(SCAN), "added")]))

    assert decode_frame(SEED, 0, data, 0).scans == (SCAN,)


NEWER = [(1, 0, {"scans": []}), (1, 0, [], "more"), (1, 0, [("code", 7)]), {"first": 1}]


@pytest.mark.parametrize("payload", NEWER)
def test_a_payload_of_a_newer_release_is_no_damage(payload: Any) -> None:
    with pytest.raises(ForeignFrame, match="another release wrote it, let that one forward it"):
        decode_frame(SEED, 0, foreign(payload), 0)


def test_a_frame_of_a_newer_release_is_not_passed_over_when_frames_are_looked_for() -> None:
    with pytest.raises(ForeignFrame):
        find_frame(SEED, 0, b"torn" + foreign((1, 0, {"scans": []}), offset=4), at_least=1)
