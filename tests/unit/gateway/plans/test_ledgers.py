"""Replicas that count an account's use: histories with crashes, lost answers and midnight between them."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.gateway.plans.places import world

from quietzone_gateway.plans.ledgers import RETRY_S, SETTLE_S, Ledgers, QuotaUsed
from quietzone_gateway.plans.quotas import usage_id
from quietzone_gateway.plans.repository import USAGE
from quietzone_kit.errors import Unavailable

MONTH, DAY, CODES, BYTES = "requests/month", "requests/day", "codes/month", "bytes/month"
ONE = {MONTH: 1, DAY: 1}
THREE = 3

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("use"), st.integers(0, 2), st.integers(1, 12)),
        st.tuples(st.just("settle"), st.integers(0, 2), st.just(0)),
        st.tuples(st.just("crash"), st.integers(0, 2), st.just(0)),
        st.tuples(st.just("lose"), st.just(0), st.just(0)),
        st.tuples(st.just("refuse"), st.just(0), st.just(0)),
        st.tuples(st.just("wait"), st.just(0), st.integers(1, 5)),
    ),
    min_size=1,
    max_size=60,
)


async def admitted(replica: Ledgers, times: int, limits: dict[str, int], needs: dict[str, int] = ONE) -> int:
    """How many of so many requests were admitted."""
    count = 0
    for _ in range(times):
        try:
            await replica.take("main", needs, limits)
        except (QuotaUsed, Unavailable):
            continue
        count += 1
    return count


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 150), STEPS)
async def test_replicas_never_admit_more_than_the_limit_and_all_of_it_when_none_has_died(
    limit: int, steps: list[tuple[str, int, int]]
) -> None:
    limits, total, crashes = {MONTH: limit}, 0, 0
    async with world() as here:
        replicas = [here.replica() for _ in range(THREE)]
        for step, who, amount in steps:
            match step:
                case "use":
                    total += await admitted(replicas[who], amount, limits)
                case "settle":
                    await replicas[who].settle(older_than_s=0)
                case "crash":
                    replicas[who] = here.replica()
                    crashes += 1
                case "lose" | "refuse":
                    here.documents.faults.append("lost" if step == "lose" else "refused")
                case _:
                    here.clock.seconds += amount
            assert total <= limit
        here.documents.faults.clear()
        for _ in range(2 * THREE):
            here.clock.seconds += SETTLE_S + 1
            for replica in replicas:
                await replica.settle()
        total += await admitted(replicas[0], limit + 1, limits)

        assert total == limit if not crashes else total <= limit


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 40), st.lists(st.tuples(st.integers(0, 2), st.integers(1, 10), st.integers(0, 4)), min_size=1, max_size=30))
async def test_no_day_and_no_month_has_more_than_its_limit_over_midnights(limit: int, uses: list[tuple[int, int, int]]) -> None:
    limits = {DAY: limit, MONTH: 3 * limit}
    async with world() as here:
        replicas = [here.replica() for _ in range(THREE)]
        by_day: dict[str, int] = {}
        for who, times, hours in uses:
            here.clock.seconds += 11 * 3600 * hours
            day = replicas[who].today
            by_day[day] = by_day.get(day, 0) + await admitted(replicas[who], times, limits)

    assert max(by_day.values()) <= limit
    assert sum(count for day, count in by_day.items() if day.startswith("2026-11")) <= 3 * limit


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 400), st.integers(1, 60))
async def test_a_replica_that_dies_costs_at_most_what_it_held(limit: int, used: int) -> None:
    limits = {MONTH: limit}
    async with world() as here:
        dying, other = here.replica(), here.replica()
        total = await admitted(dying, used, limits)
        held = sum(ledger.left.get(MONTH, 0) for ledger in dying._ledgers.values())
        total += await admitted(other, limit + 1, limits)

        assert total == limit - held
        assert held <= max(0, limit // 100)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2_000), st.lists(st.tuples(st.integers(0, 2), st.integers(1, 120)), min_size=1, max_size=12))
async def test_requests_at_once_are_admitted_up_to_exactly_the_limit(limit: int, callers: list[tuple[int, int]]) -> None:
    limits = {MONTH: limit, DAY: 2 * limit}
    async with world() as here:
        replicas = [here.replica() for _ in range(THREE)]
        async with asyncio.TaskGroup() as group:
            settling = [group.create_task(_settle_always(replica)) for replica in replicas]
            first = sum(await asyncio.gather(*(admitted(replicas[who], times, limits) for who, times in callers)))
            for task in settling:
                task.cancel()
        for replica in (*replicas, *replicas):
            await replica.settle(older_than_s=0)
        here.clock.seconds += 2

        assert first <= limit
        assert first + await admitted(replicas[0], limit + 1, limits) == limit


async def test_a_busy_account_asks_the_store_seldom() -> None:
    async with world() as here:
        replica = here.replica()
        await admitted(replica, 1_000, {MONTH: 1_000_000})
        stored = await here.documents.get(USAGE, usage_id("main", "2026-11"))

    assert stored.version <= 12


async def test_without_a_quota_nothing_is_asked_and_all_is_counted() -> None:
    async with world() as here:
        replica = here.replica()
        here.documents.faults = ["refused"]
        await admitted(replica, 5, {})
        here.documents.faults = []

        assert (await replica.look("main", {})).used == {MONTH: 5, DAY: 5}


async def test_without_the_store_what_needs_a_quota_is_refused_and_nothing_counts_twice_when_it_is_back() -> None:
    async with world() as here:
        replica = here.replica()
        count = await admitted(replica, 1, {MONTH: 100})
        here.documents.faults = ["refused", "lost", "refused", "lost"]
        count += await admitted(replica, 6, {MONTH: 100})

        assert (count, (await replica.look("main", {MONTH: 100})).used[MONTH]) == (count, count)


async def test_a_refusal_says_when_the_period_ends() -> None:
    async with world() as here:
        replica = here.replica()
        with pytest.raises(QuotaUsed) as day:
            await replica.take("main", ONE, {DAY: 0})
        with pytest.raises(QuotaUsed) as month:
            await replica.take("main", ONE, {MONTH: 0})

    assert (day.value.retry_s, month.value.retry_s) == (12 * 3600, (9 * 24 + 12) * 3600)


async def test_while_others_hold_some_a_refusal_says_to_come_back_soon() -> None:
    limits = {CODES: 10}
    async with world() as here:
        holder, other = here.replica(), here.replica()
        await holder.take("main", {CODES: 10}, limits)
        holder.add("main", {CODES: -4}, holder.today, limits)
        with pytest.raises(QuotaUsed) as soon:
            await other.take("main", {CODES: 1}, limits)

    assert soon.value.retry_s == RETRY_S


async def test_what_came_back_can_be_used_again_by_others() -> None:
    limits = {CODES: 10}
    async with world() as here:
        holder, other = here.replica(), here.replica()
        await holder.take("main", {CODES: 10}, limits)
        holder.add("main", {CODES: -4}, holder.today, limits)
        await holder.settle(older_than_s=0)

        assert await admitted(other, 10, limits, {CODES: 1}) == 4


async def test_whoever_needs_many_gets_all_or_none() -> None:
    limits = {CODES: 10}
    async with world() as here:
        replica = here.replica()
        with pytest.raises(QuotaUsed):
            await replica.take("main", {CODES: 11}, limits)

        assert await admitted(replica, 1, limits, {CODES: 10}) == 1


async def test_beyond_the_quota_of_bytes_no_further_request_begins() -> None:
    limits = {BYTES: 1_000}
    async with world() as here:
        replica = here.replica()
        day = await replica.take("main", ONE, limits, (BYTES,))
        replica.add("main", {BYTES: 1_500}, day, limits)
        with pytest.raises(QuotaUsed):
            await replica.take("main", ONE, limits, (BYTES,))

        assert (await replica.look("main", limits)).used[BYTES] == 1_500


async def test_a_plan_that_is_changed_holds_with_the_next_request() -> None:
    async with world() as here:
        replica = here.replica()
        await admitted(replica, 5, {MONTH: 5})

        assert await admitted(replica, 5, {MONTH: 7}) == 2


async def test_a_replica_that_is_drained_leaves_nothing_held() -> None:
    async with world() as here:
        replica = here.replica()
        await admitted(replica, 50, {MONTH: 100_000})
        await replica.close()
        held = await here.store.get("main", usage_id("main", "2026-11"))

    assert held is not None
    assert (held.usage.held, held.usage.used[MONTH]) == ({}, 50)


async def test_an_account_that_is_quiet_leaves_memory_and_keeps_its_counts() -> None:
    async with world() as here:
        replica = here.replica()
        await admitted(replica, 5, {MONTH: 100})
        for _ in range(2):
            here.clock.seconds += SETTLE_S
            await replica.settle()
        kept = len(replica._ledgers)

        assert (kept, (await replica.look("main", {MONTH: 100})).used[MONTH]) == (0, 5)


async def test_one_account_does_not_see_anothers_month() -> None:
    async with world() as here:
        await admitted(here.replica(), 5, {MONTH: 100})

        assert await here.store.get("other", usage_id("main", "2026-11")) is None


async def test_what_an_older_release_does_not_know_stays() -> None:
    async with world() as here:
        replica = here.replica()
        await admitted(replica, 1, {MONTH: 100})
        stored = await here.documents.get(USAGE, usage_id("main", "2026-11"))
        await here.documents.replace(USAGE, {**stored.body, "later": 1}, if_version=stored.version)
        await admitted(replica, 5, {MONTH: 100})
        await replica.settle(older_than_s=0)
        stored = await here.documents.get(USAGE, usage_id("main", "2026-11"))

    assert (stored.body["later"], stored.body["used"][MONTH]) == (1, 6)


async def _settle_always(replica: Ledgers) -> None:
    while True:
        await replica.settle(older_than_s=0)
        await asyncio.sleep(0)
