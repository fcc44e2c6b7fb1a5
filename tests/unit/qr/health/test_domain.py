"""What answers mean, and when a destination is dead."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quietzone_qr.health.domain import (
    DEAD_AFTER,
    GONE_AFTER,
    MAX_REASON,
    Finding,
    Health,
    Heard,
    Look,
    Schedule,
    State,
    first_heard,
    meaning_of,
)

MINUTE_MS, HOUR_MS = 60_000, 3_600_000
SCHEDULE = Schedule(24 * HOUR_MS, (10 * MINUTE_MS, HOUR_MS, 6 * HOUR_MS))
NOW_MS = 1_772_445_600_000

TOLD = Heard("c1", "ours", "menu", "https://example.com/menu", is_active=True, revision=1)
FINE = Look(Finding.ALIVE, "answered 200", reached=True)
GONE = Look(Finding.GONE, "answered 404", reached=True)
FAILING = Look(Finding.FAILING, "it refuses the connection")
UNCLEAR = Look(Finding.UNCLEAR, "port 22 isn't asked")


def after(*looks: Look, every_ms: int | None = None, health: Health | None = None) -> Health:
    """The health after looks that come when the schedule says, or every so often."""
    health, at_ms = health or first_heard(TOLD), NOW_MS
    for look in looks:
        health = health.looked(look, at_ms, SCHEDULE)
        at_ms += SCHEDULE.wait_ms(health.failures) if every_ms is None else every_ms
    return health


@pytest.mark.parametrize(
    ("finding", "statuses"),
    [
        (Finding.ALIVE, [200, 204, 206, 301, 304, 400, 401, 402, 403, 405, 406, 409, 416, 418, 429, 451, 499]),
        (Finding.GONE, [404, 410]),
        (Finding.FAILING, [100, 199, 408, 500, 502, 503, 504, 520, 599, 600, 999]),
    ],
)
def test_each_status_has_its_meaning(finding: Finding, statuses: list[int]) -> None:
    assert {meaning_of(status) for status in statuses} == {finding}


def test_a_destination_that_nobody_has_asked_is_unknown() -> None:
    assert (first_heard(TOLD).state, first_heard(TOLD).reason) == (State.UNKNOWN, "not checked yet")


@pytest.mark.parametrize(
    ("looks", "state"),
    [
        ([FINE], State.ALIVE),
        ([FAILING], State.UNKNOWN),
        ([FINE, FAILING, FAILING], State.ALIVE),
        ([FINE, FAILING, FAILING, FAILING], State.DEAD),
        ([FAILING, FAILING, FAILING], State.DEAD),
        ([FINE, GONE], State.ALIVE),
        ([FINE, GONE, GONE], State.DEAD),
        ([FINE, FAILING, GONE], State.DEAD),
        ([FINE, GONE, FAILING], State.ALIVE),
        ([FAILING, FAILING, FINE, FAILING, FAILING], State.ALIVE),
        ([GONE, GONE, FINE], State.ALIVE),
        ([GONE, GONE, FAILING, UNCLEAR], State.UNKNOWN),
        ([FAILING, FAILING, UNCLEAR, FAILING], State.UNKNOWN),
    ],
)
def test_looks_lead_to_a_state(looks: list[Look], state: State) -> None:
    assert after(*looks).state is state


def test_failures_that_come_too_fast_kill_nothing() -> None:
    assert after(FINE, *[FAILING] * 50, every_ms=1_000).state is State.ALIVE
    assert after(FINE, GONE, GONE, GONE, every_ms=1_000).state is State.ALIVE


def test_failures_kill_even_when_each_wait_is_as_short_as_jitter_makes_it() -> None:
    health, at_ms = first_heard(TOLD), NOW_MS
    for _ in range(DEAD_AFTER):
        health = health.looked(FAILING, at_ms, SCHEDULE)
        at_ms += SCHEDULE.jittered_ms(health.failures, lambda low, _high: low)

    assert health.state is State.DEAD


def test_a_clock_that_was_set_back_kills_nothing() -> None:
    assert after(FINE, *[FAILING] * 5, every_ms=-HOUR_MS).state is State.ALIVE


def test_the_waits_grow_and_end_in_the_usual_one() -> None:
    assert [SCHEDULE.wait_ms(failures) for failures in range(6)] == [
        *(24 * HOUR_MS, 10 * MINUTE_MS, HOUR_MS, 6 * HOUR_MS),
        *(24 * HOUR_MS, 24 * HOUR_MS),
    ]


def test_an_outage_of_our_own_changes_nothing_but_the_reason() -> None:
    before = after(FINE, FAILING)

    suspended = before.suspended("nothing can be reached", NOW_MS)

    assert suspended == replace(before, reason="nothing can be reached", checked_at_ms=NOW_MS)


def test_a_reason_is_cut_to_what_events_have_room_for() -> None:
    assert len(after(replace(FAILING, reason="x" * 1_000)).reason) == MAX_REASON


# What is told of codes


def told(**fields: object) -> Heard:
    return replace(TOLD, **fields)  # type: ignore[arg-type]


def test_what_is_old_or_came_before_changes_nothing() -> None:
    health = after(FINE, health=first_heard(told(revision=5)))

    assert health.heard(told(revision=5, destination="https://example.org/")) == health
    assert health.heard(told(revision=4, is_active=False)) == health


def test_another_destination_is_watched_anew() -> None:
    moved = after(FINE, GONE, GONE).heard(told(revision=2, destination="https://example.org/"))

    assert (moved.state, moved.failures, moved.reason, moved.checked_at_ms) == (State.UNKNOWN, 0, "not checked yet", None)
    assert (moved.destination, moved.watch, moved.is_watched) == ("https://example.org/", 2, True)


def test_another_title_leaves_everything_as_it_is() -> None:
    before = after(FINE, FAILING)

    assert before.heard(told(revision=2)) == replace(before, code_revision=2)


def test_a_pause_ends_the_watch_and_keeps_what_is_known() -> None:
    paused = after(FINE).heard(told(revision=2, is_active=False))

    assert (paused.is_watched, paused.state, paused.next_check_at_ms) == (False, State.ALIVE, None)


def test_after_a_pause_failures_are_counted_anew() -> None:
    before = after(FINE, FAILING, FAILING)

    back = before.heard(told(revision=2, is_active=False)).heard(told(revision=3))

    assert (back.is_watched, back.watch, back.failures, back.state) == (True, 3, 0, State.ALIVE)
    assert back.looked(FAILING, NOW_MS + 30 * 24 * HOUR_MS, SCHEDULE).state is State.ALIVE


LOOKS = st.lists(st.tuples(st.sampled_from([FINE, GONE, FAILING, UNCLEAR]), st.integers(-HOUR_MS, 30 * HOUR_MS)), max_size=30)
TELLINGS = st.builds(
    Heard,
    code_id=st.just("c1"),
    account_id=st.just("ours"),
    slug=st.just("menu"),
    destination=st.sampled_from(["https://example.com/", "https://example.org/"]),
    is_active=st.booleans(),
    revision=st.integers(1, 6),
)


@given(LOOKS)
def test_whatever_is_seen_dead_is_only_what_failed_often_enough_for_long_enough(looks: list[tuple[Look, int]]) -> None:
    health, at_ms, row = first_heard(TOLD), NOW_MS, list[int]()
    for look, later_ms in looks:
        at_ms += later_ms
        before, health = health, health.looked(look, at_ms, SCHEDULE)
        row = [*row, at_ms] if look.finding in {Finding.GONE, Finding.FAILING} else []

        assert health.failures == len(row)
        if health.state is State.DEAD and before.state is not State.DEAD:
            assert len(row) >= GONE_AFTER if look.finding is Finding.GONE else len(row) >= DEAD_AFTER
            assert row[-1] - row[0] >= SCHEDULE.least_ms(GONE_AFTER)
        if look.finding is Finding.ALIVE:
            assert health.state is State.ALIVE
        if look.finding is Finding.UNCLEAR:
            assert health.state is State.UNKNOWN


@given(st.lists(st.one_of(TELLINGS, st.sampled_from([FINE, GONE, FAILING, UNCLEAR])), max_size=30))
def test_the_revision_counts_changes_of_state_and_nothing_else(happenings: list[Heard | Look]) -> None:
    health, changes = first_heard(TOLD), 0
    for number, happening in enumerate(happenings):
        before = health
        if isinstance(happening, Heard):
            health = health.heard(happening)
        else:
            health = health.looked(happening, NOW_MS + number * 24 * HOUR_MS, SCHEDULE)
        changes += before.state is not health.state

    assert health.revision == changes


@given(st.lists(TELLINGS, min_size=1, max_size=12))
def test_in_whatever_order_it_is_told_the_newest_of_what_was_told_holds(tellings: list[Heard]) -> None:
    by_revision = {each.revision: each for each in reversed(tellings)}  # of one revision the first: it is the same event
    health = first_heard(tellings[0])
    for each in tellings:
        health = health.heard(by_revision[each.revision])

    newest = by_revision[max(by_revision)]
    assert (health.code_revision, health.destination, health.is_watched) == (newest.revision, newest.destination, newest.is_active)
