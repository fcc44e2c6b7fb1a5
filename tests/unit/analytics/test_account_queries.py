from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.analytics.scans import BOT, DAY_MS, NOON_MS, Seen, batch, record
from unit.analytics.world import World

from quietzone_analytics.queries import AccountUsage, CodeDays, CodeDaysPage, get_account_usage, get_totals, list_code_scans
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


async def listed(world: World, days: int = 2, *, size: int = 0, token: str = "", account: str = "acme") -> CodeDaysPage:
    """A page of codes from the day of noon on."""
    from_ms = NOON_MS // DAY_MS * DAY_MS
    return await list_code_scans(Rollups(world.store), account, from_ms, from_ms + days * DAY_MS, page_size=size, page_token=token)


async def test_scans_of_each_code_are_listed_by_day(world: World) -> None:
    scans = [Seen(1), Seen(2), Seen(3, code="door", time_ms=NOON_MS + DAY_MS), Seen(4, code="door", scan_class=BOT)]
    await world.count(record(batch(scans, prev_seq=0), 0))

    assert (await listed(world)).codes == (CodeDays("door", (0, 1)), CodeDays("menu", (2, 0)))


async def test_codes_without_scans_in_a_span_are_not_listed(world: World) -> None:
    await world.count(record(batch([Seen(1), Seen(2, code="door", time_ms=NOON_MS + 5 * DAY_MS)], prev_seq=0), 0))

    assert [code.code_id for code in (await listed(world)).codes] == ["menu"]


async def test_pages_of_codes_together_have_each_once(world: World) -> None:
    names = [f"code{number:02}" for number in range(7)]
    await world.count(record(batch([Seen(number + 1, code=name) for number, name in enumerate(names)], prev_seq=0), 0))

    found, token = list[str](), ""
    while True:
        page = await listed(world, size=3, token=token)
        found += [code.code_id for code in page.codes]
        if page.next_token is None:
            break
        token = page.next_token

    assert found == names


async def test_nobody_elses_codes_are_listed(world: World) -> None:
    await world.count(record(batch([Seen(1)], prev_seq=0), 0))

    assert (await listed(world, account="other")).codes == ()


async def test_a_list_holds_whole_days_however_the_span_cuts_them(world: World) -> None:
    await world.count(record(batch([Seen(1)], prev_seq=0), 0))

    page = await list_code_scans(Rollups(world.store), "acme", NOON_MS + 1, NOON_MS + 2, page_size=0, page_token="")

    assert page.codes == (CodeDays("menu", (1,)),)


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("to_ms", {"days": 32}),
        ("to_ms", {"days": 0}),
        ("page_size", {"size": 101}),
        ("page_size", {"size": -1}),
        ("page_token", {"token": "x"}),
    ],
)
async def test_a_list_of_codes_says_which_field_is_wrong(world: World, field: str, changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match=field):
        await listed(world, **changes)
