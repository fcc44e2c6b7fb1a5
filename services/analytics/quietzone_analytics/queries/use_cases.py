"""What can be asked about codes, and about an account."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from quietzone_analytics.projection import ScanStates
from quietzone_analytics.queries.domain import (
    EARLIEST_MS,
    LATEST_MS,
    MAX_DAYS,
    Adder,
    DayCounts,
    Interval,
    Series,
    Span,
    outward,
)
from quietzone_analytics.rollups import DAY_MS, CodeKey, Rollups, month_of, month_start_ms
from quietzone_kit.documents import InvalidCursor
from quietzone_kit.errors import FieldViolation, InvalidInput, Violations

_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")
MAX_CODES = 100
"""In one question for totals: a page that people look at has fewer."""
MAX_LISTED_DAYS = 31
"""Of a list of codes by day."""
LISTED_DOCUMENTS = 800
"""That one page of it reads, a day of a code each: 0.2 s."""
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


@dataclass(frozen=True, slots=True)
class AccountUsage:
    """Scans by people of all of an account's codes from `from_ms` to below `to_ms`, which are whole UTC months."""

    scans: int
    from_ms: int
    to_ms: int


async def get_totals(rollups: Rollups, account_id: str, code_ids: Sequence[str]) -> list[int]:
    """Scans by people of each of these codes since it was created, in their order; 0 if it isn't the account's.

    Raises:
        InvalidInput: no codes, more than 100, or one that can't be.
    """
    if not 1 <= len(code_ids) <= MAX_CODES or not all(map(_ID.fullmatch, code_ids)):
        raise InvalidInput(FieldViolation("code_ids", f"use 1 to {MAX_CODES} ids, each 1 to 64 characters of 0-9 A-Z a-z _ -"))
    keys = [CodeKey(account_id, code_id) for code_id in code_ids]
    totals = await rollups.totals(keys)
    return [totals[key].persons if key in totals else 0 for key in keys]


async def get_account_usage(rollups: Rollups, account_id: str, from_ms: int, to_ms: int, *, partitions: int) -> AccountUsage:
    """Scans of an account in the UTC months that hold a span; `partitions` are those of the topic of scans.

    Raises:
        InvalidInput: names each field that is wrong.
    """
    _wrong_times(from_ms, to_ms, most=MAX_DAYS).check()
    first, end = month_of(from_ms), month_of(to_ms - 1) + 1
    months = await rollups.months(account_id, first, end, partitions=partitions)
    return AccountUsage(sum(month.persons for month in months), month_start_ms(first), month_start_ms(end))


@dataclass(frozen=True, slots=True)
class CodeDays:
    """Scans by people of a code, one number a UTC day."""

    code_id: str
    scans: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class CodeDaysPage:
    """Codes that were scanned, by id; `next_token` None when no page follows."""

    codes: tuple[CodeDays, ...]
    next_token: str | None


async def list_code_scans(rollups: Rollups, account_id: str, from_ms: int, to_ms: int, *, page_size: int, page_token: str) -> CodeDaysPage:
    """Scans of an account's codes in the UTC days that hold a span, some codes at a time.

    Raises:
        InvalidInput: names each field that is wrong.
    """
    wrong = _wrong_times(from_ms, to_ms, most=MAX_LISTED_DAYS)
    if not 0 <= page_size <= MAX_CODES:
        wrong.add("page_size", f"use 1 to {MAX_CODES}, or 0 for {MAX_CODES}")
    wrong.check()
    first, end = from_ms // DAY_MS, -(-to_ms // DAY_MS)
    limit = min(page_size or MAX_CODES, LISTED_DOCUMENTS // (end - first))
    try:
        code_ids, cursor = await rollups.codes_page(account_id, limit=limit, after=page_token or None)
    except InvalidCursor as error:
        raise InvalidInput(FieldViolation("page_token", "not a token that a page of these gave; leave it out to begin anew")) from error
    found = await rollups.scans_by_day(account_id, code_ids, first, end)
    return CodeDaysPage(tuple(CodeDays(code_id, tuple(scans)) for code_id, scans in found.items() if any(scans)), cursor)


def _wrong_times(from_ms: int, to_ms: int, *, most: int) -> Violations:
    """What is wrong with a span of at most so many days."""
    wrong = Violations()
    for name, time_ms in (("from_ms", from_ms), ("to_ms", to_ms)):
        if not EARLIEST_MS <= time_ms <= LATEST_MS:
            wrong.add(name, "a time is between the years 1970 and 9999")
    if to_ms <= from_ms or to_ms - from_ms > most * DAY_MS:
        wrong.add("to_ms", f"it must be after from_ms, by at most {most:,} days")
    return wrong


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
