"""A process's own memory: the entries that were last used, up to a number and a size."""

import math
from collections import OrderedDict
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from quietzone_kit.cache._metrics import EVICTED
from quietzone_kit.runtime import Clock

MAX_ENTRIES = 1_000
MAX_BYTES = 64_000_000
"""1,000 images have 5 MB; 1,000 values of the largest size would have 1 GB."""

TRUSTED_S = 60.0
"""How long an entry is given before the server is asked again. Changes are heard at once; this is for what was changed behind our back."""

UNHEARD_S = 5.0
"""The same while nobody tells us of changes: as long as an old value may be seen, and still a hundredth of the reads of a hot key."""


def key_name(key: str) -> str:
    """What an invalidation calls an entry."""
    return f"k{key}"


def is_key_name(name: str) -> bool:
    """Whether it is an entry's, not a tag's."""
    return name.startswith("k")


def tag_name(tag: str) -> str:
    """What an invalidation calls the entries of a tag."""
    return f"t{tag}"


@dataclass(frozen=True, slots=True)
class Entry:
    """A value, the names under which it is invalidated, and when it ends (monotonic seconds, infinite for never)."""

    value: bytes | None
    names: frozenset[str]
    read_at: float
    fresh_until: float
    stale_until: float

    def size(self) -> int:
        """Bytes, about: 200 are Python's own."""
        return len(self.value or b"") + 200


class Memory:
    """Entries by key. `trusted_s` is for how long; it changes while there is nobody who tells of changes."""

    def __init__(self, clock: Clock, trusted_s: float = math.inf) -> None:
        self._clock = clock
        self._entries: OrderedDict[str, Entry] = OrderedDict()
        self._bytes = 0
        self.trusted_s = trusted_s

    def get(self, key: str) -> Entry | None:
        """The entry, fresh or stale, if it is still trusted."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        now = self._clock.monotonic()
        if now >= entry.stale_until or now >= entry.read_at + self.trusted_s:
            self._remove(key)
            return None
        self._entries.move_to_end(key)
        return entry

    def is_fresh(self, entry: Entry) -> bool:
        """Whether it needn't be loaded anew."""
        return self._clock.monotonic() < entry.fresh_until

    def put(self, key: str, entry: Entry) -> None:
        """Remember an entry, and make room for it."""
        self._remove(key)
        self._entries[key] = entry
        self._bytes += entry.size()
        while len(self._entries) > MAX_ENTRIES or self._bytes > MAX_BYTES:
            self._remove(next(iter(self._entries)))
            EVICTED.inc()

    def forget(self, names: AbstractSet[str]) -> None:
        """Remove what has one of these names. For a tag all entries are looked at, in 50 µs: an index would cost more with each put."""
        self._drop([name[1:] for name in names if is_key_name(name)])
        if not all(map(is_key_name, names)):
            self._drop([key for key, entry in self._entries.items() if not names.isdisjoint(entry.names)])

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()
        self._bytes = 0

    def _drop(self, keys: Iterable[str]) -> None:
        for key in keys:
            self._remove(key)

    def _remove(self, key: str) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._bytes -= entry.size()
