"""Counts as PDF, by Typst: what was asked, the sums by code, then all rows.

Everything goes to Typst as data, never as markup. A page's column is one text of many lines: cells of a table take five times the memory
and the time. The fonts are those that Typst brings, so that a file looks the same wherever it is made.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping

import typst

from quietzone_analytics.printed.rows import COLUMNS, Row

A_PAGE = 80
"""Lines of 7 pt between margins of 18 mm on A4, below a header."""

MOST_CODES = 20
"""Of the sums at the beginning; all stand in the rows."""

TEMPLATE = """
#let export = json("export.json")
#set document(title: "Scans", author: "Quietzone", date: none)
#set page(paper: "a4", margin: 18mm, footer: context align(right, text(7pt)[#counter(page).display("1 / 1", both: true)]))
#set text(font: "Libertinus Serif", size: 10pt, hyphenate: false)
= Scans
#table(columns: 2, stroke: none, inset: (x: 0pt, y: 2pt), column-gutter: 6mm, ..export.about.flatten())
#v(4mm)
#text(size: 24pt, weight: "bold")[#export.scans]
#v(4mm)
#table(columns: (1fr, auto), stroke: (x: none, y: 0.3pt + rgb("#9ca3af")), align: (left, right), inset: 4pt,
  table.header([*code_id*], [*scans*]), ..export.codes.flatten())
#if export.more != "" [#export.more]
#set text(font: "DejaVu Sans Mono", size: 7pt, number-width: "tabular")
#set par(leading: 0.5em)
#for page in export.pages [
  #pagebreak(weak: true)
  #grid(columns: (1fr, auto, auto, auto, auto, auto, auto), align: (left, left, left, right, right, right, right), column-gutter: 3mm,
    row-gutter: 2mm, ..export.columns.map(strong), ..page)
]
"""


def make_pdf(rows: Iterable[Row], about: Mapping[str, str]) -> bytes:
    """A PDF: for 10,000 rows two seconds on a slow processor, and 290 MB."""
    sums, lines = Counter[str](), list[tuple[str, ...]]()
    for row in rows:
        sums[row.code_id] += row.scans
        lines.append(_shown(row))
    more = len(sums) - MOST_CODES
    data = {
        "about": list(about.items()),
        "scans": f"{sums.total():,} {'scan' if sums.total() == 1 else 'scans'}",
        "codes": [(code_id, f"{scans:,}") for code_id, scans in sums.most_common(MOST_CODES)],
        "more": f"And {more:,} more." if more > 0 else "",
        "columns": COLUMNS,
        "pages": [["\n".join(column) for column in zip(*lines[at : at + A_PAGE], strict=True)] for at in range(0, len(lines), A_PAGE)],
    }
    fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=True)
    files = {"main.typ": TEMPLATE.encode(), "export.json": json.dumps(data).encode()}
    found = typst.compile(files, format="pdf", font_paths=fonts)  # type: ignore[call-overload] # its stubs lag behind
    made: bytes = found[0] if isinstance(found, list) else found
    return made


def _shown(row: Row) -> tuple[str, ...]:
    numbers = (row.scans, row.bots, row.previews, row.visitor_days)
    start = f"{row.start:%Y-%m-%d %H:%M}"
    return row.code_id, start, row.offset, *("" if number is None else f"{number:,}" for number in numbers)
