from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.analytics.scans import BOT, NOON_MS, PREVIEW, Seen, batch, record, seen
from unit.analytics.world import World

from quietzone_analytics.projection import ScanStates
from quietzone_analytics.queries import CodeAnalytics, Interval, Question, Span, domain, get_code_analytics, starts
from quietzone_analytics.rollups import DAY_MS, SLOT_MS, CodeKey, Day, Rollups
from quietzone_kit.errors import InvalidInput

ZONES = ["UTC", "Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe", "America/St_Johns", "Pacific/Apia", "America/Havana"]
HOUR_MS = 3_600_000


def ms(text: str, zone: str = "UTC") -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


def local(time_ms: int, zone: str) -> str:
    return f"{datetime.fromtimestamp(time_ms / 1000, ZoneInfo(zone)):%Y-%m-%d %H:%M}"


def begun(first: str, end: str, interval: Interval, zone: str) -> list[int]:
    return starts(Span(ms(first, zone), ms(end, zone), interval, ZoneInfo(zone)))


def test_a_day_on_which_clocks_are_set_forward_has_23_hours() -> None:
    days = begun("2026-03-28", "2026-03-31", Interval.DAY, "Europe/Berlin")

    assert [(after - before) // HOUR_MS for before, after in pairwise(days)] == [24, 23]


def test_a_day_on_which_clocks_are_set_back_has_25_hours() -> None:
    assert len(begun("2026-10-25", "2026-10-26", Interval.HOUR, "Europe/Berlin")) == 25


def test_a_day_that_its_zone_left_out_has_no_interval() -> None:
    days = begun("2011-12-29", "2012-01-01", Interval.DAY, "Pacific/Apia")

    assert [local(day, "Pacific/Apia") for day in days] == ["2011-12-29 00:00", "2011-12-31 00:00"]


def test_a_day_without_midnight_begins_when_clocks_are_set() -> None:
    """Cairo's clocks go from 00:00 to 01:00 in the night to 2026-04-24."""
    days = begun("2026-04-23", "2026-04-25", Interval.DAY, "Africa/Cairo")

    assert [local(day, "Africa/Cairo") for day in days] == ["2026-04-23 00:00", "2026-04-24 01:00"]


def test_weeks_begin_on_monday() -> None:
    weeks = begun("2026-03-04", "2026-03-17", Interval.WEEK, "Europe/Berlin")

    assert [local(week, "Europe/Berlin") for week in weeks] == ["2026-03-02 00:00", "2026-03-09 00:00", "2026-03-16 00:00"]


def test_months_begin_on_their_first_day() -> None:
    months = begun("2026-01-31", "2026-04-01", Interval.MONTH, "Asia/Kathmandu")

    assert [local(month, "Asia/Kathmandu") for month in months] == ["2026-01-01 00:00", "2026-02-01 00:00", "2026-03-01 00:00"]


def test_hours_are_those_of_the_zones_clocks() -> None:
    hours = begun("2026-01-01 08:10", "2026-01-01 10:00", Interval.HOUR, "Asia/Kathmandu")

    assert [local(hour, "Asia/Kathmandu")[-5:] for hour in hours] == ["08:00", "09:00"]


@given(st.sampled_from(ZONES), st.sampled_from(Interval), st.integers(0, 70_000 * 96), st.integers(1, 31 * 96))
def test_intervals_rise_and_the_first_begins_no_later_than_the_span(zone: str, interval: Interval, slot: int, slots: int) -> None:
    span = Span(slot * SLOT_MS, (slot + slots) * SLOT_MS, interval, ZoneInfo(zone))

    found = starts(span)

    assert found[0] <= span.from_ms
    assert all(span.from_ms < start < span.to_ms for start in found[1:])
    assert found == sorted(set(found))


def asked(first: str, end: str, interval: Interval = Interval.DAY, *, zone: str = "UTC", code_id: str = "menu") -> Question:
    return Question(code_id, ms(first, zone or "UTC"), ms(end, zone or "UTC"), interval, zone)


@pytest.fixture
async def world() -> World:
    return await World.new()


async def answer(world: World, question: Question, account_id: str = "acme") -> CodeAnalytics:
    return await get_code_analytics(Rollups(world.store), ScanStates(world.store), account_id, question)


async def test_an_answer_has_what_was_counted(world: World) -> None:
    scans = [*seen([1, 2], country="DE", visitor=7), Seen(3, country="AT", visitor=8), Seen(4, scan_class=BOT), Seen(5, scan_class=PREVIEW)]
    await world.count(record(batch(scans, prev_seq=0), 0, time_ms=NOON_MS + 3))

    told = await answer(world, asked("2026-03-01", "2026-03-04"))

    assert [scans for _, scans in told.series.points] == [0, 3, 0]
    assert (told.series.scans, told.days.bots, told.days.previews, told.days.visitor_days, told.all_time_scans) == (3, 1, 1, 2, 3)
    assert told.days.breakdowns[0] == domain.Breakdown("country", (("DE", 2), ("AT", 1)), 0)
    assert told.counted_until_ms == NOON_MS + 3


async def test_another_accounts_code_has_zeros(world: World) -> None:
    await world.count(record(batch(seen([1]), prev_seq=0), 0))

    told = await answer(world, asked("2026-03-01", "2026-03-04"), account_id="bolt")

    assert (told.series.scans, told.all_time_scans, told.counted_until_ms, len(told.series.points)) == (0, 0, 0, 3)


async def test_a_total_follows_the_quarters_and_breakdowns_the_utc_days(world: World) -> None:
    await world.count(record(batch([Seen(1), Seen(2, time_ms=NOON_MS + SLOT_MS)], prev_seq=0), 0))

    told = await answer(world, asked("2026-03-02 12:00", "2026-03-02 12:15"))

    assert (told.series.scans, sum(scans for _, scans in told.days.breakdowns[0].values)) == (1, 2)
    assert (told.span.first_day, told.span.end_day) == (NOON_MS // DAY_MS, NOON_MS // DAY_MS + 1)


async def test_a_span_is_widened_to_quarters_of_an_hour(world: World) -> None:
    await world.count(record(batch(seen([1]), prev_seq=0), 0))

    told = await answer(world, Question("menu", NOON_MS + 1, NOON_MS + 2, Interval.DAY, ""))

    assert (told.span.from_ms, told.span.to_ms, told.series.scans) == (NOON_MS, NOON_MS + SLOT_MS, 1)


async def test_the_visitors_of_several_days_are_added_up(world: World) -> None:
    await world.count(record(batch([Seen(1, visitor=7), Seen(2, visitor=7, time_ms=NOON_MS + DAY_MS)], prev_seq=0), 0))

    assert (await answer(world, asked("2026-03-01", "2026-03-09"))).days.visitor_days == 2


@given(
    st.lists(st.integers(-3 * 96, 6 * 96), min_size=1, max_size=30),
    st.sampled_from(ZONES),
    st.sampled_from(Interval),
    st.integers(-2 * 96, 2 * 96),
    st.integers(1, 4 * 96),
)
@settings(max_examples=150)
def test_the_series_adds_up_to_the_scans_of_the_span_in_any_zone(
    slots: list[int], zone: str, interval: Interval, first: int, length: int
) -> None:
    span = Span(NOON_MS + first * SLOT_MS, NOON_MS + (first + length) * SLOT_MS, interval, ZoneInfo(zone))
    scans = [NOON_MS + slot * SLOT_MS for slot in slots]
    days: dict[int, Day] = {}
    for time_ms in scans:
        days.setdefault(time_ms // DAY_MS, Day.empty()).slots[time_ms % DAY_MS // SLOT_MS] += 1
    adder = domain.Adder(span)
    for number in range(span.first_day, span.end_day):
        if number in days:
            adder.add(number, days[number])

    assert adder.series().scans == sum(span.from_ms <= time_ms < span.to_ms for time_ms in scans)


def test_an_answer_has_the_500_most_frequent_values_and_the_rest_as_other() -> None:
    adder = domain.Adder(Span(NOON_MS, NOON_MS + 2 * DAY_MS, Interval.DAY, UTC))
    for number in range(2):
        day = Day.empty()
        day.dimensions[4].counts = {f"host-{number}-{at:03}": at + 1 for at in range(400)}
        day.dimensions[4].other = 5
        adder.add(NOON_MS // DAY_MS + number, day)

    referrers = adder.days().breakdowns[4]

    assert len(referrers.values) == 500
    assert referrers.values[:3] == (("host-0-399", 400), ("host-1-399", 400), ("host-0-398", 399))
    assert sum(scans for _, scans in referrers.values) + referrers.other == 2 * (400 * 401 // 2 + 5)


def test_values_that_are_held_while_adding_are_bounded_and_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(domain, "MAX_HELD", 100)
    adder = domain.Adder(Span(NOON_MS, NOON_MS + DAY_MS, Interval.DAY, UTC))
    for number in range(5):
        day = Day.empty()
        day.dimensions[4].counts = {f"host-{number}-{at}": 1 for at in range(90)}
        adder.add(NOON_MS // DAY_MS, day)

    referrers = adder.days().breakdowns[4]

    assert (len(referrers.values) <= 100, sum(scans for _, scans in referrers.values) + referrers.other) == (True, 450)


DAY_INTERVAL = Interval.DAY
WRONG = {
    "a code id that isn't one": (Question("me#nu", 0, 1, DAY_INTERVAL, ""), "code_id"),
    "no code": (Question("", 0, 1, DAY_INTERVAL, ""), "code_id"),
    "a zone that isn't": (Question("menu", 0, 1, DAY_INTERVAL, "Mars/Olympus"), "zone"),
    "a folder of zones": (Question("menu", 0, 1, DAY_INTERVAL, "Europe"), "zone"),
    "a path": (Question("menu", 0, 1, DAY_INTERVAL, "../../etc/passwd"), "zone"),
    "an end before its beginning": (Question("menu", 5, 5, DAY_INTERVAL, ""), "to_ms"),
    "a time before 1970": (Question("menu", -1, 5, DAY_INTERVAL, ""), "from_ms"),
    "a time after 9999": (Question("menu", 0, 2**62, DAY_INTERVAL, ""), "to_ms"),
    "a span that is too long": (Question("menu", 0, 1_101 * DAY_MS, DAY_INTERVAL, ""), "to_ms"),
    "a span that is too long for hours": (Question("menu", 0, 93 * DAY_MS, Interval.HOUR, ""), "to_ms"),
    "a span that is too long for quarters": (Question("menu", 0, 32 * DAY_MS, Interval.QUARTER_HOUR, ""), "to_ms"),
}


@pytest.mark.parametrize(("question", "field"), WRONG.values(), ids=WRONG.keys())
async def test_what_is_wrong_with_a_question_is_said_by_field(world: World, question: Question, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        await answer(world, question)
    assert [violation.field for violation in refused.value.violations] == [field]


async def test_all_that_is_wrong_is_said_at_once(world: World) -> None:
    with pytest.raises(InvalidInput) as refused:
        await answer(world, Question("", 5, 4, DAY_INTERVAL, "nowhere"))
    assert {violation.field for violation in refused.value.violations} == {"code_id", "zone", "to_ms"}


@pytest.mark.parametrize("interval", Interval)
async def test_the_longest_span_may_lie_anywhere(world: World, interval: Interval) -> None:
    length = interval.max_days * DAY_MS

    told = await answer(world, Question("menu", NOON_MS + 7, NOON_MS + 7 + length, interval, "Australia/Lord_Howe"))

    assert told.span.to_ms - told.span.from_ms == length + SLOT_MS


async def test_days_are_found_however_many_pages_they_take(world: World) -> None:
    scans = [Seen(number + 1, time_ms=NOON_MS + number * DAY_MS) for number in range(0, 500, 50)]
    await world.count(record(batch(scans, prev_seq=0), 0))

    found = [number async for number, _ in Rollups(world.store).days(CodeKey("acme", "menu"), 0, NOON_MS // DAY_MS + 451)]

    assert found == [one.time_ms // DAY_MS for one in scans]
