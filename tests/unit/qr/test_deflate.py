import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from quietzone_qr.rendering.deflate import Line, compress_lines


@given(st.integers(3, 600).flatmap(lambda length: st.lists(st.tuples(st.binary(min_size=length, max_size=length), st.integers(1, 200)))))
def test_zlib_reads_what_was_compressed(parts: list[tuple[bytes, int]]) -> None:
    stream = compress_lines([Line(data, times) for data, times in parts])

    assert zlib.decompress(stream) == b"".join(data * times for data, times in parts)


@pytest.mark.parametrize("length", [3, 4, 9, 86, 129, 257, 258, 259, 260, 513, 4097, 32_768])
def test_every_remainder_of_the_longest_match_is_repeated(length: int) -> None:
    line = bytes(place * 7 % 251 for place in range(length))

    for times in range(1, 90):
        assert zlib.decompress(compress_lines([Line(line, times)])) == line * times
