"""Telling files apart by their bytes, before anything decodes them: format, size in pixels, and that nothing else hides in them. Pure.

Each format is walked through from its first byte to its last, so that a file is that one thing only. No bytes follow its end,
but for a JPEG, of which `alone` gives what is before; and none of it reads as an archive, a document or a script to those who look for
these.
"""

import re
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

MAX_SIDE_PX = 16_384
"""What browsers and printers take; formats would allow 2**32."""
MAX_PIXELS = 8_400_000
"""A screen of 3,840 x 2,160. At 4 bytes a pixel, and a second copy while it is scaled, a worker stays below 128 MB."""
MAX_WEBP_PIXELS = 4_500_000
"""Its decoder keeps three copies."""
MAX_JPEG_PIXELS = 25_000_000
"""A baseline JPEG is decoded at a fraction of its size; a progressive one isn't, and counts as all others."""
MAX_PIECES = 100_000
"""Segments, chunks and blocks of a file: 20 MB of GIF, whose blocks are the smallest, have 80,000. Walking through so many takes 0.1 s."""

JPEG, PNG, WEBP, GIF, SVG = "image/jpeg", "image/png", "image/webp", "image/gif", "image/svg+xml"

UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")
"""What text in UTF-16 begins with (https://www.w3.org/TR/xml/, 4.3.3)."""
_PROLOGUE_BYTES = 65_536
"""Within which an SVG's first element stands: editors write a line before it, licences some thousand bytes."""
_SVG_START = re.compile(r"(?>\s+|<\?.*?\?>|<!--.*?-->)*+<(?:!DOCTYPE\s+)?(?:[\w.-]+:)?svg[\s/>\[]", re.DOTALL)

