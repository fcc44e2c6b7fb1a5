"""Workbooks and PDFs as others' libraries read them, and rows as they come in."""

import io
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import openpyxl
import pypdf

from quietzone_analytics.exports.domain import COLUMNS as SOURCE
from quietzone_analytics.printed.rows import Row

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
BERLIN = timezone(timedelta(hours=1))


def row(number: int = 0, **others: Any) -> Row:
    given = {"code_id": f"code-{number}", "start": NOON, "scans": number, "bots": 0, "previews": 0, "visitor_days": 0} | others
    return Row(**given)


def csv_of(rows: list[Row]) -> str:
    """As an export's draft has them."""
    lines = [",".join(SOURCE)]
    for each in rows:
        numbers = ["" if number is None else str(number) for number in (each.scans, each.bots, each.previews, each.visitor_days)]
        lines.append(",".join([each.code_id, each.start.isoformat(), *numbers]))
    return "\r\n".join(lines) + "\r\n"


def sheet(data: bytes, name: str = "Scans") -> list[tuple[object, ...]]:
    """A sheet's cells."""
    return list(openpyxl.load_workbook(io.BytesIO(data), read_only=True)[name].iter_rows(values_only=True))


def cells(each: Row) -> tuple[object, ...]:
    """A row as a sheet has it."""
    start = each.start.replace(tzinfo=None)
    return each.code_id, start, each.offset, each.scans, each.bots, each.previews, each.visitor_days


def pages(data: bytes) -> list[str]:
    """A PDF's text."""
    return [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(data)).pages]


def written(path: Path, rows: list[Row]) -> Path:
    """Rows in a file."""
    path.write_text(csv_of(rows), encoding="utf-8", newline="")
    return path
