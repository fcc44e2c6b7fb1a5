"""What a finished file shows: its modules, read back from the bytes that are handed out, sharing nothing with the code that wrote them.

A file is proven pixel by pixel to be an exact enlargement of the modules that are returned, with a quiet zone around them: so decoders
needn't read each size anew.
"""

from quietzone_qr.rendering.matrix import QUIET_ZONE


class WrongDrawing(ValueError):
    """The file doesn't show a symbol as it should: says where."""


def require(holds: bool, what: str) -> None:
    """Raise WrongDrawing unless it holds."""
    if not holds:
        raise WrongDrawing(what)


def require_quiet_zone(*margins: float) -> None:
    """Raise WrongDrawing unless each margin, in modules, is wide enough."""
    require(min(margins) >= QUIET_ZONE, f"the quiet zone is {min(margins):.1f} modules wide, {QUIET_ZONE} are needed")
