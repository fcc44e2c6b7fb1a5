"""Server-sent events, as the standard reads them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quietzone_client import UnexpectedAnswer
from quietzone_client._sse import Block, Blocks


def read(*parts: bytes, last_id: str = "") -> list[Block]:
    blocks = Blocks(last_id)
    return [block for part in parts for block in blocks.feed(part)]


def test_an_event_has_its_name_data_and_id() -> None:
    assert read(b"id: 7\nevent: scanned\ndata: {}\n\n") == [Block("scanned", "{}", "7")]


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_lines_may_end_in_three_ways(end: bytes) -> None:
    text = end.join([b"data: a", b"data: b", b"", b"data:c", b"", b": ping", b""])

    assert read(text + b"\n")[:2] == [Block("message", "a\nb", ""), Block("message", "c", "")]


def test_a_comment_says_nothing_and_an_id_alone_only_moves_on() -> None:
    assert read(b": ping\nid: 8\n\n") == [Block("message", "", "8")]


def test_an_id_holds_until_another_comes() -> None:
    assert [block.last_id for block in read(b"data: a\n\nid: 2\ndata: b\n\ndata: c\n\nid\n\n", last_id="1")] == ["1", "2", "2", ""]


def test_an_id_with_a_zero_byte_is_passed_over() -> None:
    assert read(b"id: 1\nid: 2\x00\ndata: a\n\n")[0].last_id == "1"


def test_unknown_fields_and_a_byte_order_mark_are_passed_over() -> None:
    assert read(b"\xef\xbb\xbfdata: a\nretry: 5\nfoo: bar\nnonsense\n\n") == [Block("message", "a", "")]


def test_what_has_not_ended_is_not_told() -> None:
    assert read(b"data: a\n") == []


@given(st.lists(st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), min_size=1), min_size=1), st.data())
def test_events_may_arrive_in_any_pieces(texts: list[str], data: st.DataObject) -> None:
    whole = "".join(f"data: {text}\r\n\r\n" for text in texts).encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)))))
    parts = [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]

    assert [block.data for block in read(*parts)] == texts


def test_an_event_that_never_ends_is_given_up() -> None:
    with pytest.raises(UnexpectedAnswer):
        read(*[b"data: " + b"x" * 1_000_000 + b"\n"] * 10)
    with pytest.raises(UnexpectedAnswer):
        read(*[b"x" * 1_000_000] * 10)
