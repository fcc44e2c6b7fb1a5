"""Drawing a code: modules of whole pixels on white, in each format, and the proof that a finished file shows exactly them."""

import io
import struct
import zlib
from dataclasses import dataclass

from PIL import Image

from quietzone_storage.assets.domain import Symbol
from quietzone_storage.assets.use_cases import Drawing
from quietzone_storage.variants.domain import CODE_FORMS, JPEG, PNG, QUIET_ZONE, Form, check_symbol, module_px

PNG_LEVEL = 6
"""9 takes five times as long and saves 20 bytes of 1,000: lines repeat anyway."""
WEBP_METHOD = 1
"""Of 0 to 6: for two colours a higher one takes up to five times as long, and saves 1 KB."""

WHITE, BLACK = 255, 0
_MIDDLE = [BLACK] * 128 + [WHITE] * 128
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_UNFILTERED = b"\0"


class NotShown(ValueError):
    """A file doesn't show the modules that it was drawn from: it must not be handed out."""


def draw_code(symbol: Symbol) -> list[Drawing]:
    """All files of a code, each proven. Takes some milliseconds of CPU.

    Raises:
        WrongSymbol: these are no modules of a symbol, or too many for the smallest file.
        NotShown: a file doesn't show them.
    """
    return [draw(symbol, form) for form in CODE_FORMS]


def draw(symbol: Symbol, form: Form) -> Drawing:
    """One file of a code; raises as `draw_code`."""
    check_symbol(symbol.side, symbol.modules)
    picture = paint(symbol, form.side_px)
    data = pack(picture, form)
    prove(data, picture)
    return Drawing(form.variant, data, form.media_type, form.side_px, form.side_px)


@dataclass(frozen=True, slots=True)
class Picture:
    """A square in two colours: its lines from top to bottom, a bit a pixel, 1 is white, each filled up to a whole byte with 0."""

    side_px: int
    lines: tuple[bytes, ...]

    @property
    def pixels(self) -> bytes:
        """All lines."""
        return b"".join(self.lines)


def paint(symbol: Symbol, side_px: int) -> Picture:
    """The symbol with its quiet zone; what whole pixels leave over is white margin."""
    pixels, side = module_px(symbol.side, side_px), symbol.side
    margin = (side_px - (side + 2 * QUIET_ZONE) * pixels) // 2 + QUIET_ZONE * pixels
    below = side_px - margin - side * pixels
    digits = f"{int.from_bytes(symbol.modules, 'big'):0{len(symbol.modules) * 8}b}"
    white = _line("1" * side_px)
    lines = [white] * margin
    for start in range(0, side * side, side):
        row = "".join(["0" * pixels if module == "1" else "1" * pixels for module in digits[start : start + side]])
        lines += [_line("1" * margin + row + "1" * below)] * pixels
    return Picture(side_px, (*lines, *[white] * below))


def pack(picture: Picture, form: Form) -> bytes:
    """A picture as a file."""
    if form.media_type == PNG:
        header = struct.pack(">2I5B", picture.side_px, picture.side_px, 1, 0, 0, 0, 0)  # a bit a pixel, greyscale
        lines = zlib.compress(_UNFILTERED + _UNFILTERED.join(picture.lines), PNG_LEVEL)
        return _SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", lines) + _chunk(b"IEND", b"")
    out = io.BytesIO()
    image = Image.frombytes("1", (picture.side_px, picture.side_px), picture.pixels)
    if form.media_type == JPEG:
        image.convert("L").save(out, "JPEG", quality=form.quality, progressive=form.progressive)
    else:
        image.convert("RGB").save(out, "WEBP", quality=form.quality, method=WEBP_METHOD)
    return out.getvalue()


def prove(data: bytes, picture: Picture) -> None:
    """See that each pixel of a file is on its side of the middle between black and white.

    Raises:
        NotShown: one isn't.
    """
    with Image.open(io.BytesIO(data)) as read:
        shown = read if read.mode == "1" else read.convert("L").point(_MIDDLE, "1")
        if shown.size != (picture.side_px, picture.side_px) or shown.tobytes() != picture.pixels:
            raise NotShown(f"the {read.format} of {picture.side_px} pixels doesn't show its modules; it isn't handed out")


def _line(digits: str) -> bytes:
    size = (len(digits) + 7) // 8
    return int(digits.ljust(size * 8, "0"), 2).to_bytes(size, "big")


def _chunk(kind: bytes, data: bytes) -> bytes:
    """A chunk of a PNG (https://www.w3.org/TR/png-3/, 5.3)."""
    return b"".join((len(data).to_bytes(4, "big"), kind, data, zlib.crc32(kind + data).to_bytes(4, "big")))
