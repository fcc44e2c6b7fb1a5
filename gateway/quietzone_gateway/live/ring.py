"""What came lately on one topic, so that whoever comes back can be told what was missed."""

from bisect import bisect_left
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

ENTRY_BYTES = 250
"""Of an entry beyond its value: objects, its id, its accounts."""


@dataclass(frozen=True, slots=True)
class RingBounds:
    """What is kept at most of a topic."""

    records: int
    bytes: int
    age_ms: int


@dataclass(slots=True)
class Entry:
    """A record of the topic's events. `accounts` is whom it is about, None until somebody has looked."""

    offset: int
    time_ms: int
    id: str
    value: bytes
    accounts: tuple[str, ...] | None = None

    @property
    def size(self) -> int:
        """Bytes, about."""
        return len(self.value) + ENTRY_BYTES


class _Partition:
    """`floor`: all entries from this offset on are here; `next`: the offset of the record that comes next."""

    __slots__ = ("entries", "floor", "next", "offsets")

    def __init__(self, offset: int) -> None:
        self.floor = self.next = offset
        self.entries: deque[Entry] = deque()
        self.offsets: deque[int] = deque()


class Ring:
    """The newest entries of one topic, by partition."""

    def __init__(self, bounds: RingBounds) -> None:
        self._bounds = bounds
        self._partitions: dict[int, _Partition] = {}
        self._order: deque[tuple[int, _Partition]] = deque()  # when each entry came, oldest first
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._order)

    @property
    def size(self) -> int:
        """Bytes, about."""
        return self._bytes

    def clear(self) -> None:
        """Forget all, places too."""
        self._partitions.clear()
        self._order.clear()
        self._bytes = 0

    def start(self, partition: int, offset: int) -> None:
        """Nothing of the partition before `offset` is here."""
        self._partitions[partition] = _Partition(offset)

    def add(self, partition: int, entry: Entry | None, next_offset: int, now_ms: int) -> None:
        """Take up the partition's next record: None when it is no event of this topic. Makes room by letting go of the oldest."""
        of = self._partitions[partition]
        of.next = next_offset
        if entry is None:
            return
        of.entries.append(entry)
        of.offsets.append(entry.offset)
        self._order.append((now_ms, of))
        self._bytes += entry.size
        while len(self._order) > self._bounds.records or self._bytes > self._bounds.bytes:
            self._drop()
        self.expire(now_ms)

    def expire(self, now_ms: int) -> None:
        """Let go of what is too old."""
        while self._order and self._order[0][0] < now_ms - self._bounds.age_ms:
            self._drop()

    def next_of(self, partition: int) -> int:
        """The offset of the record that comes next."""
        return self._partitions[partition].next

    def offsets(self) -> tuple[int, ...]:
        """`next_of` each partition, in order."""
        return tuple(self._partitions[partition].next for partition in sorted(self._partitions))

    def reaches(self, partition: int, offset: int) -> bool:
        """Whether all entries from `offset` on are here."""
        return offset >= self._partitions[partition].floor

    def since(self, partition: int, offset: int) -> Sequence[Entry]:
        """The partition's entries from `offset` on."""
        of = self._partitions[partition]
        return list(islice(of.entries, bisect_left(of.offsets, offset), None))

    def _drop(self) -> None:
        _, of = self._order.popleft()
        entry = of.entries.popleft()
        of.offsets.popleft()
        of.floor = entry.offset + 1
        self._bytes -= entry.size
