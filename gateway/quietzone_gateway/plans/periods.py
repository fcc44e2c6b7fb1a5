"""Days and months of UTC; pure."""

from datetime import UTC, datetime, timedelta

DAY_MS = 86_400_000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def day_of(at_ms: int) -> str:
    """The day of a moment, such as `2026-11-21`."""
    return (_EPOCH + timedelta(milliseconds=at_ms)).date().isoformat()


def end_of_day_ms(at_ms: int) -> int:
    """The first moment of the next day."""
    return (at_ms // DAY_MS + 1) * DAY_MS


def begin_of_month_ms(at_ms: int) -> int:
    """The first moment of the month."""
    return _ms((_EPOCH + timedelta(milliseconds=at_ms)).replace(day=1, hour=0, minute=0, second=0, microsecond=0))


def end_of_month_ms(at_ms: int) -> int:
    """The first moment of the next month."""
    first = (_EPOCH + timedelta(milliseconds=begin_of_month_ms(at_ms))) + timedelta(days=31)
    return _ms(first.replace(day=1))


def _ms(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(milliseconds=1)
