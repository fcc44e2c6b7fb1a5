"""What can be asked about a code."""

import re
from dataclasses import dataclass
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from quietzone_analytics.projection import ScanStates
from quietzone_analytics.queries.domain import (
    EARLIEST_MS,
    LATEST_MS,
    Adder,
    DayCounts,
    Interval,
    Series,
    Span,
    outward,
)
from quietzone_analytics.rollups import DAY_MS, CodeKey, Rollups
from quietzone_kit.errors import Violations

_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")
_ZONE = re.compile(r"[0-9A-Za-z_+-]+(/[0-9A-Za-z_+-]+)*")


@dataclass(frozen=True, slots=True)
class Question:
    """A code and a span, as they were asked for: times in Unix milliseconds, `zone` an IANA name or empty for UTC."""

    code_id: str
    from_ms: int
    to_ms: int
    interval: Interval
    zone: str


@dataclass(frozen=True, slots=True)
class CodeAnalytics:
    """Counts of one code. `days` covers the UTC days that `span` touches; times are Unix milliseconds."""

    span: Span
    series: Series
    days: DayCounts
    all_time_scans: int
    counted_until_ms: int


async def get_code_analytics(rollups: Rollups, states: ScanStates, account_id: str, question: Question) -> CodeAnalytics:
    """Counts of an account's code; zeros if nobody scanned it, or if it isn't the account's.

    Raises:
        InvalidInput: names each field that is wrong.
    """
    span = span_of(question)
    key = CodeKey(account_id, question.code_id)
    total = await rollups.total(key)
    if total is None:
        adder = Adder(span)
        return CodeAnalytics(span, adder.series(), adder.days(), 0, 0)
    adder = await counted(rollups, key, span)
    state = await states.get(total.address.partition)
    counted_until_ms = state.state.counted_until_ms if state is not None else 0
    return CodeAnalytics(span, adder.series(), adder.days(), total.rollup.persons, counted_until_ms)


async def counted(rollups: Rollups, key: CodeKey, span: Span) -> Adder:
    """A code's days of a span, added up."""
    adder = Adder(span)
    async for number, day in rollups.days(key, span.first_day, span.end_day):
        adder.add(number, day)
    return adder


def span_of(question: Question) -> Span:
    """The span that is asked for.

    Raises:
        InvalidInput: names each field that is wrong, the code's id too.
    """
    wrong = Violations()
    if not _ID.fullmatch(question.code_id):
        wrong.add("code_id", "an id has 1 to 64 characters of 0-9 A-Z a-z _ -")
    with wrong.field("zone"):
        zone = _zone(question.zone)
    from_ms, to_ms = outward(question.from_ms, question.to_ms)
    in_range = EARLIEST_MS <= from_ms < LATEST_MS and EARLIEST_MS <= to_ms <= LATEST_MS
    if not in_range:
        wrong.add("from_ms" if not EARLIEST_MS <= from_ms < LATEST_MS else "to_ms", "a time is between the years 1970 and 9999")
    elif question.to_ms <= question.from_ms:
        wrong.add("to_ms", "it must be after from_ms")
    elif question.to_ms - question.from_ms > question.interval.max_days * DAY_MS:
        wrong.add("to_ms", f"with interval {question.interval.value[0]} a span is at most {question.interval.max_days} days")
    wrong.check()
    return Span(from_ms, to_ms, question.interval, zone)


def _zone(name: str) -> ZoneInfo:
    try:
        if len(name) <= 64 and (_ZONE.fullmatch(name) or not name):
            return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        pass  # OSError: the name of a folder, such as Europe
    raise ValueError(f"no zone is called {name!r:.70}; use a name such as Europe/Berlin")
