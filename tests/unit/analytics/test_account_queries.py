from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.analytics.scans import BOT, DAY_MS, NOON_MS, Seen, batch, record
from unit.analytics.world import World

from quietzone_analytics.queries import AccountUsage, get_account_usage, get_totals
from quietzone_analytics.rollups import Rollups, month_of, month_start_ms
from quietzone_kit.errors import InvalidInput


@pytest.fixture
async def world() -> World:
    return await World.new()


def ms(day: str) -> int:
    return round(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp() * 1000)


async def usage(world: World, from_ms: int, to_ms: int, account: str = "acme") -> AccountUsage:
    return await get_account_usage(Rollups(world.store), account, from_ms, to_ms, partitions=16)


async def test_totals_come_in_the_order_asked_for_and_a_code_may_be_asked_for_twice(world: World) -> None:
    await world.count(record(batch([Seen(1), Seen(2), Seen(3, code="door")], prev_seq=0), 0))

    assert await get_totals(Rollups(world.store), "acme", ["door", "none", "menu", "door"]) == [1, 0, 2, 1]


async def test_totals_are_of_people(world: World) -> None:
    await world.count(record(batch([Seen(1), Seen(2, scan_class=BOT)], prev_seq=0), 0))

    assert await get_totals(Rollups(world.store), "acme", ["menu"]) == [1]


async def test_totals_of_another_accounts_codes_are_zero(world: World) -> None:
    await world.count(record(batch([Seen(1)], prev_seq=0), 0))

    assert await get_totals(Rollups(world.store), "other", ["menu"]) == [0]


@pytest.mark.parametrize("code_ids", [[], ["menu"] * 101, ["me#nu"], [""]], ids=["none", "101", "no id", "empty"])
async def test_totals_are_of_1_to_100_ids(world: World, code_ids: list[str]) -> None:
    with pytest.raises(InvalidInput, match="code_ids"):
        await get_totals(Rollups(world.store), "acme", code_ids)


async def test_an_account_is_counted_by_whole_months(world: World) -> None:
    scans = [Seen(1), Seen(2, code="door", time_ms=NOON_MS + DAY_MS), Seen(3, time_ms=NOON_MS - 31 * DAY_MS)]
    await world.count(record(batch(scans, prev_seq=0), 0))

    assert await usage(world, NOON_MS, NOON_MS + 1) == AccountUsage(2, ms("2026-03-01"), ms("2026-04-01"))


async def test_months_of_a_span_are_added_up(world: World) -> None:
    await world.count(record(batch([Seen(1), Seen(2, time_ms=NOON_MS - 31 * DAY_MS)], prev_seq=0), 0))

    assert await usage(world, ms("2026-01-15"), NOON_MS) == AccountUsage(2, ms("2026-01-01"), ms("2026-04-01"))


async def test_another_account_has_used_nothing(world: World) -> None:
    await world.count(record(batch([Seen(1)], prev_seq=0), 0))

    assert (await usage(world, NOON_MS, NOON_MS + 1, "other")).scans == 0


@pytest.mark.parametrize(
    ("from_ms", "to_ms", "field"),
    [(5, 5, "to_ms"), (-1, 5, "from_ms"), (2**62, 2**62 + 1, "to_ms"), (0, 1_101 * DAY_MS, "to_ms")],
    ids=["no span", "before 1970", "after 9999", "too long"],
)
async def test_what_is_wrong_with_a_span_is_said_by_field(world: World, from_ms: int, to_ms: int, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        await usage(world, from_ms, to_ms)
    assert field in [violation.field for violation in refused.value.violations]


@given(st.integers(0, 253_370_764_799_999))
def test_a_moment_lies_in_its_month(time_ms: int) -> None:
    month = month_of(time_ms)

    assert month_start_ms(month) <= time_ms < month_start_ms(month + 1)