_HIDDEN = (
    b"<script",
    b"<?php",
    b"<!doctype html",
    b"<html",
    b"%pdf-",
    b"javascript:",
)  # in small letters; one by one is eight times as fast
_ZIP_END, _ZIP_TAIL = b"PK\x05\x06", 66_000  # an archive's directory ends within that of the end
_PNG_CHUNKS = frozenset(
    {
        *(b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"sBIT", b"bKGD", b"hIST", b"pHYs", b"tIME"),
        *(b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"cICP", b"sPLT", b"mDCV", b"cLLI", b"mDCv", b"cLLi", b"acTL", b"fcTL", b"fdAT"),
        *(b"oFFs", b"pCAL", b"sCAL", b"sTER", b"gIFg", b"gIFx", b"dSIG"),  # the register of extensions
        *(b"iDOT", b"caNv", b"vpAg", b"orNT"),  # of programs that many use: Apple's, ImageMagick
    }
)
_ALONE = frozenset({0x01, *range(0xD0, 0xD8)})  # JPEG's markers without a length
_FRAMES = frozenset({0xC0, 0xC1, 0xC2})
_PROGRESSIVE = 0xC2
_OTHER_FRAMES = frozenset({0xC3, *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0)})  # lossless and the like (T.81, B.1)
_SCAN_END = re.compile(rb"\xff[^\x00\x01\xd0-\xd7]")  # neither a stuffed byte nor a marker without a length
_WEBP_CHUNKS = frozenset({b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP", b"EXIF", b"XMP "})  # RFC 9649, 2.7


class Refused(ValueError):
    """The file isn't taken: says why, and what would do."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What a file is; pixels are 0 for an SVG."""

    media_type: str
    width: int
    height: int


def media_type_of(data: bytes) -> str:
    """What the first bytes say (https://mimesniff.spec.whatwg.org/#matching-an-image-type-pattern); raises Refused."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return PNG
    if data.startswith(b"\xff\xd8\xff"):
        return JPEG
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return WEBP
    if data[:6] in (b"GIF87a", b"GIF89a"):
        return GIF
    if _SVG_START.match(_beginning(data)):
        return SVG
    raise Refused("the file is no image that is taken here: send PNG, JPEG, WebP, GIF or SVG")


def _beginning(data: bytes) -> str:
    """The first characters of what may be text, in the encodings that every reader of XML knows."""
    encoding = "utf-16" if data.startswith(UTF_16_MARKS) else "utf-8-sig"
    return data[:_PROLOGUE_BYTES].decode(encoding, "ignore")


def look(data: bytes, declared: str) -> Looked:
    """See what a file is, and that it is what was declared.

    Raises:
        Refused: another type, damaged, too large in pixels, or something hides in it.
    """
    media_type = media_type_of(data)
    if media_type != declared:
        raise Refused(f"the file is {media_type}, and {declared} was declared")
    if media_type == SVG:
        return Looked(SVG, 0, 0)  # it is read as a whole, by `svg`
    try:
        width, height, most = _WALKS[media_type](data)
    except (struct.error, IndexError) as error:
        raise Refused(f"the {media_type} ends before it is complete") from error
    _check_pixels(width, height, most)
    small = data.lower()
    if any(each in small for each in _HIDDEN) or _ZIP_END in data[-_ZIP_TAIL:]:
        raise Refused("the file is an image and something else at once (an archive, a document or a script): save it anew as an image")
    return Looked(media_type, width, height)


def _check_pixels(width: int, height: int, most: int) -> None:
    if not (0 < width <= MAX_SIDE_PX and 0 < height <= MAX_SIDE_PX):
        raise Refused(f"the image has {width} x {height} pixels; use 1 to {MAX_SIDE_PX} a side")
    if width * height > most:
        raise Refused(f"the image has {width * height / 1e6:.1f} megapixels; {most / 1e6:.1f} are taken: scale it down")


def _png(data: bytes) -> tuple[int, int, int]:
    place, size = 8, (0, 0)
    for index, (kind, start, length) in enumerate(_png_chunks(data)):
        if kind not in _PNG_CHUNKS or (index == 0) != (kind == b"IHDR"):
            raise Refused(f"the PNG has a chunk {kind!r} where none is expected: save it anew")
        if kind == b"IHDR":
            size = struct.unpack(">II", data[start : start + 8])
        place = start + length + 4
        if kind == b"IEND":
            break
    else:
        raise Refused("the PNG ends before it is complete")
    _check_end(data, place)
    return *size, MAX_PIXELS


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    place, pieces = 8, _pieces()
    while place < len(data):
        next(pieces)
        (length,) = struct.unpack(">I", data[place : place + 4])
        if place + 12 + length > len(data):
            raise Refused("the PNG ends before it is complete")
        yield data[place + 4 : place + 8], place + 8, length
        place += 12 + length


def alone(data: bytes, media_type: str) -> bytes:
    """A file that was looked at, without what follows its end: phones write small films, second pictures and notes behind a JPEG."""
    return data[: _jpeg_walk(data)[1]] if media_type == JPEG else data


def _jpeg(data: bytes) -> tuple[int, int, int]:
    return _jpeg_walk(data)[0]


def _jpeg_walk(data: bytes) -> tuple[tuple[int, int, int], int]:
    """A JPEG's size, and where it ends; raises Refused, struct.error, IndexError."""
    place, found, pieces = 2, (0, 0, 0), _pieces()
    while True:
        next(pieces)
        if data[place] != 0xFF:
            raise Refused("the JPEG is damaged: save it anew")
        marker = data[place + 1]
        place += 2
        if marker == 0xFF:
            place -= 1
        elif marker == 0xD9:
            break
        elif marker not in _ALONE:
            (length,) = struct.unpack(">H", data[place : place + 2])
            if marker in _FRAMES | _OTHER_FRAMES:
                found = _frame(data, place, marker, found)
            place += length
            if marker == 0xDA:
                place = _behind_scan(data, place)
    return found, place


def _frame(data: bytes, place: int, marker: int, before: tuple[int, int, int]) -> tuple[int, int, int]:
    """Size of a JPEG's frame, of which there is one, and what it may be; raises Refused."""
    if marker in _OTHER_FRAMES:
        raise Refused("the JPEG is coded in a way that few read: save it as baseline or progressive JPEG")
    if any(before):
        raise Refused("the JPEG has two sizes: save it anew")
    height, width = struct.unpack(">HH", data[place + 3 : place + 7])
    return width, height, MAX_PIXELS if marker == _PROGRESSIVE else MAX_JPEG_PIXELS


def _behind_scan(data: bytes, place: int) -> int:
    """Where the next marker is that isn't part of the scan's data."""
    found = _SCAN_END.search(data, place)
    if found is None:
        raise Refused("the JPEG ends before it is complete")
    return found.start()


def _webp(data: bytes) -> tuple[int, int, int]:
    (length,) = struct.unpack("<I", data[4:8])
    _check_end(data, 8 + length + (length & 1))
    _check_end(data, _behind_webp_chunks(data))
    kind = data[12:16]
    if kind == b"VP8X":
        width = 1 + int.from_bytes(data[24:27], "little")
        height = 1 + int.from_bytes(data[27:30], "little")
    elif kind == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        width, height = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    elif kind == b"VP8 ":
        width, height = (side & 0x3FFF for side in struct.unpack("<HH", data[26:30]))
    else:
        raise Refused("the WebP is damaged: save it anew")
    return width, height, MAX_WEBP_PIXELS


def _behind_webp_chunks(data: bytes) -> int:
    """Where the last chunk ends; raises Refused, struct.error."""
    place, pieces = 12, _pieces()
    while place < len(data):
        next(pieces)
        kind, (length,) = data[place : place + 4], struct.unpack("<I", data[place + 4 : place + 8])
        if kind not in _WEBP_CHUNKS:
            raise Refused(f"the WebP has a chunk {kind!r} where none is expected: save it anew")
        place += 8 + length + (length & 1)
    return place


def _gif(data: bytes) -> tuple[int, int, int]:
    width, height = struct.unpack("<HH", data[6:10])
    place, pieces = 13 + _table(data[10]), _pieces()
    while data[place] != 0x3B:
        if data[place] == 0x2C:
            left, top, wide, high = struct.unpack("<4H", data[place + 1 : place + 9])
            width, height = max(width, left + wide), max(height, top + high)  # decoders make room for what leaves the screen
            place += 10 + _table(data[place + 9]) + 1
        elif data[place] == 0x21:
            place += 2
        else:
            raise Refused("the GIF is damaged: save it anew")
        while data[place]:
            next(pieces)
            place += 1 + data[place]
        next(pieces)
        place += 1
    _check_end(data, place + 1)
    return width, height, MAX_PIXELS


def _pieces() -> Iterator[None]:
    """Counts what a file is made of, piece by piece; raises Refused for too many."""
    for _ in range(MAX_PIECES):
        yield
    raise Refused(f"the file is cut into more than {MAX_PIECES:,} pieces: save it anew")


def _table(flags: int) -> int:
    """Bytes of a GIF's table of colours."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _check_end(data: bytes, end: int) -> None:
    if end < len(data):
        raise Refused(f"{len(data) - end} bytes follow the image's end: save it anew, without what hides there")
    if end > len(data):
        raise Refused("the file ends before it is complete")


_WALKS: Mapping[str, Callable[[bytes], tuple[int, int, int]]] = {PNG: _png, JPEG: _jpeg, WEBP: _webp, GIF: _gif}

_UNSAFE_NAME = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff<>:\"|?*]")
MAX_NAME = 120


def clean_name(name: str) -> str:
    """What a file is called from now on: without folders, without what other systems forbid or hide, at most 120 characters."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    return _UNSAFE_NAME.sub("", last).strip(" .")[:MAX_NAME]
