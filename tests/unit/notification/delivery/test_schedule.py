"""When a delivery goes out again, and when it doesn't."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quietzone_notification.delivery.domain import (
    DELAYS_MS,
    HOUR_MS,
    MAX_ATTEMPTS,
    MAX_RETRY_AFTER_MS,
    SPREAD,
    Attempt,
    Delivery,
    NewDelivery,
    State,
    taken,
)
from quietzone_notification.delivery.webhooks import retry_after_ms

NOW_MS = 1_763_800_000_000


def pending(tries: int = 0) -> Delivery:
    new = NewDelivery(
        id="one",
        account_id="north",
        cause="rule:menu:0",
        event_id="e",
        event_type="t",
        kind="webhook",
        destination="endpoint",
        body=b"{}",
        content_type="application/json",
        headers=(),
        max_attempts=None,
        max_age_ms=None,
        created_ms=NOW_MS,
    )
    return replace(taken(new, NOW_MS), tries=tries)


def failed(status: int | None = 500) -> Attempt:
    return Attempt(NOW_MS, 100, "https://example.com/", status, None if status else "no answer")


def test_the_schedule_is_standard_webhooks() -> None:
    assert [0, *(delay_ms / 1_000 for delay_ms in DELAYS_MS)] == [0, 5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400]


@pytest.mark.parametrize("tries", range(MAX_ATTEMPTS - 1))
def test_each_failure_waits_as_long_as_the_schedule_says(tries: int) -> None:
    after = pending(tries).attempted(failed(), retry_after_ms=None, jitter=0.0)

    assert (after.state, after.due_ms) == (State.PENDING, NOW_MS + 100 + DELAYS_MS[tries])


@given(st.integers(0, MAX_ATTEMPTS - 2), st.floats(-1, 1))
def test_jitter_parts_them_and_keeps_what_was_promised(tries: int, jitter: float) -> None:
    after = pending(tries).attempted(failed(), retry_after_ms=None, jitter=jitter)

    assert after.due_ms is not None
    assert abs(after.due_ms - NOW_MS - 100 - DELAYS_MS[tries]) <= SPREAD * DELAYS_MS[tries] + 1


def test_the_last_failure_is_the_end() -> None:
    after = pending(MAX_ATTEMPTS - 1).attempted(failed(None), retry_after_ms=None, jitter=0.0)

    assert (after.state, after.due_ms, after.error, after.ended_ms) == (State.DEAD, None, "no answer", NOW_MS + 100)


@pytest.mark.parametrize(
    ("status", "state"), [(200, State.DELIVERED), (204, State.DELIVERED), (299, State.DELIVERED), (199, State.PENDING)]
)
def test_any_2xx_is_a_success(status: int, state: State) -> None:
    assert pending().attempted(failed(status), retry_after_ms=None, jitter=0.0).state is state


@pytest.mark.parametrize("status", [199, 300, 301, 304, 308, 400, 404, 500, 599, 999])
def test_nothing_else_is(status: int) -> None:
    assert pending().attempted(failed(status), retry_after_ms=None, jitter=0.0).state is State.PENDING


@pytest.mark.parametrize(("asked_ms", "wait_ms"), [(1_000, DELAYS_MS[0]), (HOUR_MS, HOUR_MS), (10**15, MAX_RETRY_AFTER_MS)])
def test_retry_after_makes_a_wait_longer_within_a_bound_and_never_shorter(asked_ms: int, wait_ms: int) -> None:
    assert pending().attempted(failed(429), retry_after_ms=asked_ms, jitter=0.0).due_ms == NOW_MS + 100 + wait_ms


def test_begun_anew_it_has_all_its_attempts_and_its_log() -> None:
    dead = pending(MAX_ATTEMPTS - 1).attempted(failed(), retry_after_ms=None, jitter=0.0)

    again = dead.again(NOW_MS + 7)

    assert (again.state, again.tries, again.due_ms, again.since_ms, again.attempts) == (
        State.PENDING,
        0,
        NOW_MS + 7,
        NOW_MS + 7,
        dead.attempts,
    )


@pytest.mark.parametrize(
    ("text", "wait_ms"),
    [
        ("120", 120_000),
        ("0", 0),
        ("9" * 60, MAX_RETRY_AFTER_MS),
        ("Sat, 22 Nov 2025 08:27:40 GMT", 60_000),
        ("Fri, 31 Dec 1999 23:59:59 GMT", 0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", MAX_RETRY_AFTER_MS),
        *((text, None) for text in (None, "", "-1", "1.5", "soon", "٣", "Fri, 99 Dec 1999")),
    ],
)
def test_retry_after_is_seconds_or_a_date(text: str | None, wait_ms: int | None) -> None:
    assert retry_after_ms(text, NOW_MS) == wait_ms
