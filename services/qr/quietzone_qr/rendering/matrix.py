"""The module matrix of a payload: what is black and what is white, before anything is drawn."""

import hashlib
import math
from dataclasses import dataclass
from typing import cast

import zxingcpp

MAX_PAYLOAD_BYTES = 512
"""Version 18 at level M holds 560 bytes: 89 modules, which a phone still reads from a poster. Longer ones are hard to print small."""

QUIET_ZONE = 4
"""Modules of white on every side (ISO/IEC 18004, 9.1)."""

_DIGITS = b"01" + bytes(254)
_ONE_IS_BLACK = bytes([1]) + bytes(255)  # zxing-cpp draws black as 0 and white as 255


class PayloadRefused(ValueError):
    """The payload can't become a symbol: says why."""


@dataclass(frozen=True, slots=True)
class Matrix:
    """A symbol without its quiet zone: `modules` has `side`² bytes, row by row, 1 is black."""

    side: int
    modules: bytes

    @property
    def side_with_quiet_zone(self) -> int:
        """Modules from edge to edge of the image."""
        return self.side + 2 * QUIET_ZONE

    def packed(self) -> bytes:
        """The modules eight a byte, row by row without gaps, the first in the highest bit; the last byte is filled up with 0."""
        digits = self.modules.translate(_DIGITS)
        size = (len(digits) + 7) // 8
        return int(digits.ljust(size * 8, b"0"), 2).to_bytes(size, "big")

    def digest(self) -> bytes:
        """32 bytes that are equal for equal matrices only; the side follows from the number of modules."""
        return hashlib.sha256(self.modules).digest()


def encode(payload: str) -> Matrix:
    """The smallest QR symbol of error correction level M (15 % of it may be lost) that holds `payload`.

    Raises:
        PayloadRefused: it isn't 1 to 512 characters of ASCII (others need an ECI, which some readers ignore).
    """
    if not payload or not payload.isascii() or len(payload) > MAX_PAYLOAD_BYTES:
        raise PayloadRefused(f"a payload has 1 to {MAX_PAYLOAD_BYTES} characters of ASCII, this one is {payload!r:.80}")
    symbol = zxingcpp.create_barcode(payload, zxingcpp.BarcodeFormat.QRCode, ec_level="M")
    drawn = memoryview(cast("bytes", symbol.to_image(scale=1, add_quiet_zones=False)))  # its stub forgets that it is a buffer
    return Matrix(math.isqrt(drawn.nbytes), drawn.tobytes().translate(_ONE_IS_BLACK))
