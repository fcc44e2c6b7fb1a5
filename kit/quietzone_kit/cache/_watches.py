"""What is invalidated while something is read."""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from contextlib import contextmanager

_ALL = "*"  # no name begins with it


class Watch:
    """The names that were invalidated since it began."""

    def __init__(self) -> None:
        self.seen: set[str] = set()

    def saw(self, names: AbstractSet[str]) -> bool:
        """Whether one of these names was among them."""
        return _ALL in self.seen or not self.seen.isdisjoint(names)


class Watches:
    """Those under way: as many as reads and writes are."""

    def __init__(self) -> None:
        self._watches: set[Watch] = set()

    @contextmanager
    def watching(self) -> Iterator[Watch]:
        """A watch for as long as the block runs."""
        watch = Watch()
        self._watches.add(watch)
        try:
            yield watch
        finally:
            self._watches.discard(watch)

    def tell(self, names: AbstractSet[str]) -> None:
        """These names are invalid now."""
        for watch in self._watches:
            watch.seen |= names

    def tell_all(self) -> None:
        """All names are."""
        self.tell({_ALL})
