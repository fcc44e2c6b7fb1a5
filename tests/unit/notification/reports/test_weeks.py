"""Weeks, when their reports are made, and what these say."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quietzone_notification.reports.domain import (
    DAYS,
    TOP,
    WEEK_MS,
    CodeScans,
    InvalidSchedule,
    Schedule,
    Sum,
    Week,
    change_of,
    day_numbers,
    report_of,
)

MONDAY = Schedule.parse("monday 08:00")


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1_000)


@pytest.mark.parametrize(
    ("now", "latest"),
    [
        ("2026-03-02T08:00", "2026-03-02T08:00"),
        ("2026-03-02T07:59", "2026-02-23T08:00"),
        ("2026-03-04T12:00", "2026-03-02T08:00"),
        ("2026-03-08T23:59", "2026-03-02T08:00"),
        ("1970-01-01T00:00", "1969-12-29T08:00"),
    ],
)
def test_the_latest_moment_is_found_whenever_somebody_looks(now: str, latest: str) -> None:
    assert MONDAY.latest_ms(ms(now)) == ms(latest)


@given(st.integers(0, 4_000_000_000_000), st.sampled_from(DAYS), st.integers(0, 23), st.integers(0, 59))
def test_the_latest_moment_is_on_its_day_and_less_than_a_week_ago(now_ms: int, day: str, hour: int, minute: int) -> None:
    latest_ms = Schedule.parse(f"{day} {hour:02}:{minute:02}").latest_ms(now_ms)

    moment = datetime.fromtimestamp(latest_ms // 1_000, UTC)
    assert 0 <= now_ms - latest_ms < WEEK_MS
    assert (f"{moment:%A}".lower(), moment.hour, moment.minute) == (day, hour, minute)


@pytest.mark.parametrize(
    "text", ["", "monday", "mon 08:00", "Monday 08:00", "monday 8:00", "monday 24:00", "monday 08:60", "monday 08:00 "]
)
def test_what_is_no_moment_of_a_week_is_refused(text: str) -> None:
    with pytest.raises(InvalidSchedule, match="monday 08:00"):
        Schedule.parse(text)


def test_a_report_is_about_the_seven_whole_days_before() -> None:
    week = MONDAY.week_at(ms("2026-03-09T08:00"))

    assert (week.from_ms, week.to_ms) == (ms("2026-03-02T00:00"), ms("2026-03-09T00:00"))


def test_a_week_is_called_by_its_first_day_and_shown_as_people_say_it() -> None:
    week = Week(ms("2026-03-02T00:00"))

    assert (week.name, week.shown()) == ("2026-03-02", "2 March 2026 to 8 March 2026")
    assert week.days()[0] == "Mon 2 Mar"
    assert week.before == Week(week.from_ms - WEEK_MS)


@given(st.lists(st.lists(st.integers(0, 50), min_size=7, max_size=7), max_size=40))
def test_sums_are_exact_and_name_the_most_scanned(rows: list[list[int]]) -> None:
    found = Sum()
    for number, row in enumerate(rows):
        found.add(CodeScans(f"c{number:02}", tuple(row)))

    assert found.days == [sum(row[day] for row in rows) for day in range(7)]
    assert (found.codes, found.scans) == (len(rows), sum(map(sum, rows)))
    most = sorted(((sum(row), f"c{number:02}") for number, row in enumerate(rows)), key=lambda each: (-each[0], each[1]))[:TOP]
    assert [(code.total, code.code_id) for code in found.top] == most


def test_a_report_names_codes_by_their_titles_where_these_are_known() -> None:
    found = Sum()
    for number in range(TOP + 3):
        found.add(CodeScans(f"c{number:02}", (20 - number, 0, 0, 0, 0, 0, 0)))

    data = report_of("Ours", Week(0), found, {"c00": "Menu", "c01": ""}, before=5).data()

    assert data["codes"] == [{"title": "Menu" if number == 0 else "Untitled", "scans": 20 - number} for number in range(TOP)]
    assert (data["more"], data["account"], data["before"]) == (3, "Ours", 5)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (0, 7, "none the week before"),
        (10, 10, "as the week before (10)"),
        (10, 15, "50 % more than the week before (10)"),
        (1_000, 250, "75 % fewer than the week before (1,000)"),
        (1, 100_000, "9,999,900 % more than the week before (1)"),
    ],
)
def test_a_change_is_said_in_words(before: int, after: int, said: str) -> None:
    assert change_of(before, after) == said


@pytest.mark.parametrize("days", [[], [1] * 6, [1] * 8])
def test_a_week_that_has_not_seven_days_is_none(days: list[int]) -> None:
    with pytest.raises(ValueError, match="days of a week"):
        day_numbers(days)
