"""PNG (https://www.w3.org/TR/png-3/): one bit a pixel, greyscale, nothing that a symbol doesn't need."""

import struct
import zlib
from functools import lru_cache

from quietzone_qr.rendering.deflate import Line, Piece, compress_lines, piece
from quietzone_qr.rendering.geometry import Geometry
from quietzone_qr.rendering.matrix import QUIET_ZONE, Matrix

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_UNFILTERED = b"\x00"
_DIGITS = bytes([ord("1"), ord("0")]) + bytes(254)  # in a greyscale of one bit white is 1


def draw(matrix: Matrix, size_px: int) -> bytes:
    """`matrix` with its quiet zone, `size_px` wide and high; each module is a square of whole pixels, what is left over is white margin.

    Raises:
        ImageTooSmall: less than two pixels a module.
    """
    geometry = Geometry.of(matrix, size_px)
    header = struct.pack(">2I5B", size_px, size_px, 1, 0, 0, 0, 0)
    pixels = compress_lines(_lines(matrix, geometry))
    return _SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")


def _lines(matrix: Matrix, geometry: Geometry) -> list[Line]:
    """The image's lines from top to bottom: each row of modules is one line, as often as a module has pixels."""
    width = (geometry.size_px + 7) // 8
    # Whole bytes on the left, so that modules begin at a byte's border: the margin is up to 7 pixels narrower there than on the right.
    margin = geometry.spare_px // 2 // 8
    above = geometry.spare_px // 2 + QUIET_ZONE * geometry.module_px
    below = geometry.size_px - above - matrix.side * geometry.module_px
    white = [piece(_UNFILTERED + b"\xff" * width)]
    packed, row_bytes = _packed(matrix)
    inner, last = row_bytes - 1, width - margin - (row_bytes - 1) * geometry.module_px
    left = piece(_UNFILTERED + b"\xff" * margin)
    modules, rightmost = _eight_modules(geometry.module_px, geometry.module_px), _eight_modules(geometry.module_px, last)
    lines = [Line(white, above)]
    for start in range(0, len(packed), row_bytes):
        row = packed[start : start + row_bytes]
        lines.append(Line([left, *[modules[byte] for byte in row[:inner]], rightmost[row[inner]]], geometry.module_px))
    lines.append(Line(white, below))
    return lines


def _packed(matrix: Matrix) -> tuple[bytes, int]:
    """The matrix with the quiet zone at its sides, one bit a module, 1 is white, and the bytes of a row."""
    side = matrix.side
    row_bytes = (side + 2 * QUIET_ZONE + 7) // 8
    left, right = "1" * QUIET_ZONE, "1" * (row_bytes * 8 - QUIET_ZONE - side)
    digits = matrix.modules.translate(_DIGITS).decode()
    rows = (right + left).join([digits[start : start + side] for start in range(0, side * side, side)])
    return int(left + rows + right, 2).to_bytes(side * row_bytes, "big"), row_bytes


@lru_cache(maxsize=32)  # two entries a module size in use; up to 100 KB each
def _eight_modules(module_px: int, width: int) -> list[Piece]:
    """For each byte of eight modules their `8 * module_px` pixels, one bit each: `width` bytes, cut off or filled up with white."""
    pixels = [int("".join(digit * module_px for digit in f"{byte:08b}"), 2).to_bytes(module_px, "big") for byte in range(256)]
    return [piece(eight[:width].ljust(width, b"\xff")) for eight in pixels]


def _chunk(kind: bytes, data: bytes) -> bytes:
    return b"".join((len(data).to_bytes(4, "big"), kind, data, zlib.crc32(data, zlib.crc32(kind)).to_bytes(4, "big")))
