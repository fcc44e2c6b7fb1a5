"""One account's month, by itself."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quietzone_gateway.plans.quotas import SHARE, Exchange, Lease, Spent, Usage, exchanged, new_usage

MONTH, DAY, WRITES = "requests/month", "requests/day", "requests/month/write"
TODAY, TOMORROW = "2026-11-21", "2026-11-22"


def exchange(
    usage: Usage, replica: str = "a", seq: int = 1, *, spent: Mapping[str, int] | None = None, day: str = TODAY, **asked: Mapping[str, int]
) -> Usage:
    """The month after an exchange."""
    told = (Spent(seq, day, spent),) if spent else ()
    given = {"needs": {}, "ahead": {}, "limits": {}} | asked
    return exchanged(usage, Exchange(replica, seq, day, told, **given))[0]


def crossed(usage: Usage, spent: int, limit: int, seq: int = 1) -> tuple[list[int], Usage]:
    """The thresholds that a use of the month crosses."""
    after, crossings = exchanged(usage, Exchange("a", seq, TODAY, (Spent(seq, TODAY, {MONTH: spent}),), {}, {}, {MONTH: limit}))
    return [crossing.threshold for crossing in crossings], after


EXCHANGES = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(0, 20), st.integers(0, 40), st.floats(0, 1), st.booleans()), min_size=1, max_size=60
)


@given(st.integers(0, 300), EXCHANGES)
def test_what_is_used_and_held_is_never_more_than_the_limit(limit: int, exchanges: list[tuple[str, int, int, float, bool]]) -> None:
    usage = new_usage("main", TODAY)
    for seq, (replica, need, ahead, part, leaves) in enumerate(exchanges, 1):
        held = usage.held.get(replica, Lease(0, {})).units.get(MONTH, 0)
        told = (Spent(seq, TODAY, {MONTH: int(held * part)}),)
        wanted = {} if leaves else {MONTH: need}
        usage, _ = exchanged(usage, Exchange(replica, seq, TODAY, told, wanted, wanted and {MONTH: ahead}, {MONTH: limit}, None, leaves))

        assert usage.left(MONTH, limit) >= 0


@given(st.integers(0, 300), st.integers(0, 300), st.integers(0, 50))
def test_what_is_needed_is_given_as_far_as_it_is_left(limit: int, used: int, need: int) -> None:
    usage = exchange(new_usage("main", TODAY), spent={MONTH: used})
    after = exchange(usage, seq=2, needs={MONTH: need}, limits={MONTH: limit})

    assert after.held["a"].units.get(MONTH, 0) == min(need, max(0, limit - used))


@given(st.integers(1, 100_000), st.integers(0, 100_000))
def test_at_most_a_hundredth_of_what_is_left_is_given_ahead(limit: int, ahead: int) -> None:
    after = exchange(new_usage("main", TODAY), needs={MONTH: 1}, ahead={MONTH: ahead}, limits={MONTH: limit})

    assert after.held["a"].units[MONTH] == 1 + min(ahead, (limit - 1) // SHARE)


def test_what_a_replica_tells_twice_counts_once() -> None:
    once = exchange(new_usage("main", TODAY), spent={MONTH: 7})
    told = (Spent(1, TODAY, {MONTH: 7}), Spent(2, TODAY, {MONTH: 5}))

    assert exchanged(once, Exchange("a", 2, TODAY, told, {}, {}, {}))[0].used == {MONTH: 12}


def test_what_came_back_is_taken_off() -> None:
    usage = exchange(new_usage("main", TODAY), spent={MONTH: 7})

    assert exchange(usage, seq=2, spent={MONTH: -2}).used == {MONTH: 5}


def test_a_new_day_begins_at_nothing_and_the_month_goes_on() -> None:
    usage = exchange(new_usage("main", TODAY), spent={MONTH: 7, DAY: 7})

    assert exchange(usage, seq=2, day=TOMORROW).used == {MONTH: 7}


def test_a_replica_whose_clock_is_behind_adds_nothing_to_the_new_day() -> None:
    usage = exchange(new_usage("main", TOMORROW), spent={MONTH: 1, DAY: 1}, day=TOMORROW)

    assert exchange(usage, "b", spent={MONTH: 7, DAY: 7}, day=TODAY).used == {MONTH: 8, DAY: 1}


def test_leases_of_a_day_end_with_it() -> None:
    limits = {DAY: 10, MONTH: 10}
    usage = exchange(new_usage("main", TODAY), needs={DAY: 3, MONTH: 3}, limits=limits)
    after = exchange(usage, "b", day=TOMORROW, limits=limits)

    assert [after.left(counter, 10) for counter in (DAY, MONTH)] == [10, 7]


def test_a_replica_that_leaves_is_forgotten() -> None:
    usage = exchange(new_usage("main", TODAY), needs={MONTH: 3}, limits={MONTH: 10})
    after, _ = exchanged(usage, Exchange("a", 2, TODAY, (), {}, {}, {MONTH: 10}, None, leaves=True))

    assert (after.held, after.left(MONTH, 10)) == ({}, 10)


@pytest.mark.parametrize(("spent", "thresholds"), [(79, []), (80, [80]), (99, [80]), (100, [80, 100]), (130, [80, 100])])
def test_thresholds_are_told_when_they_are_crossed_both_if_one_step_crosses_both(spent: int, thresholds: list[int]) -> None:
    assert crossed(new_usage("main", TODAY), spent, 100)[0] == thresholds


@given(st.lists(st.integers(-30, 60), min_size=1, max_size=30), st.integers(1, 200))
def test_each_threshold_is_told_once_in_a_period(steps: list[int], limit: int) -> None:
    usage, told = new_usage("main", TODAY), list[int]()
    for seq, step in enumerate(steps, 1):
        thresholds, usage = crossed(usage, step, limit, seq)
        told += thresholds

    assert told == sorted(set(told))


def test_a_new_day_is_told_of_again() -> None:
    limits = {DAY: 10}
    usage, _ = exchanged(new_usage("main", TODAY), Exchange("a", 1, TODAY, (Spent(1, TODAY, {DAY: 10}),), {}, {}, limits))
    _, crossings = exchanged(usage, Exchange("a", 2, TOMORROW, (Spent(2, TOMORROW, {DAY: 8}),), {}, {}, limits))

    assert [crossing.threshold for crossing in crossings] == [80]


def test_what_cannot_be_told_yet_is_told_with_the_next_exchange() -> None:
    limits = {MONTH: 10}
    usage, untold = exchanged(
        new_usage("main", TODAY), Exchange("a", 1, TODAY, (Spent(1, TODAY, {MONTH: 10}),), {}, {}, limits), tell=False
    )
    _, told = exchanged(usage, Exchange("a", 2, TODAY, (), {}, {}, limits))

    assert (len(untold), [crossing.threshold for crossing in told]) == (0, [80, 100])


def test_scans_are_told_as_a_total_that_never_falls() -> None:
    usage = new_usage("main", TODAY)
    for seq, scans in enumerate((500, 400), 1):
        usage, _ = exchanged(usage, Exchange("a", seq, TODAY, (), {}, {}, {}, scans))

    assert usage.used == {"scans/month": 500}
