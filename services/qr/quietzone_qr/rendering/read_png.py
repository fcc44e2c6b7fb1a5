"""Reads PNG files of one bit a pixel, enough to check what `png` draws."""

import struct
import zlib
from collections.abc import Iterator

from quietzone_qr.rendering.shown import WrongDrawing, require, require_quiet_zone

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_ONE_BIT_GREYSCALE = (1, 0, 0, 0, 0)  # depth, colour type, compression, filter, interlace


def modules_of(data: bytes, *, side: int, size_px: int) -> bytes:
    """The `side`² modules that a PNG of `size_px` squared shows, row by row, 1 is black.

    Raises:
        WrongDrawing: not such a PNG, modules that aren't squares of whole pixels, or too narrow a quiet zone.
    """
    return _modules(_lines(data, size_px), side, size_px)


def _lines(data: bytes, size_px: int) -> list[str]:
    """The image's lines as digits, 1 is white."""
    chunks = list(_chunks(data))
    require([kind for kind, _ in chunks] == [b"IHDR", b"IDAT", b"IEND"], "not a PNG of one IDAT chunk")
    require(chunks[0][1] == struct.pack(">2I5B", size_px, size_px, *_ONE_BIT_GREYSCALE), "not the header of a PNG of that size")
    line_bytes = 1 + (size_px + 7) // 8
    pixels = _inflated(chunks[1][1], line_bytes * size_px)
    lines = [pixels[start : start + line_bytes] for start in range(0, len(pixels), line_bytes)]
    digits = {line: f"{int.from_bytes(line[1:], 'big'):0{8 * (line_bytes - 1)}b}"[:size_px] for line in set(lines)}
    require(all(line[0] == 0 for line in digits), "a line with a filter")
    return [digits[line] for line in lines]


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    require(data.startswith(_SIGNATURE), "no PNG signature")
    position = len(_SIGNATURE)
    while position < len(data):
        length = int.from_bytes(data[position : position + 4], "big")
        kind_and_data, checksum = data[position + 4 : position + 8 + length], data[position + 8 + length : position + 12 + length]
        require(zlib.crc32(kind_and_data).to_bytes(4, "big") == checksum, "a chunk with a wrong checksum")
        yield kind_and_data[:4], kind_and_data[4:]
        position += 12 + length


def _inflated(stream: bytes, size: int) -> bytes:
    inflater = zlib.decompressobj()
    try:
        pixels = inflater.decompress(stream, size)
        rest = inflater.decompress(inflater.unconsumed_tail, 1)  # what is left must be the checksum and nothing else
    except zlib.error as error:
        raise WrongDrawing(f"a broken zlib stream: {error}") from error
    require(inflater.eof and not rest and not inflater.unused_data and len(pixels) == size, "a zlib stream of another length")
    return pixels


def _modules(lines: list[str], side: int, size_px: int) -> bytes:
    """The modules within the smallest square that holds all black; each line must be as its modules say, margins and all."""
    inked = [y for y, line in enumerate(lines) if "0" in line]
    require(bool(inked), "nothing is black")
    distinct = [line for line in dict.fromkeys(lines) if "0" in line]
    top, left = inked[0], min(line.index("0") for line in distinct)
    bottom, right = inked[-1] + 1, max(line.rindex("0") for line in distinct) + 1
    module_px, rest = divmod(right - left, side)
    require(bottom - top == right - left and rest == 0, f"what is black isn't a square of {side} modules")
    require_quiet_zone(*(margin / module_px for margin in (left, top, size_px - right, size_px - bottom)))
    rows = []
    for y in range(top, bottom, module_px):
        row = lines[y][left + module_px // 2 : right : module_px]
        whole = "1" * left + "".join([digit * module_px for digit in row]) + "1" * (size_px - right)
        require(lines[y : y + module_px] == [whole] * module_px, f"modules in lines {y} to {y + module_px} aren't squares")
        rows.append(row)
    return "".join(rows).translate({ord("0"): 1, ord("1"): 0}).encode()
