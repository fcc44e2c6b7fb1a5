"""A workbook of counts, as Office Open XML (ECMA-376). Rows go to the disk as they come, so that any number takes 30 MB.

The same rows give the same bytes. Ids are written as text: no spreadsheet takes one for a formula.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import chain, islice
from pathlib import Path

import xlsxwriter

from quietzone_analytics.printed.rows import COLUMNS, SHEET_ROWS, Row

WIDTHS = (38, 18, 8, 12, 12, 12, 14)
MADE_AT = datetime(1980, 1, 1, tzinfo=UTC).replace(tzinfo=None)
"""What it says of its own making: the same each time."""


def write_workbook(rows: Iterable[Row], about: Mapping[str, str], target: Path, *, scratch: Path) -> None:
    """Write one with the sheets `Scans` (and `Scans 2` …, when it has more rows than a sheet) and `About`.

    It takes some 430 bytes a row in `scratch` until it is done.

    Raises:
        OSError: there is no room for it.
    """
    options = {"constant_memory": True, "tmpdir": str(scratch)}
    book = xlsxwriter.Workbook(str(target), options)
    try:
        book.set_properties({"title": "Scans", "author": "Quietzone", "created": MADE_AT})
        bold = book.add_format({"bold": True})
        time = book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
        for number, part in enumerate(_parts(rows), start=1):
            _write_scans(book.add_worksheet("Scans" if number == 1 else f"Scans {number}"), part, bold, time)
        notes = book.add_worksheet("About")
        notes.set_column(0, 1, 30)
        for at, (name, value) in enumerate(about.items()):
            notes.write_string(at, 0, name, bold)
            notes.write_string(at, 1, value)
        book.close()
    except xlsxwriter.exceptions.FileCreateError as error:
        raise OSError(str(error)) from error


def _parts(rows: Iterable[Row]) -> Iterator[Iterable[Row]]:
    """The rows of each sheet, to be taken before the next ones; without any there is one sheet."""
    left = iter(rows)
    yield islice(left, SHEET_ROWS)
    for first in left:
        yield islice(chain([first], left), SHEET_ROWS)


def _write_scans(sheet: xlsxwriter.worksheet.Worksheet, rows: Iterable[Row], bold: object, time: object) -> None:
    sheet.freeze_panes(1, 0)
    for at, (name, width) in enumerate(zip(COLUMNS, WIDTHS, strict=True)):
        sheet.set_column(at, at, width)
        sheet.write_string(0, at, name, bold)
    last = 0
    for last, row in enumerate(rows, start=1):
        sheet.write_string(last, 0, row.code_id)
        sheet.write_datetime(last, 1, row.start.replace(tzinfo=None), time)
        sheet.write_string(last, 2, row.offset)
        for at, number in enumerate((row.scans, row.bots, row.previews, row.visitor_days), start=3):
            if number is not None:
                sheet.write_number(last, at, number)
    sheet.autofilter(0, 0, last, len(COLUMNS) - 1)
