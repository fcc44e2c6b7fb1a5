"""One dimension's most frequent values, bounded, with an exact count of the rest."""

import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence

MAX_VALUES = 500  # values a dimension of a day can have; 253 characters each at most, so 6 dimensions stay below 1 MB


class Dimension:
    """Counts by value, and `other`: the scans of values that had to make room. They add up to the scans that were counted."""

    __slots__ = ("counts", "other")

    def __init__(self, counts: dict[str, int] | None = None, other: int = 0) -> None:
        self.counts = {} if counts is None else counts
        self.other = other

    def add(self, amounts: Sequence[tuple[str, int]], in_order: Callable[[], Iterable[str]]) -> None:
        """Count scans: `amounts` says how many by value (a value may come up several times), `in_order` gives each scan's value.

        The result is that of counting scan by scan in order; only when the map may overflow does the order matter, and is asked for.
        """
        counts = self.counts
        if len(counts) + len(amounts) <= MAX_VALUES or len(counts.keys() | {value for value, _ in amounts}) <= MAX_VALUES:
            for value, amount in amounts:
                counts[value] = counts.get(value, 0) + amount
        else:
            self._add_in_order(in_order())

    def _add_in_order(self, values: Iterable[str]) -> None:
        """Count scan by scan: a new value that finds the map full takes the place of the smallest count (of these, the first value).

        The heap holds each value once, with a count that may be out of date, but never too high: it is mended when it comes up.
        """
        counts = self.counts
        heap = [(count, value) for value, count in counts.items()]
        heapq.heapify(heap)
        for value in values:
            if value in counts:
                counts[value] += 1
                continue
            if len(counts) >= MAX_VALUES:
                smallest = _pop_smallest(heap, counts)
                self.other += counts.pop(smallest)
            counts[value] = 1
            heapq.heappush(heap, (1, value))


def _pop_smallest(heap: list[tuple[int, str]], counts: Mapping[str, int]) -> str:
    while True:
        noted, value = heap[0]
        if noted == counts[value]:
            heapq.heappop(heap)
            return value
        heapq.heapreplace(heap, (counts[value], value))
