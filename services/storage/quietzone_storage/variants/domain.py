"""Which files an image is kept in: one table, which names of files, purges and drawings all follow. Pure.

Sizes and qualities are the product's. A PNG has no quality: its bytes are those of its pixels, packed as tightly as zlib can.
"""

from collections.abc import Mapping
from dataclasses import dataclass

JPEG, PNG, WEBP = "image/jpeg", "image/png", "image/webp"

QUIET_ZONE = 4
"""Modules of white on every side (ISO/IEC 18004, 9.1)."""

MIN_MODULE_PX = 2
"""What decoders read; with one the slightest scaling makes a symbol unreadable."""

MIN_SIDE, MAX_SIDE = 21, 89
"""Modules of the smallest symbol, and of one that holds the longest payload that is issued."""


class WrongSymbol(ValueError):
    """Modules that can't be drawn: says why."""


@dataclass(frozen=True, slots=True)
class Form:
    """How a file is made: what stands in its name, a square of `side_px`, and how it is packed. `quality` is None for PNG."""

    variant: str
    side_px: int
    media_type: str
    quality: int | None = None
    progressive: bool = False


THUMB = Form("_thumb", 256, JPEG, 80)
MEDIUM = Form("_medium", 512, PNG)
LARGE = Form("_large", 1024, PNG)
THUMB_WEBP = Form("_thumb_webp", 256, WEBP, 80)
VARIANTS = (THUMB, MEDIUM, LARGE, THUMB_WEBP)
"""What every image is kept in, contained on white."""

MASTER = Form("", 1036, PNG)
"""A code as it is printed: 28 whole pixels a module for the 37 modules, with quiet zone, of a usual short URL."""
CODE_FORMS = (MASTER, *VARIANTS)

WEB_MAX_PX = 2048
"""The longer side of an optimised copy at most: what a screen shows, and what fits into a worker's memory."""
WEB_WEBP = Form("_web_webp", WEB_MAX_PX, WEBP, 85)
WEB_JPEG = Form("_web_jpeg", WEB_MAX_PX, JPEG, 90, progressive=True)
WEB_PNG = Form("_web_png", WEB_MAX_PX, PNG)
WEB_FORMS = (WEB_WEBP, WEB_JPEG, WEB_PNG)
"""Optimised copies of an upload in its own proportions, never enlarged."""

SIZED_QUALITY: Mapping[str, int | None] = {JPEG: 80, PNG: None, WEBP: 80}
"""How sizes that somebody asks for are packed."""
MIN_SIZED_PX, MAX_SIZED_PX = 16, 2048


def module_px(side: int, side_px: int) -> int:
    """How many pixels a module has in an image of `side_px` squared.

    Raises:
        WrongSymbol: fewer than two.
    """
    across = side + 2 * QUIET_ZONE
    pixels = side_px // across
    if pixels < MIN_MODULE_PX:
        raise WrongSymbol(f"this symbol has {across} modules from edge to edge: ask for at least {MIN_MODULE_PX * across} pixels")
    return pixels


def check_symbol(side: int, modules: bytes) -> None:
    """See that `modules` (eight a byte) are those of a symbol; raises WrongSymbol."""
    if not MIN_SIDE <= side <= MAX_SIDE or side % 4 != 1:
        raise WrongSymbol(f"no symbol has {side} modules from edge to edge")
    if len(modules) != (side * side + 7) // 8:
        raise WrongSymbol(f"{len(modules)} bytes of modules for a symbol of {side} from edge to edge")
