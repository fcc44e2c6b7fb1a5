"""What waits for one subscriber: in order while there is room, then as one summary, then not at all. Pure.

So a reader who is too slow costs a bounded amount of memory and nobody else's time, and knows what it was told less of.
"""

from collections import deque
from collections.abc import Callable

from quietzone_gateway.live.domain import Change, Delivery, Event, Kind, Removed, ScanCount, Summary, Told, folded

MAX_WAITING = 256
"""Deliveries in order: some seconds of a busy account; what they tell is shared with all other subscribers."""

MAX_CHANGES = 200
"""Things whose changes a summary holds: 0.7 KB each as JSON."""

MAX_CODES = 1_000
"""Codes whose scans a summary counts: 0.1 KB each as JSON."""

Show = Callable[[Told], str]


class Backlog:
    """Deliveries of one subscriber. `show` makes the JSON of a summary, which is nobody else's."""

    __slots__ = ("_fold", "_show", "_waiting")

    def __init__(self, show: Show) -> None:
        self._show = show
        self._waiting: deque[Delivery] | None = None  # made when something comes: most connections are idle
        self._fold: _Fold | None = None

    def __bool__(self) -> bool:
        return bool(self._waiting) or self._fold is not None

    def put(self, delivery: Delivery) -> bool:
        """Take up an event or a removal; False: there is no room for it even in a summary, and all that waited is dropped."""
        if self._fold is None:
            if self._waiting is None:
                self._waiting = deque()
            if len(self._waiting) < MAX_WAITING:
                self._waiting.append(delivery)
                return True
            self._fold = _Fold()
            for one in self._waiting:
                self._fold.add(one)
            self._waiting = None
        self._fold.add(delivery)
        if self._fold.is_full():
            self.clear()
            return False
        return True

    def take(self) -> Delivery | None:
        """What is next; None when nothing waits."""
        if self._waiting:
            delivery = self._waiting.popleft()
            if not self._waiting:
                self._waiting = None
            return delivery
        fold, self._fold = self._fold, None
        if fold is None:
            return None
        summary = fold.summary()
        return Delivery(summary, self._show(summary), fold.cursor)

    def clear(self) -> None:
        """Drop all."""
        self._waiting = self._fold = None


class _Fold:
    """Deliveries taken together; `cursor` is the last one's."""

    __slots__ = ("_changes", "_scans", "cursor")

    def __init__(self) -> None:
        self._changes: dict[tuple[str, str], Change] = {}
        self._scans: dict[str, ScanCount] = {}
        self.cursor = ""

    def add(self, delivery: Delivery) -> None:
        self.cursor = delivery.cursor
        match delivery.told:
            case Event(kind=Kind.SCANNED, code_id=code_id, at_ms=at_ms):
                count = self._scans.get(code_id, ScanCount(0, at_ms, at_ms))
                self._scans[code_id] = ScanCount(count.count + 1, min(count.from_ms, at_ms), max(count.to_ms, at_ms))
            case Event() | Removed() as change:
                key = _thing(change)
                before = self._changes.pop(key, None)  # the last to change stands last
                self._changes[key] = change if before is None else folded(before, change)

    def is_full(self) -> bool:
        return len(self._changes) > MAX_CHANGES or len(self._scans) > MAX_CODES

    def summary(self) -> Summary:
        return Summary(self._scans, tuple(self._changes.values()))


def _thing(change: Change) -> tuple[str, str]:
    """What it is that changed: of a code's milestones, its destination and a task only the last counts."""
    if isinstance(change, Event) and change.kind in {Kind.MILESTONE, Kind.DESTINATION}:
        return change.kind, change.code_id
    if isinstance(change, Event) and change.task_id:
        return change.kind, change.task_id
    return "code", change.code_id
