"""A span of time cut into intervals of a zone's calendar, and the counts of a code over it."""

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from enum import Enum

from quietzone_analytics.rollups.domain import DAY_MS, SLOT_MS, SLOTS, Day
from quietzone_analytics.rollups.scans import DIMENSIONS

HOUR_MS = 4 * SLOT_MS

EARLIEST_MS = 0
LATEST_MS = 253_370_764_800_000  # 9999-01-01: a calendar's next year must still exist

MAX_DAYS = 1_100  # three years; as many documents are read

MAX_VALUES = 500  # of a dimension in an answer
MAX_HELD = 50_000
"""Values of a dimension that are held while days are added: 10 MB. Of more, the rarer half becomes `other`; sums stay exact."""


class Interval(Enum):
    """The width of a point in a series, and the longest span that may be asked for with it, in days."""

    QUARTER_HOUR = ("quarter_hour", 31)
    HOUR = ("hour", 92)
    DAY = ("day", MAX_DAYS)
    WEEK = ("week", MAX_DAYS)
    MONTH = ("month", MAX_DAYS)

    @property
    def max_days(self) -> int:
        """The longest span."""
        return self.value[1]


@dataclass(frozen=True, slots=True)
class Span:
    """From `from_ms` to below `to_ms`, both at quarters of an hour."""

    from_ms: int
    to_ms: int
    interval: Interval
    zone: tzinfo

    @property
    def first_day(self) -> int:
        """The first UTC day that the span touches, counted from 1970-01-01."""
        return self.from_ms // DAY_MS

    @property
    def end_day(self) -> int:
        """The day after the last UTC day that the span touches."""
        return -(-self.to_ms // DAY_MS)


def outward(from_ms: int, to_ms: int) -> tuple[int, int]:
    """The quarters of an hour that hold a span, as its two ends."""
    return from_ms // SLOT_MS * SLOT_MS, -(-to_ms // SLOT_MS) * SLOT_MS


def starts(span: Span) -> list[int]:
    """Where the intervals of a span begin, Unix time in milliseconds; the first may begin before the span.

    A day has 23, 24 or 25 hours, or whatever its zone says; a day that a zone left out has no interval.
    """
    found: list[int] = []
    for start in _beginnings(span):
        if start >= span.to_ms:
            break
        if start <= span.from_ms:
            found = [start]
        elif start > found[-1]:
            found.append(start)
    return found


def _beginnings(span: Span) -> Iterator[int]:
    """Beginnings of intervals without end, from one that isn't after the span's."""
    if span.interval is Interval.QUARTER_HOUR:
        yield from range(span.from_ms, span.to_ms + SLOT_MS, SLOT_MS)
    elif span.interval is Interval.HOUR:
        yield from _hours(span)
    else:
        # A day early: where clocks are set back over midnight, the date of a moment may begin after it.
        day = _first_date(datetime.fromtimestamp(span.from_ms // 1000, span.zone).date() - timedelta(1), span.interval)
        while True:
            yield _midnight_ms(day, span.zone)
            day = _next_date(day, span.interval)


def _hours(span: Span) -> Iterator[int]:
    """Full hours of the zone's clocks, which needn't be full hours of UTC (India, Nepal, Lord Howe)."""
    at = span.from_ms - (span.from_ms + _offset_ms(span.from_ms, span.zone)) % HOUR_MS
    while True:
        yield at // SLOT_MS * SLOT_MS
        at += HOUR_MS - (at + _offset_ms(at, span.zone)) % HOUR_MS


def _first_date(day: date, interval: Interval) -> date:
    if interval is Interval.WEEK:
        return day - timedelta(day.weekday())
    return day.replace(day=1) if interval is Interval.MONTH else day


def _next_date(day: date, interval: Interval) -> date:
    if interval is Interval.MONTH:
        return (day.replace(day=28) + timedelta(4)).replace(day=1)
    return day + timedelta(7 if interval is Interval.WEEK else 1)


def _midnight_ms(day: date, zone: tzinfo) -> int:
    """A date's first moment, rounded down to a quarter: before 1972 some offsets weren't whole quarters.

    Where clocks skip midnight, this is the moment at which they are set.
    """
    moment = datetime(day.year, day.month, day.day, tzinfo=zone)
    return round((moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1000) // SLOT_MS * SLOT_MS


def _offset_ms(time_ms: int, zone: tzinfo) -> int:
    offset = datetime.fromtimestamp(time_ms // 1000, zone).utcoffset()
    return round(offset.total_seconds() * 1000) if offset is not None else 0


@dataclass(frozen=True, slots=True)
class Breakdown:
    """A dimension's most frequent values with their scans, most first, then by value; and the scans of all others."""

    dimension: str
    values: tuple[tuple[str, int], ...]
    other: int


@dataclass(frozen=True, slots=True)
class Series:
    """Scans of persons by interval, as (start, scans)."""

    points: tuple[tuple[int, int], ...]

    @property
    def scans(self) -> int:
        """Of the span."""
        return sum(scans for _, scans in self.points)


@dataclass(frozen=True, slots=True)
class DayCounts:
    """What is known by UTC day only, of all days that a span touches; `visitor_days` adds up each day's different visitors."""

    bots: int
    previews: int
    visitor_days: int
    breakdowns: tuple[Breakdown, ...]


@dataclass(frozen=True, slots=True)
class DayPoint:
    """What is known by UTC day only, of the days that begin in one interval; of the first interval also the day that begins before it."""

    bots: int = 0
    previews: int = 0
    visitor_days: int = 0


class Adder:
    """Adds up the days of a span."""

    def __init__(self, span: Span) -> None:
        self._span = span
        self._starts = starts(span)
        self._scans = [0] * len(self._starts)
        self._points: dict[int, DayPoint] = {}
        self._values: list[dict[str, int]] = [{} for _ in DIMENSIONS]
        self._others = [0] * len(DIMENSIONS)

    def add(self, number: int, day: Day) -> None:
        """Add a UTC day that the span touches; `number` counts from 1970-01-01."""
        at = max(bisect_right(self._starts, number * DAY_MS) - 1, 0)
        seen = self._points.get(at, DayPoint())
        self._points[at] = DayPoint(seen.bots + day.bots, seen.previews + day.previews, seen.visitor_days + day.visitors.estimate())
        for slot in range(SLOTS):
            time_ms = number * DAY_MS + slot * SLOT_MS
            if day.slots[slot] and self._span.from_ms <= time_ms < self._span.to_ms:
                self._scans[bisect_right(self._starts, time_ms) - 1] += day.slots[slot]
        for at, dimension in enumerate(day.dimensions):
            self._others[at] += dimension.other
            self._add_values(at, dimension.counts)

    def series(self) -> Series:
        """What was added, by interval."""
        return Series(tuple(zip(self._starts, self._scans, strict=True)))

    def days(self) -> DayCounts:
        """What was added, of whole days."""
        breakdowns = tuple(
            _breakdown(name, values, other) for name, values, other in zip(DIMENSIONS, self._values, self._others, strict=True)
        )
        points = self._points.values()
        return DayCounts(
            sum(point.bots for point in points),
            sum(point.previews for point in points),
            sum(point.visitor_days for point in points),
            breakdowns,
        )

    def day_points(self) -> tuple[DayPoint, ...]:
        """What was added, of whole days, by interval."""
        return tuple(self._points.get(at, DayPoint()) for at in range(len(self._starts)))

    def _add_values(self, at: int, counts: Mapping[str, int]) -> None:
        values = self._values[at]
        for value, scans in counts.items():
            values[value] = values.get(value, 0) + scans
        if len(values) > MAX_HELD:
            kept = _most(values, MAX_HELD // 2)
            self._others[at] += sum(values.values()) - sum(scans for _, scans in kept)
            self._values[at] = dict(kept)


def _breakdown(name: str, values: Mapping[str, int], other: int) -> Breakdown:
    kept = _most(values, MAX_VALUES)
    return Breakdown(name, tuple(kept), other + sum(values.values()) - sum(scans for _, scans in kept))


def _most(values: Mapping[str, int], amount: int) -> list[tuple[str, int]]:
    return sorted(values.items(), key=lambda item: (-item[1], item[0]))[:amount]
