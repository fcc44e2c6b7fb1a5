"""A zlib stream of lines that are put together from few pieces and repeated many times, in a third of the time that zlib would take.

zlib looks at every byte. A drawn symbol has some 30 different lines, each repeated as often as a module has pixels, and each made of a
few pieces that come again and again: here pieces are encoded once and for all, a line is the codes of its pieces, and its repetition is
"what stands one line before, again". The checksum of what is never built follows from that of the lines (RFC 1950, RFC 1951).

Codes are strings of 0 and 1, the last bit of the stream first: so that a stream is one binary number, from its end to its beginning.
"""

import zlib
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple

_HEADER = b"\x78\x01"  # deflate, a window of 32 KiB: distances are up to a line
_FIXED_BLOCK = "011"  # the last block (1), in fixed codes (01)
_END_OF_BLOCK = "0000000"
_ADLER_MODULUS = 65_521
_MIN_MATCH, _MAX_MATCH = 3, 258


class Piece(NamedTuple):  # a frozen dataclass takes four times as long to make and to take apart, which is a tenth of a drawing
    """A part of a line, with its codes."""

    data: bytes
    codes: str


class Line(NamedTuple):
    """A line of 3 to 32,768 bytes, and how often it comes, one after the other."""

    pieces: Sequence[Piece]
    times: int


def piece(data: bytes) -> Piece:
    """A part of lines, in fixed codes: runs of equal bytes as one byte and a match with the byte before."""
    codes: list[str] = []
    for byte, run in groupby(data):
        more = len(list(run)) - 1
        codes += [_literal(byte), _match(more, 1)] if more >= _MIN_MATCH else [_literal(byte)] * (1 + more)
    return Piece(data, "".join(reversed(codes)))


def compress_lines(lines: Iterable[Line]) -> bytes:
    """A zlib stream of these lines, which all have one length."""
    stream = [_FIXED_BLOCK]
    low, high = 1, 0  # Adler-32: the sum of all bytes plus 1, and the sum of those sums
    for line in lines:
        parts, codes = zip(*line.pieces, strict=True)
        data, times = b"".join(parts), line.times
        stream += codes
        if times > 1:
            stream.append(_match((times - 1) * len(data), len(data)))
        high_of_line, low_of_line = divmod(zlib.adler32(data, 0), 1 << 16)
        high += times * (len(data) * low + high_of_line) + len(data) * low_of_line * (times * (times - 1) // 2)
        low += times * low_of_line
    stream.append(_END_OF_BLOCK)
    stream.reverse()
    bits = "".join(stream)
    checksum = high % _ADLER_MODULUS << 16 | low % _ADLER_MODULUS
    return _HEADER + int(bits, 2).to_bytes((len(bits) + 7) // 8, "little") + checksum.to_bytes(4, "big")


def _literal(byte: int) -> str:
    """The code of a byte (RFC 1951, 3.2.6): 8 bits up to 143, then 9."""
    code = f"{0b00110000 + byte:08b}" if byte < 144 else f"{0b110010000 + byte - 144:09b}"
    return code[::-1]


@lru_cache(maxsize=1024)  # two or three an image size, and the runs in pieces; up to 4 KB each for the largest images
def _match(length: int, distance: int) -> str:
    """The codes of `length` bytes, at least 3, that stand `distance` bytes before."""
    back = _distance(distance)
    return "".join(back + _length(part) for part in _split(length))


def _split(length: int) -> list[int]:
    """`length` as a sum of lengths that a match can have."""
    full, rest = divmod(length, _MAX_MATCH)
    if rest == 0:
        return [_MAX_MATCH] * full
    if rest < _MIN_MATCH:
        return [_MAX_MATCH] * (full - 1) + [_MAX_MATCH - _MIN_MATCH, _MIN_MATCH + rest]
    return [_MAX_MATCH] * full + [rest]


def _length(length: int) -> str:
    """The code of a match's length with its extra bits (RFC 1951, 3.2.5): symbols 256 to 279 have 7 bits, those up to 285 have 8."""
    if length == _MAX_MATCH:
        symbol, extra = 285, ""
    else:
        code, extra = _bucket(length - _MIN_MATCH, codes_in_bucket=4)
        symbol = 257 + code
    prefix = f"{symbol - 256:07b}" if symbol < 280 else f"{0b11000000 + symbol - 280:08b}"
    return extra + prefix[::-1]


def _distance(distance: int) -> str:
    """The code of a match's distance, 5 bits, with its extra bits."""
    code, extra = _bucket(distance - 1, codes_in_bucket=2)
    return extra + f"{code:05b}"[::-1]


def _bucket(value: int, *, codes_in_bucket: int) -> tuple[int, str]:
    """Code and extra bits of a value: the tables of RFC 1951 as a formula. `codes_in_bucket` codes have the same number of extra bits, the
    next ones one more; twice as many have none.
    """
    bits = max(0, value.bit_length() - codes_in_bucket.bit_length())
    extra = f"{value & (1 << bits) - 1:0{bits}b}" if bits else ""
    return bits * codes_in_bucket + (value >> bits), extra
