"""The rows that a file is made of."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

COLUMNS = ("code_id", "start", "offset", "scans", "bots", "previews", "visitor_days")
"""As files show them: `start` as clocks of the zone show it, and by how much these differ from UTC."""


SHEET_ROWS = 1_048_575
"""Of a workbook's sheet, less its head: spreadsheets have no more."""

PIECE_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Row:
    """A code's scans in an interval; the last three are None where they aren't known."""

    code_id: str
    start: datetime
    scans: int
    bots: int | None
    previews: int | None
    visitor_days: int | None

    @property
    def offset(self) -> str:
        """Of its start from UTC, such as `+01:00`."""
        return self.start.isoformat()[-6:]


def sheets_of(source: Path) -> int:
    """How many sheets the rows of a CSV take."""
    with source.open("rb") as file:
        lines = sum(piece.count(b"\n") for piece in iter(partial(file.read, PIECE_BYTES), b""))
    return max(1, -(-(lines - 1) // SHEET_ROWS))


def read_rows(source: Path) -> Iterator[Row]:
    """The rows of a CSV as `quietzone_analytics.exports.domain.Writer` makes it, in its order."""
    with source.open(encoding="utf-8", newline="") as file:
        lines = csv.reader(file)
        next(lines)
        for code_id, start, scans, *others in lines:
            bots, previews, visitor_days = (int(text) if text else None for text in others)
            yield Row(code_id, datetime.fromisoformat(start), int(scans), bots, previews, visitor_days)
