"""Counts as PDF (ISO 32000): what was asked, the sums by code, then all rows.

Its fonts are two of the fourteen that every reader has: nothing is laid out but lines of letters of one width. The same rows give the same
bytes.
"""

import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

import pydyf

from quietzone_analytics.printed.rows import COLUMNS, Row

WIDTH, HEIGHT, MARGIN = 595, 842, 45
"""A4, in points."""

LETTER = 0.6
"""How wide each letter of Courier is, of its size (Adobe's font metrics)."""

SIZE, LEADING = 7.0, 9
A_PAGE = 80
"""Rows between the margins, below a head."""

MOST_CODES = 40
"""Of the sums on the first page; all codes stand in the rows."""

HEADING, FIXED = "F1", "F2"

Line = tuple[str, float, float, float, str]
"""A font, a size in points, where it begins from the left and the bottom, and what it says."""


def make_pdf(rows: Iterable[Row], about: Mapping[str, str]) -> bytes:
    """A PDF: 10,000 rows take a second of a slow processor, and 30 MB."""
    sums, lines = Counter[str](), list[tuple[str, ...]]()
    for row in rows:
        sums[row.code_id] += row.scans
        lines.append(_shown(row))
    pages = [_first(about, sums), *_tables(lines)]
    return _document(pages)


def _shown(row: Row) -> tuple[str, ...]:
    numbers = (row.scans, row.bots, row.previews, row.visitor_days)
    start = f"{row.start:%Y-%m-%d %H:%M}"
    return row.code_id, start, row.offset, *("" if number is None else f"{number:,}" for number in numbers)


def _first(about: Mapping[str, str], sums: Counter[str]) -> list[Line]:
    """The question and the sums."""
    top = HEIGHT - MARGIN
    lines: list[Line] = [(HEADING, 18, MARGIN, top - 14, "Scans")]
    for number, (name, value) in enumerate(about.items()):
        y = top - 40 - 13 * number
        lines += [(HEADING, 9, MARGIN, y, name), (FIXED, 9, MARGIN + 90, y, value)]
    y = top - 80 - 13 * len(about)
    lines.append((HEADING, 22, MARGIN, y, f"{sums.total():,} {'scan' if sums.total() == 1 else 'scans'}"))
    most = [(code_id, f"{scans:,}") for code_id, scans in sums.most_common(MOST_CODES)]
    shown = _columns([("code_id", "scans"), *most], left=1)
    lines += _block(shown, y - 30, 8.5, 12)
    if len(sums) > MOST_CODES:
        lines.append((FIXED, 8.5, MARGIN, y - 30 - 12 * (len(shown) + 1), f"and {len(sums) - MOST_CODES:,} more"))
    return lines


def _tables(lines: Sequence[tuple[str, ...]]) -> list[list[Line]]:
    """Pages of rows, each below a head."""
    all_rows, pages = iter(lines), []
    while some := list(islice(all_rows, A_PAGE)):
        shown = _columns([COLUMNS, *some], left=3)
        size = min(SIZE, (WIDTH - 2 * MARGIN) / (LETTER * max(map(len, shown))))
        pages.append(_block(shown, HEIGHT - MARGIN - LEADING, size, LEADING))
    return pages


def _columns(table: Sequence[Sequence[str]], *, left: int) -> list[str]:
    """Each row as a line, its first `left` columns flush left, the others right."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return [
        "  ".join(text.ljust(width) if at < left else text.rjust(width) for at, (text, width) in enumerate(zip(row, widths, strict=True)))
        for row in table
    ]


def _block(shown: Sequence[str], top: float, size: float, leading: float) -> list[Line]:
    return [(FIXED, size, MARGIN, top - number * leading, text) for number, text in enumerate(shown)]


def _document(pages: Sequence[Sequence[Line]]) -> bytes:
    document = pydyf.PDF()
    document.info["Title"], document.info["Producer"] = pydyf.String("Scans"), pydyf.String("Quietzone")
    fonts = pydyf.Dictionary()
    for name, base in ((HEADING, "Helvetica-Bold"), (FIXED, "Courier")):
        font = pydyf.Dictionary({"Type": "/Font", "Subtype": "/Type1", "BaseFont": f"/{base}", "Encoding": "/WinAnsiEncoding"})
        document.add_object(font)
        fonts[name] = font.reference
    resources = pydyf.Dictionary({"Font": fonts})
    for number, lines in enumerate(pages, start=1):
        stream = pydyf.Stream(compress=True)
        for line in (*lines, (FIXED, SIZE, WIDTH - MARGIN - 50, MARGIN - 20, f"{number} / {len(pages)}")):
            _write(stream, line)
        document.add_object(stream)
        box = pydyf.Array([0, 0, WIDTH, HEIGHT])
        page = {"Type": "/Page", "Parent": document.pages.reference, "MediaBox": box, "Contents": stream.reference, "Resources": resources}
        document.add_page(pydyf.Dictionary(page))
    output = io.BytesIO()
    document.write(output)
    return output.getvalue()


def _write(stream: pydyf.Stream, line: Line) -> None:
    font, size, x, y, text = line
    stream.begin_text()
    stream.set_font_size(font, size)
    stream.set_text_matrix(1, 0, 0, 1, x, y)
    stream.show_text_string(text.encode("cp1252", "replace"))  # as the fonts are told to read it
    stream.end_text()
