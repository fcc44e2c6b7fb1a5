"""Token buckets against tokens that are counted one by one, in fractions."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ports import Hands

from quietzone_kit.limits import Rate
from quietzone_kit.limits._buckets import MAX_BUCKETS, Buckets, decision_of

RATES = st.builds(
    Rate,
    count=st.integers(1, 100),
    period_ms=st.sampled_from([20, 1_000, 60_000, 900_000]),
    burst=st.integers(1, 50),
)
PAUSES_US = st.lists(st.integers(0, 5_000_000), min_size=1, max_size=60)


class Counted:
    """A bucket that counts tokens, and fills by its interval."""

    def __init__(self, rate: Rate) -> None:
        self._rate = rate
        self._tokens = Fraction(rate.burst)

    def wait(self, microseconds: int) -> None:
        self._tokens = min(Fraction(self._rate.burst), self._tokens + Fraction(microseconds, self._rate.interval_us))

    def take(self) -> bool:
        granted = self._tokens >= 1
        self._tokens -= granted
        return granted


@given(RATES, PAUSES_US)
def test_a_token_is_given_exactly_when_there_is_one(rate: Rate, pauses_us: list[int]) -> None:
    clock = Hands(seconds=1_000)
    buckets, counted = Buckets(clock), Counted(rate)
    for number, pause_us in enumerate(pauses_us):
        moved = round(clock.seconds * 1e6) + (pause_us if number else 0)
        clock.seconds = moved / 1e6
        counted.wait(pause_us if number else 0)

        assert (buckets.take("key", {"all": rate})[0] == 1) is counted.take()


@given(RATES, RATES, PAUSES_US)
def test_of_two_buckets_both_give_or_none(one: Rate, other: Rate, pauses_us: list[int]) -> None:
    clock = Hands(seconds=1_000)
    buckets, first, second = Buckets(clock), Counted(one), Counted(other)
    for pause_us in pauses_us:
        clock.seconds = (round(clock.seconds * 1e6) + pause_us) / 1e6
        for counted in (first, second):
            counted.wait(pause_us)
        expected = min(first._tokens, second._tokens) >= 1
        if expected:
            first.take(), second.take()

        assert (buckets.take("key", {"one": one, "other": other})[0] == 1) is expected


@given(RATES, st.integers(1, 40))
def test_whoever_is_refused_gets_a_token_at_the_time_that_was_said_and_not_before(rate: Rate, more: int) -> None:
    clock = Hands(seconds=1_000)
    buckets = Buckets(clock)
    for _ in range(rate.burst):
        buckets.take("key", {"all": rate})
    clock.seconds += more * rate.interval_us / 1e6 / 41
    taken, until_us = buckets.take("key", {"all": rate})
    refused = decision_of({"all": rate}, granted=taken > 0, until_full_us=until_us)

    clock.seconds += refused.retry_s - 2e-6
    early = buckets.take("key", {"all": rate})[0]
    clock.seconds += 4e-6

    assert (taken, early, buckets.take("key", {"all": rate})[0]) == (0, 0, 1)


@given(RATES, st.integers(0, 20))
def test_spare_tokens_come_only_from_a_bucket_that_is_far_from_empty(rate: Rate, spare: int) -> None:
    taken, _ = Buckets(Hands()).take("key", {"all": rate}, spare)

    assert taken == 1 + min(spare, rate.burst // 16)


def test_a_faster_rate_is_not_held_up_by_the_slower_one_before_it() -> None:
    clock = Hands(seconds=5)
    buckets = Buckets(clock)
    slow, fast = {"all": Rate(1, 3_600_000, 2)}, {"all": Rate(10, 1_000, 2)}
    for _ in range(2):
        buckets.take("key", slow)
    buckets.take("key", fast)
    clock.seconds += 0.1

    assert buckets.take("key", fast)[0] == 1


def test_a_flood_of_callers_takes_no_more_memory_than_is_allowed() -> None:
    buckets, rates = Buckets(Hands(seconds=5)), {"all": Rate(1, 1_000, 1)}
    for number in range(MAX_BUCKETS + 10):
        buckets.take(str(number), rates)

    assert len(buckets._full_at) == MAX_BUCKETS


@pytest.mark.parametrize(
    ("count", "period_ms", "burst"),
    [(0, 1_000, 1), (10_001, 1_000, 1), (1, 0, 1), (1, 86_400_001, 1), (1, 1_000, 0), (1, 86_400_000, 50_000)],
)
def test_what_no_bucket_can_keep_is_refused(count: int, period_ms: int, burst: int) -> None:
    with pytest.raises(ValueError, match=r"\d"):
        Rate(count, period_ms, burst)


@given(RATES, st.integers(1, 20))
def test_what_replicas_grant_by_themselves_is_together_the_rate(rate: Rate, replicas: int) -> None:
    share = rate.share_of(replicas)

    assert Fraction(share.count * replicas, share.period_ms) == Fraction(rate.count, rate.period_ms)
