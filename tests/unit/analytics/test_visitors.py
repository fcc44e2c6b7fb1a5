import hashlib
import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quietzone_analytics.rollups import visitors
from quietzone_analytics.rollups.visitors import EXACT_LIMIT, Visitors

hashes = st.integers(1, 2**64 - 1)


def drawn(amount: int, *, seed: int = 0) -> list[int]:
    """Numbers that are spread evenly, as a keyed hash's are."""
    return list(struct.unpack(f">{amount}Q", hashlib.shake_256(b"%d" % seed).digest(8 * amount)))


def of(*chunks: list[int]) -> Visitors:
    found = Visitors()
    for chunk in chunks:
        found.add(chunk)
    return found


@given(st.sets(hashes, max_size=EXACT_LIMIT))
def test_up_to_256_visitors_are_counted_exactly(several: set[int]) -> None:
    assert of(list(several)).estimate() == len(several)


def test_a_scan_without_visitor_is_not_counted() -> None:
    assert of([0, 7, 0]).estimate() == 1


def test_a_scan_without_visitor_does_not_reach_the_registers() -> None:
    many = drawn(300)

    assert of([*many, 0]).state() == of(many).state() == of(many, [0]).state()


@given(st.data(), st.lists(st.lists(hashes, max_size=6), max_size=8))
def test_order_repetition_and_chunks_do_not_show_in_the_state(data: st.DataObject, chunks: list[list[int]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(visitors, "EXACT_LIMIT", 8)
        shuffled = data.draw(st.permutations([value for chunk in chunks for value in chunk] * 2))

        assert of(*chunks).state() == of(shuffled).state()


def test_order_and_chunks_do_not_show_in_the_registers() -> None:
    many = drawn(3_000)

    assert of(many).state() == of(*[many[at::7] for at in range(7)], many[::-1]).state()


@pytest.mark.parametrize("amount", [0, 1, EXACT_LIMIT, EXACT_LIMIT + 1, 5_000])
def test_a_state_is_read_back_whole(amount: int) -> None:
    before = of(drawn(amount))
    after = Visitors.from_state(before.state())

    assert (after.state(), after.estimate()) == (before.state(), before.estimate())


@pytest.mark.parametrize("size", [1, 7, 8 * (EXACT_LIMIT + 1), 4_095, 5_000])
def test_other_bytes_are_no_state(size: int) -> None:
    with pytest.raises(ValueError, match="no set of visitors"):
        Visitors.from_state(bytes(size))


@pytest.mark.parametrize("amount", [257, 600, 2_000, 10_000, 40_000])
def test_more_visitors_are_estimated_within_the_stated_error(amount: int) -> None:
    errors = [of(drawn(amount, seed=seed)).estimate() / amount - 1 for seed in range(16)]
    standard_error = math.sqrt(sum(error * error for error in errors) / len(errors))

    assert standard_error < 0.016 * 1.5  # of 16 draws, 1.5 times the standard error is passed once in 500
    assert abs(sum(errors) / len(errors)) < 0.016  # unbiased: 16 draws spread by a quarter of 1.6 %


def test_registers_at_their_end_have_an_estimate_too() -> None:
    assert Visitors.from_state(bytes([53]) * 4096).estimate() == 2**64
