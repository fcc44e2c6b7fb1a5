"""Sheets of labels as PDF, by Typst; and the proof that each symbol on them is the one that was to be printed.

What people write goes to Typst as data, never as markup: captions can't run anything.
"""

import io
import json
from collections.abc import Sequence
from itertools import groupby

import typst
from PIL import Image

from quietzone_storage import fonts
from quietzone_storage.assets.domain import Symbol
from quietzone_storage.prints.domain import (
    CAPTION_MM,
    CUT_MARK_MM,
    MARGIN_MM,
    Label,
    Layout,
    Square,
    check_module,
    rows_of,
    spots,
    square,
    svg_of,
)
from quietzone_storage.variants.domain import QUIET_ZONE
from quietzone_storage.variants.symbol import NotShown

POINT_MM = 25.4 / 72
MODULE_PX = 4
"""Of the pages that are looked at: the middle of a module then has a pixel that touches no other."""
MIN_PPI, MAX_PPI = 72, 420
DARK = 128

TEMPLATE = """
#let job = json("job.json")
#set document(title: job.title, author: "Quietzone", date: none)
#set page(width: job.width * 1mm, height: job.height * 1mm, margin: 0mm)
#set text(font: job.font, size: 7pt, hyphenate: false)
#for (number, sheet) in job.sheets.enumerate() {
  if number > 0 { pagebreak() }
  for label in sheet {
    place(top + left, dx: label.left * 1mm, dy: label.top * 1mm, image(bytes(label.svg), format: "svg", width: label.side * 1mm))
    if label.caption != "" {
      place(top + left, dx: label.caption_left * 1mm, dy: label.caption_top * 1mm,
        box(width: label.caption_width * 1mm, height: job.caption_height * 1mm, clip: true, align(center + horizon, text(label.caption))))
    }
  }
  for mark in job.marks {
    place(top + left, line(start: (mark.at(0) * 1mm, mark.at(1) * 1mm), end: (mark.at(2) * 1mm, mark.at(3) * 1mm), stroke: 0.25pt))
  }
}
"""


def make_sheets(title: str, labels: Sequence[Label], symbols: Sequence[Symbol], layout: Layout) -> bytes:
    """A PDF with a label for each code, each proven. 1,000 take 3 s of CPU.

    Raises:
        TooSmall: modules would be too small to be printed.
        NotShown: a symbol on a page isn't the one that was to be there.
    """
    captioned = any(label.caption for label in labels)
    check_module(layout, max(symbol.side for symbol in symbols), captioned=captioned)
    squares = [square(spot, captioned=captioned) for spot in spots(layout, len(labels))]
    files = {"main.typ": TEMPLATE.encode(), "job.json": job_file(title, labels, symbols, layout, squares)}
    pages = compiled(files, "png", ppi=_ppi(squares, symbols))
    _prove(pages, squares, symbols, layout)
    (document,) = compiled(files, "pdf")
    return document


def job_file(title: str, labels: Sequence[Label], symbols: Sequence[Symbol], layout: Layout, squares: Sequence[Square]) -> bytes:
    """What the template reads: labels by sheets, lengths in millimetres."""
    width, height = layout.paper.size
    shown = [
        {
            "page": place.page,
            "left": place.left,
            "top": place.top,
            "side": place.side,
            "svg": svg_of(symbol),
            "caption": label.caption,
            "caption_left": spot.left,
            "caption_top": place.top + place.side,
            "caption_width": spot.width,
        }
        for label, symbol, place, spot in zip(labels, symbols, squares, spots(layout, len(labels)), strict=True)
    ]
    sheets = [list(sheet) for _, sheet in groupby(shown, key=lambda label: label["page"])]
    job = {
        "title": title,
        "font": fonts.FAMILY,
        "width": width,
        "height": height,
        "caption_height": CAPTION_MM,
        "sheets": sheets,
        "marks": _cut_marks(layout) if layout.cut_marks else [],
    }
    return json.dumps(job).encode()


def _cut_marks(layout: Layout) -> list[tuple[float, float, float, float]]:
    """Lines at the paper's edges where labels meet."""
    width, height = layout.paper.size
    far, near = MARGIN_MM - 1 - CUT_MARK_MM, MARGIN_MM - 1
    xs = [MARGIN_MM + column * (width - 2 * MARGIN_MM) / layout.columns for column in range(layout.columns + 1)]
    ys = [MARGIN_MM + row * (height - 2 * MARGIN_MM) / layout.rows for row in range(layout.rows + 1)]
    upright = [(x, start, x, end) for x in xs for start, end in ((far, near), (height - near, height - far))]
    level = [(start, y, end, y) for y in ys for start, end in ((far, near), (width - near, width - far))]
    return upright + level


def compiled(files: dict[str, bytes], kind: str, **options: float) -> list[bytes]:
    """What Typst makes of `main.typ`: one file as `pdf`, one for each page as `png`."""
    ours = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[fonts.FOLDER])
    found = typst.compile(files, format=kind, font_paths=ours, **options)  # type: ignore[call-overload] # its stubs lag behind
    return found if isinstance(found, list) else [found]


def _ppi(squares: Sequence[Square], symbols: Sequence[Symbol]) -> float:
    """So fine that the smallest module has MODULE_PX."""
    smallest_mm = min(place.side / (symbol.side + 2 * QUIET_ZONE) for place, symbol in zip(squares, symbols, strict=True))
    return min(max(MODULE_PX * 25.4 / smallest_mm, MIN_PPI), MAX_PPI)


def _prove(pages: Sequence[bytes], squares: Sequence[Square], symbols: Sequence[Symbol], layout: Layout) -> None:
    """See that the middle of each module has its colour, of the quiet zone too; raises NotShown."""
    number, picture = -1, Image.new("L", (1, 1))
    for place, symbol in zip(squares, symbols, strict=True):
        if place.page != number:
            number = place.page
            with Image.open(io.BytesIO(pages[number])) as page:
                picture = page.convert("L")
        if _shown(picture, place, symbol.side + 2 * QUIET_ZONE, picture.width / layout.paper.size[0]) != _wanted(symbol):
            raise NotShown(f"a label on page {number + 1} doesn't show its modules; nothing is handed out")


def _shown(picture: Image.Image, place: Square, modules: int, px_per_mm: float) -> bytes:
    """The middles of a symbol's modules, a byte each: 1 is dark."""
    side = place.side * px_per_mm
    left, top = place.left * px_per_mm, place.top * px_per_mm
    sampled = picture.transform((modules, modules), Image.Transform.EXTENT, (left, top, left + side, top + side), Image.Resampling.NEAREST)
    return sampled.point([1] * DARK + [0] * (256 - DARK)).tobytes()


def _wanted(symbol: Symbol) -> bytes:
    blank = bytes(symbol.side + 2 * QUIET_ZONE) * QUIET_ZONE
    zone = bytes(QUIET_ZONE)
    return blank + b"".join(zone + bytes(module == "1" for module in row) + zone for row in rows_of(symbol)) + blank
