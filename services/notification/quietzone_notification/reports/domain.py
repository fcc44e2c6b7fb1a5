"""Weeks, and what a report of one says. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

DAY_MS = 86_400_000
WEEK_MS = 7 * DAY_MS

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
EPOCH_DAY = 3
"""1970-01-01 was a Thursday."""

TOP = 10
"""Codes that a report names: what a page has room for."""
UNTITLED = "Untitled"
MAX_TITLE = 200
"""Characters of a title, as codes have them."""

_MOMENT = re.compile(r"(?P<day>[a-z]+) (?P<hour>[01][0-9]|2[0-3]):(?P<minute>[0-5][0-9])")


class InvalidSchedule(ValueError):
    """No moment of a week: says what would do."""


@dataclass(frozen=True, slots=True)
class Week:
    """Seven UTC days from `from_ms`, a midnight."""

    from_ms: int

    @property
    def to_ms(self) -> int:
        """The first moment after it."""
        return self.from_ms + WEEK_MS

    @property
    def before(self) -> "Week":
        """The week before."""
        return Week(self.from_ms - WEEK_MS)

    @property
    def name(self) -> str:
        """Its first day, as 2026-03-02: one of the same name is the same."""
        return f"{_moment(self.from_ms):%Y-%m-%d}"

    def days(self) -> list[str]:
        """Its days for people, as Mon 2 Mar."""
        moments = (_moment(self.from_ms + number * DAY_MS) for number in range(7))
        return [f"{moment:%a} {moment.day} {moment:%b}" for moment in moments]

    def shown(self) -> str:
        """The week for people, as 2 March 2026 to 8 March 2026."""
        first, last = _moment(self.from_ms), _moment(self.to_ms - DAY_MS)
        return f"{first.day} {first:%B %Y} to {last.day} {last:%B %Y}"


@dataclass(frozen=True, slots=True)
class Schedule:
    """A moment that comes once a week: `offset_ms` from midnight of a Monday, UTC."""

    offset_ms: int

    @classmethod
    def parse(cls, text: str) -> "Schedule":
        """`monday 08:00`, UTC; raises InvalidSchedule."""
        found = _MOMENT.fullmatch(text)
        if found is None or found["day"] not in DAYS:
            raise InvalidSchedule("write it as monday 08:00, a day of the week and a time in UTC")
        return cls(DAYS.index(found["day"]) * DAY_MS + int(found["hour"]) * 3_600_000 + int(found["minute"]) * 60_000)

    def latest_ms(self, now_ms: int) -> int:
        """When it was last."""
        monday_ms = -EPOCH_DAY * DAY_MS  # that before 1970
        return now_ms - (now_ms - monday_ms - self.offset_ms) % WEEK_MS

    def week_at(self, moment_ms: int) -> Week:
        """The seven whole days before the day of a moment."""
        return Week(moment_ms // DAY_MS * DAY_MS - WEEK_MS)


@dataclass(frozen=True, slots=True)
class CodeScans:
    """Scans of a code, one number a day."""

    code_id: str
    days: tuple[int, ...]

    @property
    def total(self) -> int:
        """Of all days."""
        return sum(self.days)


@dataclass(slots=True)
class Sum:
    """Adds up codes; only the most scanned are held, whatever their number."""

    days: list[int] = field(default_factory=lambda: [0] * 7)
    codes: int = 0
    top: list[CodeScans] = field(default_factory=list)

    @property
    def scans(self) -> int:
        """Of all codes and days."""
        return sum(self.days)

    def add(self, code: CodeScans) -> None:
        """One more code that was scanned."""
        self.codes += 1
        self.days = [before + more for before, more in zip(self.days, code.days, strict=True)]
        self.top = sorted([*self.top, code], key=lambda each: (-each.total, each.code_id))[:TOP]


@dataclass(frozen=True, slots=True)
class Report:
    """What is told of an account's week; `before` are the scans of the week before."""

    account_name: str
    week: Week
    days: tuple[int, ...]
    codes: int
    top: tuple[tuple[str, int], ...]
    before: int

    @property
    def scans(self) -> int:
        """Of the week."""
        return sum(self.days)

    def data(self) -> dict[str, object]:
        """What fills the template, of the mail and of the PDF."""
        return {
            "account": self.account_name,
            "week": self.week.shown(),
            "scans": self.scans,
            "before": self.before,
            "change": change_of(self.before, self.scans),
            "days": [{"day": day, "scans": scans} for day, scans in zip(self.week.days(), self.days, strict=True)],
            "codes": [{"title": title, "scans": scans} for title, scans in self.top],
            "more": self.codes - len(self.top),
        }


def report_of(account_name: str, week: Week, found: Sum, titles: Mapping[str, str], *, before: int) -> Report:
    """The report of what was added up; `titles` are of those codes whose title is known."""
    top = tuple((title_of(titles.get(code.code_id, "")), code.total) for code in found.top)
    return Report(account_name, week, tuple(found.days), found.codes, top, before)


def title_of(title: str) -> str:
    """What a code is called for people."""
    return title[:MAX_TITLE] or UNTITLED


def change_of(before: int, after: int) -> str:
    """How a number has changed, in words."""
    if not before:
        return "none the week before"
    percent = round(100 * (after - before) / before)
    if not percent:
        return f"as the week before ({before:,})"
    return f"{abs(percent):,} % {'more' if percent > 0 else 'fewer'} than the week before ({before:,})"


def day_numbers(days: Sequence[int]) -> tuple[int, ...]:
    """Seven numbers of a week's days; raises ValueError."""
    if len(days) != 7:
        raise ValueError(f"{len(days)} days of a week")
    return tuple(days)


def _moment(time_ms: int) -> datetime:
    return datetime.fromtimestamp(time_ms // 1_000, UTC)
