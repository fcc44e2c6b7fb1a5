"""Times as the API shows and reads them; pure."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

_SPACED_OFFSET = re.compile(r" \d\d:?\d\d$")

DEFAULT_DAYS = 30
"""Of analytics when nobody says from when."""


class InvalidTime(ValueError):
    """What was given is no time; says which forms there are."""


@dataclass(frozen=True, slots=True)
class Span:
    """From `from_ms` to below `to_ms`, Unix times in milliseconds."""

    from_ms: int
    to_ms: int


def rfc3339(time_ms: int) -> str:
    """`2026-11-21T09:30:00.125Z`."""
    moment = datetime.fromtimestamp(time_ms // 1000, UTC)
    return f"{moment.isoformat()[:19]}.{time_ms % 1000:03d}Z"  # strftime takes five times as long


def rfc3339_or_none(time_ms: int | None) -> str | None:
    """The same of a moment that may not be."""
    return None if time_ms is None else rfc3339(time_ms)


def zone_named(name: str) -> ZoneInfo:
    """The time zone with this IANA name.

    Raises:
        InvalidTime: there is none.
    """
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError) as error:  # malformed, a folder's name, unknown
        raise InvalidTime(f"no time zone {name[:64]!r}; use a name such as Europe/Berlin or UTC") from error


def first_ms(to_ms: int, zone: ZoneInfo) -> int:
    """The first moment of the DEFAULT_DAYS days in `zone` of which the last is the one that ends at `to_ms`, or within which it lies."""
    last_day = datetime.fromtimestamp((to_ms - 1) / 1000, zone).date()
    return _midnight_ms(last_day - timedelta(days=DEFAULT_DAYS - 1), zone)


def start_ms(text: str, zone: ZoneInfo) -> int:
    """A time, or a date's first moment in `zone`; raises InvalidTime."""
    day = _day(text)
    return _instant_ms(text) if day is None else _midnight_ms(day, zone)


def end_ms(text: str, zone: ZoneInfo) -> int:
    """A time, or the first moment after a date in `zone`; raises InvalidTime."""
    day = _day(text)
    return _instant_ms(text) if day is None else _midnight_ms(day + timedelta(days=1), zone)


def _day(text: str) -> date | None:
    if len(text) != len("2026-11-21"):
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise InvalidTime(f"there is no day {text!r}; a day is written 2026-11-21") from error
    return _within_reach(day)


def _instant_ms(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None or "T" not in text.upper():
        hint = "; in an address + is written %2B" if _SPACED_OFFSET.search(text) else ""
        raise InvalidTime(f"{text[:64]!r} is neither a day (2026-11-21) nor a time with its offset (2026-11-21T09:30:00Z, +01:00){hint}")
    _within_reach(moment.date())
    return round(moment.timestamp() * 1000)


def _within_reach(day: date) -> date:
    if not 1970 <= day.year < 9999:
        raise InvalidTime(f"the year {day.year} is out of reach; use 1970 to 9998")
    return day


def _midnight_ms(day: date, zone: ZoneInfo) -> int:
    return round(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp() * 1000)
