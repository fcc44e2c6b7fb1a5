"""SVG (https://www.w3.org/TR/SVG2/): a white square and one black path, measured in modules."""

import re
from functools import lru_cache

from quietzone_qr.rendering.geometry import Geometry
from quietzone_qr.rendering.matrix import QUIET_ZONE, Matrix

_DIGITS = b"01" + bytes(254)
_RUN = re.compile(r"1+0*(?:\n0*)*")  # black modules, and the white ones up to the next black


def draw(matrix: Matrix, size_px: int) -> bytes:
    """`matrix` with its quiet zone; `size_px` is the width and height in which it shows when nobody says otherwise.

    Raises:
        ImageTooSmall: less than two pixels a module.
    """
    Geometry.of(matrix, size_px)
    across = matrix.side_with_quiet_zone
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{size_px}" height="{size_px}" viewBox="0 0 {across} {across}"'
        f' shape-rendering="crispEdges"><path fill="#fff" d="M0 0h{across}v{across}H0z"/><path d="{_path(matrix)}"/></svg>\n'
    ).encode()


def _path(matrix: Matrix) -> str:
    """A closed rectangle for each horizontal run of black modules; all but the first begin where they lie from the one before."""
    side = matrix.side
    digits = matrix.modules.translate(_DIGITS).decode()
    rows = "\n".join([digits[start : start + side] for start in range(0, side * side, side)]).rstrip("0\n")
    y, x = divmod(rows.find("1"), side + 1)
    rectangles = "".join([_rectangle(run, side) for run in _RUN.findall(rows)])
    return f"M{QUIET_ZONE + x} {QUIET_ZONE + y}{rectangles}"


@lru_cache(maxsize=8192)  # a symbol has some 200 different runs, and most of them are those of any other; 150 bytes each
def _rectangle(run: str, side: int) -> str:
    """The rectangle of a run's black modules, and the move from its corner to that of the next; the last run ends with its black."""
    black, down = run.count("1"), run.count("\n")
    rectangle = f"h{black}v1h-{black}z"
    return rectangle if run.endswith("1") else f"{rectangle}m{len(run) - down * (side + 1)} {down}"
