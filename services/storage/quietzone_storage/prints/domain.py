"""What is printed: labels on sheets, or files in an archive; where each stands, and how small it may be. Pure.

All lengths are millimetres from the upper left corner of the paper.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from quietzone_storage.assets.domain import Symbol
from quietzone_storage.variants.domain import QUIET_ZONE

MAX_LABELS = 1_000
"""Of one print: 40 sheets; more are several prints."""
MAX_COLUMNS, MAX_ROWS = 10, 20
MAX_CAPTION = 100
MAX_TITLE = 120
MARGIN_MM = 10.0
"""What printers leave white at the edges, with room for cut marks."""
PADDING_MM = 1.5
"""Between a label's edge and what stands on it: scissors aren't exact."""
CAPTION_MM = 6.0
"""Two lines of 7 points."""
CUT_MARK_MM = 5.0
MIN_MODULE_MM = 0.25
"""Three dots of a printer with 300 dots an inch: with fewer, modules run into each other."""


class Paper(Enum):
    """A sheet."""

    A4 = "a4"
    LETTER = "letter"

    @property
    def size(self) -> tuple[float, float]:
        """Width and height."""
        return PAPERS[self]


PAPERS: Mapping[Paper, tuple[float, float]] = {Paper.A4: (210.0, 297.0), Paper.LETTER: (215.9, 279.4)}
"""ISO 216; ANSI/ASME Y14.1."""


class Form(Enum):
    """What is made."""

    SHEETS = "application/pdf"
    ARCHIVE = "application/zip"


class TooSmall(ValueError):
    """A label's modules would be too small to be printed: says how many columns and rows are too many."""


@dataclass(frozen=True, slots=True)
class Label:
    """A code on paper, or in an archive: what stands below it, and what its files are called."""

    code_id: str
    caption: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Layout:
    """How labels stand on a sheet."""

    paper: Paper = Paper.A4
    columns: int = 4
    rows: int = 6
    cut_marks: bool = True


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a label stands: its page from 0 on, its upper left corner, and its size."""

    page: int
    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Square:
    """Where a symbol stands, with its quiet zone."""

    page: int
    left: float
    top: float
    side: float


def spots(layout: Layout, count: int) -> Iterator[Spot]:
    """Places of labels, row by row and page by page."""
    width, height = layout.paper.size
    cell_width, cell_height = (width - 2 * MARGIN_MM) / layout.columns, (height - 2 * MARGIN_MM) / layout.rows
    for number in range(count):
        page, place = divmod(number, layout.columns * layout.rows)
        row, column = divmod(place, layout.columns)
        yield Spot(page, MARGIN_MM + column * cell_width, MARGIN_MM + row * cell_height, cell_width, cell_height)


def square(spot: Spot, *, captioned: bool) -> Square:
    """Where a label's symbol stands: as large as can be, above its caption."""
    height = spot.height - (CAPTION_MM if captioned else 0.0) - 2 * PADDING_MM
    side = min(spot.width - 2 * PADDING_MM, height)
    return Square(spot.page, spot.left + (spot.width - side) / 2, spot.top + PADDING_MM + (height - side) / 2, side)


def check_module(layout: Layout, symbol_side: int, *, captioned: bool) -> None:
    """See that a symbol of so many modules can be printed.

    Raises:
        TooSmall: it can't.
    """
    place = square(next(spots(layout, 1)), captioned=captioned)
    module_mm = place.side / (symbol_side + 2 * QUIET_ZONE)
    if module_mm < MIN_MODULE_MM:
        raise TooSmall(
            f"{layout.columns} columns and {layout.rows} rows leave {max(module_mm, 0):.2f} mm for a module, printers need "
            f"{MIN_MODULE_MM} mm: take fewer"
        )


def rows_of(symbol: Symbol) -> Sequence[str]:
    """A symbol's rows of modules, `1` is black."""
    digits = f"{int.from_bytes(symbol.modules, 'big'):0{len(symbol.modules) * 8}b}"
    return [digits[start : start + symbol.side] for start in range(0, symbol.side * symbol.side, symbol.side)]


def svg_of(symbol: Symbol) -> str:
    """A symbol with its quiet zone as SVG: a unit is a module, one path; runs of modules are one rectangle each."""
    whole = symbol.side + 2 * QUIET_ZONE
    path = "".join(
        f"M{found.start() + QUIET_ZONE} {y + QUIET_ZONE}h{len(found[0])}v1h-{len(found[0])}z"
        for y, row in enumerate(rows_of(symbol))
        for found in re.finditer("1+", row)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {whole} {whole}" shape-rendering="crispEdges">'
        f'<path fill="#fff" d="M0 0h{whole}v{whole}h-{whole}z"/><path d="{path}"/></svg>'
    )


_UNSAFE = re.compile(r"[^\w.\- ]+")
MAX_NAME, MAX_NAME_BYTES = 80, 200
"""File systems take 255 bytes, of which a number and the ending need some."""


def file_names(labels: Sequence[Label]) -> list[str]:
    """What labels' files are called in an archive, without ending: as is wished, without what file systems don't take, each once."""
    taken: dict[str, int] = {}
    names = []
    for label in labels:
        safe = _UNSAFE.sub("_", unicodedata.normalize("NFC", label.name or label.code_id)).strip(". ")[:MAX_NAME]
        wished = safe.encode()[:MAX_NAME_BYTES].decode(errors="ignore").strip(". ") or label.code_id
        count = taken.get(wished.casefold(), 0)
        taken[wished.casefold()] = count + 1
        name = f"{wished} ({count + 1})" if count else wished
        while count and name.casefold() in taken:
            count += 1
            name = f"{wished} ({count + 1})"
        taken.setdefault(name.casefold(), 1)
        names.append(name)
    return names
