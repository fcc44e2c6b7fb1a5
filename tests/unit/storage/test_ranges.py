"""A request for a part of a file gets that part, the whole, or a refusal; and tags are compared as HTTP says."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quietzone_storage.serving.ranges import Unsatisfiable, is_known, part_of


@given(first=st.integers(0, 300), length=st.integers(1, 300), size=st.integers(1, 200))
def test_a_range_never_reaches_outside_the_file(first: int, length: int, size: int) -> None:
    with suppress(Unsatisfiable):
        part = part_of(f"bytes={first}-{first + length - 1}", size)
        assert part is not None
        assert 0 <= part.start < part.end <= size


@pytest.mark.parametrize("header", ["", "bytes=", "bytes=-", "bytes=5-1", "bytes=1-2,4-5", "items=1-2", "bytes=a-b", "bytes=1-2x"])
def test_a_range_that_is_none_means_the_whole(header: str) -> None:
    assert part_of(header, 100) is None


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=100-200", "bytes=-0"])
def test_a_range_without_a_byte_is_refused(header: str) -> None:
    with pytest.raises(Unsatisfiable):
        part_of(header, 100)


def test_a_weak_tag_and_a_star_are_known() -> None:
    assert is_known('W/"a"', '"a"')
    assert is_known("*", '"a"')
    assert not is_known('"b"', '"a"')
