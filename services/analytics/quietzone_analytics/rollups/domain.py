"""Rollups: what is kept of scans. Persons are what `scans` means everywhere; bots and previews are counted apart.

Each rollup is a function of the scans that went into it in the order of (offset, seq), however they were chunked.
"""

from abc import ABC, abstractmethod
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache, partial

from quietzone_analytics.rollups.dimensions import Dimension
from quietzone_analytics.rollups.scans import DIMENSIONS, Run, Tally
from quietzone_analytics.rollups.visitors import Visitors

SLOT_MS = 15 * 60 * 1000  # every zone's offset is a multiple of 15 minutes, so these slots add up to any zone's days
SLOTS = 96  # of a UTC day
DAY_MS = SLOT_MS * SLOTS
EPOCH = date(1970, 1, 1)  # days are counted from it

OFFSET_WINDOW = 1_000
"""Offsets that one write of documents may span. A milestone is kept in its document for so long, since what a crashed owner stored
but didn't publish is never further back. Lowering it would forget milestones of owners that run an older release."""


@dataclass(frozen=True, slots=True)
class Milestone:
    """A code's persons reached `threshold` with a scan in the record at `offset`, answered at `reached_at_ms`."""

    threshold: int
    offset: int
    reached_at_ms: int


class Rollup(ABC):
    """Counts that scans are folded into. They change in place: a copy for each batch would cost more than the counting."""

    __slots__ = ()

    @abstractmethod
    def fold(self, run: Run) -> None:
        """Count these scans."""

    def enter_epoch(self) -> None:  # noqa: B027 - most rollups hold no offsets
        """Offsets start anew: let go of what refers to old ones."""


@dataclass(slots=True)
class Total(Rollup):
    """A code's scans of all time; `last_scan_ms` is the latest person's (0: none), `milestones` the newest ones, oldest first."""

    persons: int
    bots: int
    previews: int
    last_scan_ms: int
    milestones: list[Milestone]

    @classmethod
    def empty(cls) -> "Total":
        """No scans."""
        return cls(0, 0, 0, 0, [])

    @property
    def scans(self) -> int:
        """Scans of every class."""
        return self.persons + self.bots + self.previews

    def fold(self, run: Run) -> None:
        """Count these scans, and note the milestones that they cross."""
        tally = run.tally()
        self.bots += tally.bots
        self.previews += tally.previews
        if tally.persons:
            for threshold in crossed(self.persons, self.persons + tally.persons):
                at = threshold - self.persons - 1
                self.milestones.append(Milestone(threshold, tally.offsets[at], tally.times_ms[at]))
            self.persons += tally.persons
            self.last_scan_ms = max(self.last_scan_ms, *tally.times_ms)
        if self.milestones:
            oldest = run.last_offset - OFFSET_WINDOW
            self.milestones = self.milestones[bisect_left(self.milestones, oldest, key=lambda milestone: milestone.offset) :]

    def enter_epoch(self) -> None:
        """Milestones of another log were published by then, or never will be."""
        self.milestones = []


@dataclass(slots=True)
class Day(Rollup):
    """A code's scans of one UTC day: persons by quarter of an hour, by dimension, and how many different visitors."""

    slots: list[int]
    bots: int
    previews: int
    dimensions: tuple[Dimension, ...]
    visitors: Visitors

    @classmethod
    def empty(cls) -> "Day":
        """No scans."""
        return cls([0] * SLOTS, 0, 0, tuple(Dimension() for _ in DIMENSIONS), Visitors())

    @property
    def scans(self) -> int:
        """Scans of every class."""
        return sum(self.slots) + self.bots + self.previews

    def fold(self, run: Run) -> None:
        """Count these scans, all of this day."""
        tally = run.tally()
        self.bots += tally.bots
        self.previews += tally.previews
        if tally.persons:
            self._count_slots(tally)
            self._count_dimensions(tally)
            self.visitors.add(tally.visitors)

    def _count_slots(self, tally: Tally) -> None:
        first = slot_of(min(tally.times_ms))
        if first == slot_of(max(tally.times_ms)):
            self.slots[first] += tally.persons
            return
        for slot, amount in Counter(map(slot_of, tally.times_ms)).items():
            self.slots[slot] += amount

    def _count_dimensions(self, tally: Tally) -> None:
        for at, dimension in enumerate(self.dimensions):
            amounts = [(traits.values[at], amount) for traits, amount in tally.amounts.items()]
            dimension.add(amounts, partial(_values_in_order, tally, at))


@dataclass(slots=True)
class Month(Rollup):
    """An account's scans of one UTC month in one partition."""

    persons: int
    bots: int
    previews: int

    @classmethod
    def empty(cls) -> "Month":
        """No scans."""
        return cls(0, 0, 0)

    @property
    def scans(self) -> int:
        """Scans of every class."""
        return self.persons + self.bots + self.previews

    def fold(self, run: Run) -> None:
        """Count these scans, all of this month."""
        tally = run.tally()
        self.persons += tally.persons
        self.bots += tally.bots
        self.previews += tally.previews


def _values_in_order(tally: Tally, at: int) -> Iterable[str]:
    return (traits.values[at] for traits in tally.traits)


def crossed(before: int, after: int) -> Iterator[int]:
    """The thresholds above `before` up to `after`: 10 and each multiple of 100."""
    if before < 10 <= after:
        yield 10
    yield from range(before // 100 * 100 + 100, after + 1, 100)


def day_of(time_ms: int) -> int:
    """The UTC day of a moment, in days after 1970-01-01."""
    return time_ms // DAY_MS


def slot_of(time_ms: int) -> int:
    """The quarter of an hour of a moment in its UTC day, 0 to 95."""
    return time_ms % DAY_MS // SLOT_MS


def month_of(time_ms: int) -> int:
    """The UTC month of a moment: year times 12, plus 0 for January to 11 for December."""
    return _month_of_day(day_of(time_ms))


def month_start_ms(month: int) -> int:
    """The first moment of a UTC month."""
    return (date(month // 12, month % 12 + 1, 1) - EPOCH).days * DAY_MS


@lru_cache(maxsize=64)  # scans are of a few days at a time, and the calendar costs ten times what the rest of a scan does
def _month_of_day(day: int) -> int:
    of_day = EPOCH + timedelta(day)
    return of_day.year * 12 + of_day.month - 1
