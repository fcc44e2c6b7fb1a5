"""Cursors as texts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quietzone_gateway.live.cursors import (
    MAX_CHARACTERS,
    MAX_NUMBER,
    Cursor,
    ForeignCursor,
    InvalidCursor,
    Place,
    Within,
    cursor_text,
    decode,
    encode,
)

NUMBERS = st.integers(0, MAX_NUMBER)
PLACES = st.builds(Place, st.integers(0, 2**32 - 1), st.lists(NUMBERS, min_size=1, max_size=16).map(tuple))
CURSORS = st.dictionaries(st.integers(1, 127), PLACES, min_size=1, max_size=4).flatmap(
    lambda places: st.one_of(
        st.just(Cursor(places)),
        st.sampled_from(sorted(places)).flatmap(
            lambda topic: st.builds(
                Cursor, st.just(places), st.builds(Within, st.just(topic), st.integers(0, len(places[topic].offsets) - 1), NUMBERS)
            )
        ),
    )
)


@given(CURSORS)
def test_a_cursor_comes_back_from_its_text(cursor: Cursor) -> None:
    assert decode(encode(cursor)) == cursor


@given(st.text(max_size=60))
def test_what_nobody_gave_out_is_no_cursor(text: str) -> None:
    with pytest.raises(InvalidCursor):
        decode(text)


@given(CURSORS, st.data())
def test_a_cursor_that_was_tampered_with_is_none(cursor: Cursor, data: st.DataObject) -> None:
    text = encode(cursor)
    at = data.draw(st.integers(0, len(text) - 3))  # the last characters may have bits that mean nothing
    other = data.draw(st.sampled_from("ABCxyz019-_").filter(lambda symbol: symbol != text[at]))

    with pytest.raises(InvalidCursor):
        decode(text[:at] + other + text[at + 1 :])


def test_a_huge_cursor_is_refused_unread() -> None:
    with pytest.raises(InvalidCursor, match="1 to 1024 characters"):
        decode("A" * (MAX_CHARACTERS + 1))


def test_a_cursor_of_another_release_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quietzone_gateway.live.cursors.VERSION", 2)
    text = cursor_text(b"")
    monkeypatch.undo()

    with pytest.raises(ForeignCursor):
        decode(text)


@pytest.mark.parametrize(
    "places",
    [
        b"\x01\x00\x00\x00\x00\x01\x05\x01\x00\x00\x00\x00\x01\x05",  # one topic twice
        b"\x01\x00\x00\x00\x00\xff\x7f",  # 16,383 partitions
        b"\x01\x00\x00\x00\x00\x01" + b"\xff" * 10 + b"\x01",  # a number of 11 bytes
        b"\x01\x00\x00\x00\x00\x01\x05\x81\x01\x00",  # half done in a partition that there isn't
    ],
)
def test_a_cursor_that_contradicts_itself_is_none(places: bytes) -> None:
    with pytest.raises(InvalidCursor):
        decode(cursor_text(places))


def test_a_cursor_of_codes_alone_is_short() -> None:
    assert len(encode(Cursor({1: Place(2**32 - 1, (1_000_000,) * 8)}))) <= 50
