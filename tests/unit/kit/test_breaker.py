import pytest
from hypothesis import given
from hypothesis import strategies as st
from ports import Hands

from quietzone_kit.breaker import FAILURES, OPEN_S, Breaker, BreakerState
from quietzone_kit.errors import Unavailable


def opened(clock: Hands) -> Breaker:
    breaker = Breaker("qr", clock)
    for _ in range(FAILURES):
        breaker.admit()
        breaker.failed()
    return breaker


def test_calls_go_through_while_failures_are_few() -> None:
    breaker = Breaker("qr", Hands())
    for _ in range(FAILURES - 1):
        breaker.admit()
        breaker.failed()

    breaker.admit()

    assert breaker.state is BreakerState.CLOSED


def test_an_answer_starts_the_count_anew() -> None:
    breaker = Breaker("qr", Hands())
    for _ in range(FAILURES):
        breaker.failed()
        breaker.succeeded()

    assert breaker.state is BreakerState.CLOSED


def test_after_failures_in_a_row_callers_are_refused_at_once() -> None:
    breaker = opened(Hands())

    with pytest.raises(Unavailable, match="qr hasn't answered lately"):
        breaker.admit()


def test_after_a_while_one_call_is_let_through_as_a_trial() -> None:
    clock = Hands()
    breaker = opened(clock)
    clock.seconds += OPEN_S

    breaker.admit()

    with pytest.raises(Unavailable):
        breaker.admit()


def test_a_trial_that_succeeds_closes_it() -> None:
    clock = Hands()
    breaker = opened(clock)
    clock.seconds += OPEN_S
    breaker.admit()

    breaker.succeeded()

    assert breaker.state is BreakerState.CLOSED


def test_a_trial_that_fails_opens_it_for_as_long_again() -> None:
    clock = Hands()
    breaker = opened(clock)
    clock.seconds += OPEN_S
    breaker.admit()
    breaker.failed()
    clock.seconds += OPEN_S / 2

    with pytest.raises(Unavailable):
        breaker.admit()


def test_a_cancelled_trial_leaves_room_for_another() -> None:
    clock = Hands()
    breaker = opened(clock)
    clock.seconds += OPEN_S
    breaker.admit()

    breaker.abandoned()

    breaker.admit()


@given(st.lists(st.tuples(st.sampled_from(["succeeded", "failed", "abandoned"]), st.floats(0, 3))))
def test_a_peer_that_answers_again_is_called_again(story: list[tuple[str, float]]) -> None:
    clock = Hands()
    breaker = Breaker("qr", clock)
    for ending, pause in story:
        clock.seconds += pause
        try:
            breaker.admit()
        except Unavailable:
            continue
        getattr(breaker, ending)()
    clock.seconds += OPEN_S

    breaker.admit()
    breaker.succeeded()

    assert breaker.state is BreakerState.CLOSED
