"""An edge's memory of links: revisions only ever rise, whoever brings them and in whatever order."""

from collections import OrderedDict, deque
from collections.abc import Callable

from quietzone_tracking.decide import Link

REMEMBER_S = 60.0
"""How long a link that was pushed out is remembered, so that a fill which began before can't bring an older state back: far longer than
any fill may take."""

MAX_REMEMBERED = 10_000
"""Links pushed out within REMEMBER_S: 170 a second, each of 0.5 kB."""

UNKNOWN_S = 2.0
"""How long a slug counts as unknown without asking again: what a new code's first scan may wait for, and what guessing costs the store."""

MAX_UNKNOWN = 10_000
"""Unknown slugs remembered: the oldest go first; 150 bytes each."""


class LinkMemory:
    """Up to `capacity` links; `monotonic` gives seconds. `get` is bound for the hot path."""

    def __init__(self, monotonic: Callable[[], float], *, capacity: int) -> None:
        self._monotonic = monotonic
        self._capacity = capacity
        self._links: dict[str, Link] = {}
        self._order: deque[str] = deque()  # a dict finds its oldest key slowly after many deletions
        self._remembered: OrderedDict[str, tuple[Link, float]] = OrderedDict()
        self._unknown: OrderedDict[str, float] = OrderedDict()
        self.get = self._links.get
        self.changes = 0
        """Rises with each change, for whoever saves the memory."""

    def __len__(self) -> int:
        return len(self._links)

    def all(self) -> list[Link]:
        """Every link that is held."""
        return list(self._links.values())

    def admit(self, link: Link) -> Link:
        """Take up a link, and return the newest state that is known of its slug.

        Raises:
            ValueError: the slug belongs to another code, which it can't: one of the two is wrong, and the one that was first stays.
        """
        known = self._links.get(link.slug) or self._pushed_out(link.slug)
        if known is not None and known.code_id != link.code_id:
            raise ValueError(f"slug {link.slug} belongs to code {known.code_id} and not to {link.code_id}")
        newest = known if known is not None and known.revision >= link.revision else link
        if newest is not self._links.get(link.slug):
            self._put(newest)
        return newest

    def note_unknown(self, slug: str) -> None:
        """Nobody knows this slug now."""
        if len(self._unknown) >= MAX_UNKNOWN:
            self._unknown.popitem(last=False)
        self._unknown[slug] = self._monotonic() + UNKNOWN_S

    def is_unknown(self, slug: str) -> bool:
        """Whether nobody knew this slug a moment ago."""
        until = self._unknown.get(slug)
        if until is None:
            return False
        if self._monotonic() < until:
            return True
        del self._unknown[slug]
        return False

    def drop_others(self, slugs: set[str]) -> int:
        """Forget every link but those of `slugs`; returns how many."""
        others = [slug for slug in self._links if slug not in slugs]
        for slug in others:
            del self._links[slug]
        self._order = deque(self._links)
        self.changes += len(others)
        return len(others)

    def _put(self, link: Link) -> None:
        if link.slug not in self._links:
            if len(self._links) >= self._capacity:
                self._push_out()
            self._order.append(link.slug)
        self._links[link.slug] = link
        self._unknown.pop(link.slug, None)
        self.changes += 1

    def _push_out(self) -> None:
        """Make room: the link that was taken up first goes."""
        oldest = self._links.pop(self._order.popleft())
        now = self._monotonic()
        while self._remembered and (len(self._remembered) >= MAX_REMEMBERED or self._first_remembered_until() <= now):
            self._remembered.popitem(last=False)
        self._remembered.pop(oldest.slug, None)
        self._remembered[oldest.slug] = (oldest, now + REMEMBER_S)

    def _pushed_out(self, slug: str) -> Link | None:
        found = self._remembered.get(slug)
        return found[0] if found is not None and self._monotonic() < found[1] else None

    def _first_remembered_until(self) -> float:
        return next(iter(self._remembered.values()))[1]
