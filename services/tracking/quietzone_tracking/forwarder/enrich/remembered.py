"""A bounded memory of results, cheaper than an LRU in Python: two generations of a dict."""

from collections.abc import Callable
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Remembered(Generic[K, V]):
    """Results of `make` for the keys of late: the last `size` distinct ones at least, twice as many at most.

    What is asked for again is carried over when the older generation is dropped, so that frequent keys stay.
    """

    def __init__(self, make: Callable[[K], V], size: int) -> None:
        self._make = make
        self._size = size
        self._young: dict[K, V] = {}
        self._old: dict[K, V] = {}

    def get(self, key: K) -> V:
        """The result for `key`, made when it isn't remembered."""
        found = self._young.get(key)
        return found if found is not None else self._take(key)

    def forget(self) -> None:
        """Make everything anew."""
        self._young, self._old = {}, {}

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def _take(self, key: K) -> V:
        value = self._old.pop(key, None)
        if value is None:
            value = self._make(key)
        if len(self._young) >= self._size:
            self._old, self._young = self._young, {}
        self._young[key] = value
        return value
