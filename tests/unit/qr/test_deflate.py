import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quietzone_qr.rendering.deflate import Line, compress_lines, piece

RUNS = st.builds(lambda byte, times: byte * times, st.binary(min_size=1, max_size=1), st.integers(1, 600))


@given(
    st.lists(st.tuples(st.lists(st.binary(max_size=80) | RUNS, min_size=1, max_size=6), st.integers(1, 200)), max_size=8),
    st.integers(3, 500),
)
def test_zlib_reads_what_was_compressed(parts: list[tuple[list[bytes], int]], length: int) -> None:
    lines = [([*pieces, bytes(max(0, length - sum(map(len, pieces))))], times) for pieces, times in parts]
    lines = [([b"".join(pieces)[:length]] if sum(map(len, pieces)) > length else pieces, times) for pieces, times in lines]

    stream = compress_lines([Line([piece(data) for data in pieces], times) for pieces, times in lines])

    assert zlib.decompress(stream) == b"".join(b"".join(pieces) * times for pieces, times in lines)


@given(st.binary() | RUNS)
def test_a_piece_can_hold_any_bytes(data: bytes) -> None:
    line = data.ljust(3, b"x")

    assert zlib.decompress(compress_lines([Line([piece(line)], 1)])) == line


@pytest.mark.parametrize("length", [3, 4, 9, 86, 129, 257, 258, 259, 260, 513])
def test_every_remainder_of_the_longest_match_is_repeated(length: int) -> None:
    line = bytes(place * 7 % 251 for place in range(length))

    for times in range(1, 90):
        assert zlib.decompress(compress_lines([Line([piece(line)], times)])) == line * times


def test_the_longest_line_is_repeated() -> None:
    line = bytes(place * 7 % 251 for place in range(32_768))

    assert zlib.decompress(compress_lines([Line([piece(line)], 9)])) == line * 9
