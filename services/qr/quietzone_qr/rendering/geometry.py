"""How large a symbol is drawn."""

from dataclasses import dataclass
from typing import Self

from quietzone_qr.rendering.matrix import Matrix

MIN_SIZE_PX = 64
MAX_SIZE_PX = 4096
"""A print of 35 cm at 300 dpi; an SVG serves what is larger."""
DEFAULT_SIZE_PX = 1036
"""28 whole pixels a module for the 29 modules (and 8 of quiet zone) of a usual short URL: 9 cm at 300 dpi."""
MIN_MODULE_PX = 2
"""What decoders read (the gate asks them); with one, the slightest scaling on a screen or in a printer makes a symbol unreadable."""


class ImageTooSmall(ValueError):
    """The symbol has too many modules for that size: says which size would do."""


@dataclass(frozen=True, slots=True)
class Geometry:
    """A symbol's measures in an image of `size_px` squared: modules of `module_px` squared, and `spare_px` that they leave over."""

    size_px: int
    module_px: int
    spare_px: int

    @classmethod
    def of(cls, matrix: Matrix, size_px: int) -> Self:
        """The largest modules of whole pixels.

        Raises:
            ImageTooSmall: modules would have less than two pixels.
        """
        across = matrix.side_with_quiet_zone
        module_px, spare_px = divmod(size_px, across)
        if module_px < MIN_MODULE_PX:
            raise ImageTooSmall(f"this symbol has {across} modules from edge to edge: ask for at least {MIN_MODULE_PX * across} pixels")
        return cls(size_px, module_px, spare_px)
