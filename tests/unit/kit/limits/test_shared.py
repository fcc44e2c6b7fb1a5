"""Several processes at one server, which a test can take away, by a clock that is moved by hand."""

import asyncio
from collections.abc import Mapping

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ports import Hands

from quietzone_kit.cache._server import ServerGone
from quietzone_kit.limits import Rate, open_limits
from quietzone_kit.limits._buckets import Buckets
from quietzone_kit.limits._metrics import ALONE
from quietzone_kit.limits._shared import HELD_S, SharedLimits
from quietzone_kit.runtime import SystemRandomness


class Table:
    """See Server."""

    def __init__(self, clock: Hands) -> None:
        self._buckets = Buckets(clock)
        self.gone = False
        self.asked = 0
        self.seen: set[str] = set()

    async def take(self, key: str, rates: Mapping[str, Rate], spare: int) -> tuple[int, tuple[int, ...]]:
        self._ask()
        await asyncio.sleep(0)
        return self._buckets.take(key, rates, spare)

    async def give_back(self, key: str, rates: Mapping[str, Rate], tokens: int) -> None:
        self._ask()
        for name, rate in rates.items():
            self._buckets._full_at[f"{key}:{name}"] -= tokens * rate.interval_us

    async def count(self, me: str, within_s: int) -> int:  # noqa: ARG002 - nobody goes
        self._ask()
        self.seen.add(me)
        return len(self.seen)

    async def warm(self) -> None:
        self._ask()

    async def check(self) -> None:
        self._ask()

    async def close(self) -> None:
        return

    def _ask(self) -> None:
        self.asked += 1
        if self.gone:
            raise ServerGone


def process(table: Table, clock: Hands) -> SharedLimits:
    """A process whose `run` is under way, as far as that matters here."""
    limits = SharedLimits(table, clock, SystemRandomness())
    limits._runs = True
    return limits


@settings(deadline=None)
@given(
    st.builds(Rate, count=st.integers(1, 200), period_ms=st.just(1_000), burst=st.integers(1, 300)),
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 80)), min_size=1, max_size=150),
)
async def test_processes_together_never_grant_more_than_the_rate(rate: Rate, calls: list[tuple[int, int]]) -> None:
    clock = Hands(seconds=100)
    table = Table(clock)
    processes = [process(table, clock) for _ in range(3)]
    granted = 0
    for who, pause_ms in calls:
        clock.seconds += pause_ms / 1000
        granted += (await processes[who].take("key", {"all": rate})).granted

    assert granted <= rate.burst + (clock.seconds - 100) * 1e6 // rate.interval_us


@settings(deadline=None)
@given(st.integers(1, 100), st.integers(1, 200))
@example(30, 199)  # the burst and the rate suffice for all, and one process keeps a token that nobody asks for
async def test_under_twice_the_load_processes_together_grant_what_the_rate_says(count: int, burst: int) -> None:
    clock = Hands(seconds=100)
    table, rate = Table(clock), Rate(count, 1_000, burst)
    processes = [process(table, clock) for _ in range(3)]
    granted = 0
    for call in range(12 * count):
        granted += (await processes[call % 3].take("key", {"all": rate})).granted
        clock.seconds += 0.5 / count
    held = sum(each.tokens for limits in processes for each in limits._held.values())

    elapsed_us = (clock.seconds - 0.5 / count - 100) * 1e6  # the clock's many small steps are off by less than one
    least, most = [burst + int((elapsed_us + off) // rate.interval_us) for off in (-1, 1)]
    assert min(12 * count, least - 1) <= granted + held <= most


async def test_a_busy_process_asks_the_server_for_an_eighth_of_its_requests() -> None:
    clock = Hands(seconds=100)
    table = Table(clock)
    limits = process(table, clock)
    for _ in range(81):
        await limits.take("key", {"all": Rate(100, 1_000, 1_000)})

    assert table.asked == 11


async def test_a_process_that_nobody_sweeps_holds_nothing() -> None:
    clock = Hands(seconds=100)
    table = Table(clock)
    limits = SharedLimits(table, clock, SystemRandomness())
    for _ in range(10):
        await limits.take("key", {"all": Rate(100, 1_000, 1_000)})

    assert table.asked == 10


async def test_a_refusal_is_told_again_without_asking_until_there_may_be_a_token() -> None:
    clock = Hands(seconds=100)
    table, rates = Table(clock), {"all": Rate(1, 1_000, 1)}
    limits = process(table, clock)
    for _ in range(10):
        await limits.take("key", rates)
    asked = table.asked
    clock.seconds += 1.001

    assert (asked, (await limits.take("key", rates)).granted) == (2, True)


async def test_tokens_that_lie_unused_are_given_back() -> None:
    clock = Hands(seconds=100)
    table, rates = Table(clock), {"all": Rate(1, 3_600_000, 160)}
    quiet, busy = process(table, clock), process(table, clock)
    for _ in range(2):
        await quiet.take("key", rates)
    clock.seconds += HELD_S
    await quiet._sweep(older_than_s=HELD_S)

    assert [(await busy.take("key", rates)).granted for _ in range(159)] == [True] * 158 + [False]


async def test_a_process_that_ends_gives_back_what_it_holds() -> None:
    clock = Hands(seconds=100)
    table, rates = Table(clock), {"all": Rate(1, 3_600_000, 160)}
    ending, other = process(table, clock), process(table, clock)
    for _ in range(2):
        await ending.take("key", rates)
    await ending.close()

    assert sum([(await other.take("key", rates)).granted for _ in range(200)]) == 158


async def test_without_the_server_each_process_grants_its_share() -> None:
    clock = Hands(seconds=100)
    table, rates = Table(clock), {"all": Rate(1, 3_600_000, 30)}
    processes = [process(table, clock) for _ in range(3)]
    for limits in (*processes, *processes):
        await limits._count()
    table.gone = True

    granted = [sum([(await limits.take("key", rates)).granted for _ in range(30)]) for limits in processes]

    assert granted == [10, 10, 10]


async def test_without_the_server_and_without_a_count_a_process_grants_the_whole_rate() -> None:
    clock = Hands(seconds=100)
    table, rates = Table(clock), {"all": Rate(1, 3_600_000, 30)}
    limits = process(table, clock)
    table.gone = True

    assert sum([(await limits.take("key", rates)).granted for _ in range(40)]) == 30


async def test_limiting_alone_is_told_until_the_server_is_back() -> None:
    clock = Hands(seconds=100)
    table, rates = Table(clock), {"all": Rate(1, 1_000, 30)}
    limits = process(table, clock)
    table.gone = True
    await limits.take("key", rates)
    alone = ALONE._value.get()
    table.gone = False
    await limits.take("key", rates)

    assert (alone, ALONE._value.get()) == (1, 0)


@pytest.mark.parametrize(("key", "name"), [("", "all"), ("k" * 513, "all"), ("{k}", "all"), ("k", ""), ("k", "{a}")])
async def test_keys_that_a_cluster_could_not_keep_together_are_refused(key: str, name: str) -> None:
    limits = open_limits("memory://", clock=Hands(), randomness=SystemRandomness())

    with pytest.raises(ValueError, match="characters, none of them a brace"):
        await limits.take(key, {name: Rate(1, 1_000, 1)})


async def test_a_decision_about_nothing_is_refused() -> None:
    limits = open_limits("memory://", clock=Hands(), randomness=SystemRandomness())

    with pytest.raises(ValueError, match="1 to 8"):
        await limits.take("key", {})
