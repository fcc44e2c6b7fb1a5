"""Two decoders that share no code: zxing-cpp and quirc."""

from collections.abc import Callable

import deqr  # ships no types: imported here only
import zxingcpp

Decoder = Callable[[bytes, int], bytes | None]
"""From a square image (8 bits a pixel, 0 is black; pixels a side) to what it says; None when no symbol is found or it can't be read."""


def zxing(pixels: bytes, size_px: int) -> bytes | None:
    """The symbol must be upright and dark on white: zxing-cpp could do without, but other readers can't."""
    image = memoryview(pixels).cast("B", (size_px, size_px))
    formats = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)
    symbol = zxingcpp.read_barcode(image, formats, try_rotate=False, try_downscale=False, try_invert=False)
    return symbol.bytes if symbol is not None else None


def quirc(pixels: bytes, size_px: int) -> bytes | None:
    """The image must hold one symbol; what it says may stand in several segments."""
    found = deqr.QuircDecoder().decode((pixels, (size_px, size_px)), convert_data=False)
    if len(found) != 1:
        return None
    return b"".join(entry.data for entry in found[0].data_entries)


DECODERS: tuple[tuple[str, Decoder], ...] = (("zxing", zxing), ("quirc", quirc))
