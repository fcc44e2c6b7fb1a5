"""Bodies and cursors as bytes."""

import base64

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quietzone_kit.documents import Collection, Index, InvalidCursor, Order, Query, Value
from quietzone_kit.documents._bodies import MAX_INT, MIN_INT, document
from quietzone_kit.documents._cursors import _mark, cursor, position_of

THINGS = Collection("things", key="id", indexes=(Index("by_owner", ("owner", "rank")),))
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)
FIELDS = st.dictionaries(TEXT, st.integers(MIN_INT, MAX_INT) | TEXT | st.binary(max_size=10), max_size=6)


@given(fields=FIELDS, seed=st.randoms(use_true_random=False))
def test_the_order_of_fields_does_not_change_the_bytes(fields: dict[str, Value], seed: st.DrawFn) -> None:
    names = list(fields)
    seed.shuffle(names)  # type: ignore[attr-defined]

    one = document(THINGS, {"id": "a", "inner": fields})
    other = document(THINGS, {"inner": {name: fields[name] for name in names}, "id": "a"})

    assert one.data == other.data


@given(position=st.lists(st.none() | st.integers(MIN_INT, MAX_INT) | TEXT, min_size=1, max_size=4), order=st.sampled_from(Order))
def test_a_cursor_brings_back_its_position(position: list[int | str | None], order: Order) -> None:
    query = Query("by_owner", ("me",), at_least=1, order=order)

    text = cursor(THINGS, query, position)

    assert position_of(THINGS, query, text, length=len(position)) == position
    assert text.isascii()
    assert not set(text) & set("+/=&? ")


def test_a_forged_cursor_with_a_larger_int_than_64_bits_is_refused() -> None:
    query = Query("by_owner", ("me",))
    forged = base64.urlsafe_b64encode(msgspec.msgpack.encode((_mark(THINGS, query), [2**63, "a"]))).decode()

    with pytest.raises(InvalidCursor):
        position_of(THINGS, query, forged, length=2)
