"""A zlib stream of lines of which each is repeated many times, in less than half of the time that zlib would take.

zlib looks at every byte. A drawn symbol has some 30 different lines, each repeated as often as a module has pixels: here zlib compresses
each line once, alone, and the repetition is a block of its own that says "what stands one line before, again" and is the same for all
lines of that length. The checksum of what is never built follows from the lines' own (RFC 1950, RFC 1951).
"""

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

_HEADER = b"\x78\x01"  # deflate, a window of 32 KiB: distances are up to a line
_LAST_BLOCK = b"\x03\x00"  # fixed codes, nothing but its end
_FLUSHED = b"\x00\x00\xff\xff"  # length and complement of an empty stored block, which begins at a byte's border
_ADLER_MODULUS = 65_521

_LEVEL = 6  # the lines of a symbol of 29 modules: 930 bytes, where level 1 makes 1,210 in four fifths of the time
_WINDOW_BITS = 9  # a line is matched with itself only: 512 bytes will do, and are quicker to set up
_MEMORY_LEVEL = 1  # likewise: a full flush clears the hash table, this is the smallest

_MIN_MATCH, _MAX_MATCH = 3, 258
_LONGEST_CODE = 285


@dataclass(frozen=True, slots=True)
class Line:
    """A line and how often it comes, one after the other; both at least once."""

    data: bytes
    times: int


def compress_lines(lines: Iterable[Line]) -> bytes:
    """A zlib stream of these lines. A line has 3 to 32,768 bytes."""
    compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, -_WINDOW_BITS, _MEMORY_LEVEL)
    stream = [_HEADER]
    low, high = 1, 0  # Adler-32: the sum of all bytes plus 1, and the sum of those sums
    for line in lines:
        data, times, length = line.data, line.times, len(line.data)
        stream.append(compressor.compress(data))
        stream.append(compressor.flush(zlib.Z_FULL_FLUSH))
        if times > 1:
            stream.append(_again(length, times - 1))
        high_of_line, low_of_line = divmod(zlib.adler32(data, 0), 1 << 16)
        high += times * (length * low + high_of_line) + length * low_of_line * (times * (times - 1) // 2)
        low += times * low_of_line
    stream.append(_LAST_BLOCK)
    stream.append((high % _ADLER_MODULUS << 16 | low % _ADLER_MODULUS).to_bytes(4, "big"))
    return b"".join(stream)


@lru_cache(maxsize=256)  # two or three entries an image size; 40 bytes each
def _again(length: int, times: int) -> bytes:
    """A block that repeats the last `length` bytes `times` times: matches at that distance, in fixed codes, up to a byte's border."""
    distance = _distance_bits(length)
    matches = "".join(_length_bits(match) + distance for match in _split(length * times))
    bits = "010" + matches + "0000000" + "000"  # not the last, fixed codes; its end; not the last, stored
    return int(bits[::-1], 2).to_bytes((len(bits) + 7) // 8, "little") + _FLUSHED


def _split(total: int) -> list[int]:
    """`total` as a sum of lengths that a match can have."""
    full, rest = divmod(total, _MAX_MATCH)
    if rest == 0:
        return [_MAX_MATCH] * full
    if rest < _MIN_MATCH:
        return [_MAX_MATCH] * (full - 1) + [_MAX_MATCH - _MIN_MATCH, _MIN_MATCH + rest]
    return [_MAX_MATCH] * full + [rest]


def _length_bits(length: int) -> str:
    """The code of a match's length and its extra bits, in the order of the stream (RFC 1951, 3.2.5 and 3.2.6)."""
    if length == _MAX_MATCH:
        return _fixed_code(_LONGEST_CODE)
    code, extra_bits, extra = _bucket(length - _MIN_MATCH, codes_in_bucket=4)
    return _fixed_code(257 + code) + _extra(extra, extra_bits)


def _distance_bits(distance: int) -> str:
    """The code of a match's distance, 5 bits, and its extra bits, in the order of the stream."""
    code, extra_bits, extra = _bucket(distance - 1, codes_in_bucket=2)
    return f"{code:05b}" + _extra(extra, extra_bits)


def _bucket(value: int, *, codes_in_bucket: int) -> tuple[int, int, int]:
    """Code, number of extra bits and their value: the tables of RFC 1951 as a formula. Each run of `codes_in_bucket` codes has one extra
    bit more than the one before; the first two runs have none.
    """
    per_code_bits = max(0, value.bit_length() - codes_in_bucket.bit_length())
    code = per_code_bits * codes_in_bucket + (value >> per_code_bits)
    return code, per_code_bits, value & (1 << per_code_bits) - 1


def _fixed_code(symbol: int) -> str:
    """The fixed code of a length symbol: 7 bits from 256 on, 8 bits from 280 on."""
    return f"{symbol - 256:07b}" if symbol < 280 else f"{symbol - 280 + 0b11000000:08b}"


def _extra(value: int, bits: int) -> str:
    """Extra bits go into the stream from the lowest to the highest."""
    return f"{value:0{bits}b}"[::-1] if bits else ""
