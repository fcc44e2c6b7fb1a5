"""What an export is of, and its rows as text.

One table, one row for each code and interval, zeros included. Breakdowns aren't in it: they are by UTC day and by six dimensions, which
would be other tables; GetCodeAnalytics has them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from quietzone_analytics.queries.domain import DayPoint, Interval, Span, starts

COLUMNS = ("code_id", "start", "scans", "bots", "previews", "visitor_days")


class Format(Enum):
    """A kind of file: its name's end, its media type (RFC 7111, RFC 8259, IANA), and how many rows it can have (None: any number)."""

    CSV = ("csv", "text/csv; charset=utf-8", None)
    JSON = ("json", "application/json", None)
    PARQUET = ("parquet", "application/vnd.apache.parquet", None)
    XLSX = ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", 4_194_300)  # four sheets, made in 6 minutes
    PDF = ("pdf", "application/pdf", 10_000)  # 126 pages
    NEWER = ("", "", None)  # one that only a newer release knows: such exports are shown, and left to its workers

    def __init__(self, ending: str, media_type: str, most_rows: int | None) -> None:
        self.ending = ending
        self.media_type = media_type
        self.most_rows = most_rows

    @property
    def is_printed(self) -> bool:
        """Whether it is for people, and made of CSV by `quietzone_analytics.printed`."""
        return self in {Format.XLSX, Format.PDF}


@dataclass(frozen=True, slots=True)
class Counts:
    """One code's scans by interval, and what is known by UTC day, where intervals are made of these."""

    code_id: str
    scans: Sequence[int]
    days: Sequence[DayPoint] | None


class Writer:
    """Makes the text of a file, code by code. All but JSON are made of CSV."""

    def __init__(self, span: Span, form: Format) -> None:
        self._span = span
        self._form = form
        self._starts = [_iso(start_ms, span) for start_ms in starts(span)]
        self.rows = 0

    def about(self) -> dict[str, str]:
        """The question, for people."""
        span = self._span
        return {
            "from": _iso(span.from_ms, span),
            "to": _iso(span.to_ms, span),
            "interval": span.interval.value[0],
            "zone": str(span.zone),
        }

    def head(self) -> str:
        """What comes before the rows."""
        if self._form is Format.JSON:
            told = "".join(f'"{name}": "{value}", ' for name, value in self.about().items())
            return f'{{{told}"rows": [\n'
        return ",".join(COLUMNS) + "\r\n"

    def code(self, counts: Counts) -> str:
        """A code's rows."""
        if self._form is Format.JSON:
            rows = [
                f'{{"code_id": "{counts.code_id}", "start": "{start}", "scans": {scans}, "bots": {bots}, "previews": {previews}, '
                f'"visitor_days": {visitor_days}}}'
                for start, scans, bots, previews, visitor_days in self._values(counts, "null")
            ]
            text = (",\n" if self.rows else "") + ",\n".join(rows)
        else:
            cell = as_text(counts.code_id) if self._form is Format.CSV else counts.code_id
            text = "".join(f"{cell},{','.join(map(str, values))}\r\n" for values in self._values(counts, ""))
        self.rows += len(self._starts)
        return text

    def end(self) -> str:
        """What comes after the rows."""
        return "\n]}\n" if self._form is Format.JSON else ""

    def _values(self, counts: Counts, unknown: str) -> Iterator[tuple[str, int, int | str, int | str, int | str]]:
        for at, (start, scans) in enumerate(zip(self._starts, counts.scans, strict=True)):
            if counts.days is None:
                yield start, scans, unknown, unknown, unknown
            else:
                day = counts.days[at]
                yield start, scans, day.bots, day.previews, day.visitor_days


def is_of_utc_days(span: Span) -> bool:
    """Whether each interval is made of whole UTC days."""
    return span.interval in (Interval.DAY, Interval.WEEK, Interval.MONTH) and str(span.zone) in ("UTC", "Etc/UTC")


def as_text(code_id: str) -> str:
    """An id such that no spreadsheet takes it for a formula; ids that we issue never begin with a sign.

    https://owasp.org/www-community/attacks/CSV_Injection; of what begins formulas ids can only have `-`.
    """
    return "'" + code_id if code_id.startswith("-") else code_id


def _iso(time_ms: int, span: Span) -> str:
    return datetime.fromtimestamp(time_ms // 1000, span.zone).isoformat()
