from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quietzone_analytics.rollups import dimensions
from quietzone_analytics.rollups.dimensions import MAX_VALUES, Dimension

values = st.lists(st.sampled_from("abcdefghij"), max_size=60)


def scan_by_scan(scans: list[str], limit: int) -> tuple[dict[str, int], int]:
    """The definition."""
    counts: dict[str, int] = {}
    other = 0
    for value in scans:
        if value not in counts and len(counts) == limit:
            smallest = min(counts, key=lambda known: (counts[known], known))
            other += counts.pop(smallest)
        counts[value] = counts.get(value, 0) + 1
    return counts, other


def counted(scans: list[str], cuts: list[int]) -> Dimension:
    dimension = Dimension()
    edges = sorted({0, len(scans), *(cut for cut in cuts if cut < len(scans))})
    for start, end in pairwise(edges):
        part = scans[start:end]
        dimension.add(list(Counter(part).items()), lambda part=part: part)  # type: ignore[misc]
    return dimension


@given(values, st.lists(st.integers(1, 59)), st.integers(1, 11))
def test_counting_in_any_chunks_equals_counting_scan_by_scan(scans: list[str], cuts: list[int], limit: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dimensions, "MAX_VALUES", limit)
        dimension = counted(scans, cuts)

        assert (dimension.counts, dimension.other) == scan_by_scan(scans, limit)


@given(values, st.integers(1, 11))
def test_values_and_other_add_up_to_the_scans(scans: list[str], limit: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dimensions, "MAX_VALUES", limit)
        dimension = counted(scans, [])

        assert sum(dimension.counts.values()) + dimension.other == len(scans)


def test_a_dimension_never_has_more_than_500_values() -> None:
    dimension = counted([f"host-{number}" for number in range(2_000)], list(range(0, 2_000, 300)))

    assert len(dimension.counts) == MAX_VALUES == 500


def test_of_equally_rare_values_the_first_by_name_makes_room() -> None:
    dimension = counted([*(f"v{number:03}" for number in range(500)), "newcomer"], [])

    assert "v000" not in dimension.counts
    assert dimension.counts["newcomer"] == dimension.other == 1


def test_a_value_may_come_up_several_times_in_the_amounts() -> None:
    dimension = Dimension()

    dimension.add([("DE", 2), ("FR", 1), ("DE", 3)], lambda: ())

    assert dimension.counts == {"DE": 5, "FR": 1}
