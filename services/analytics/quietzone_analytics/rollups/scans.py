"""Scans on their way into rollups: columns of a batch, and each code's scans of several records in order."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import compress, islice, repeat
from typing import NamedTuple, cast

DIMENSIONS = ("country", "device", "browser", "os", "referrer", "language")
"""What persons' scans are broken down by, in the order of `Traits.values`."""


class ScanClass(Enum):
    """What kind of client made a request."""

    PERSON = "person"
    BOT = "bot"
    PREVIEW = "preview"


@dataclass(frozen=True, slots=True, eq=False)
class Traits:
    """What scans have in common; compared by identity, because a hash over seven texts for each scan costs more than the rest."""

    scan_class: ScanClass
    values: tuple[str, ...]


class CodeKey(NamedTuple):
    """A code and its owner: documents are found by both, so that one account can't see another's."""

    account_id: str
    code_id: str


@dataclass(frozen=True, slots=True)
class Batch:
    """A run of scans of one source, as columns with one item a scan; `codes` are indexes into `keys`. `born_ms` is the source's.

    Columns, because a million small tuples keep the garbage collector busier than the counting.
    """

    source_id: str
    born_ms: int
    prev_seq: int
    offset: int
    """Of the record, in its partition."""
    keys: Sequence[CodeKey]
    seqs: Sequence[int]
    codes: Sequence[int]
    traits: Sequence[Traits]
    times_ms: Sequence[int]
    visitors: Sequence[int]


@dataclass(frozen=True, slots=True)
class Tally:
    """Scans counted once for all rollups that they go into: persons as columns in order, and by traits; the others as numbers."""

    traits: Sequence[Traits]
    times_ms: Sequence[int]
    visitors: Sequence[int]
    offsets: Sequence[int]
    amounts: Mapping[Traits, int]
    bots: int
    previews: int

    @property
    def persons(self) -> int:
        """How many persons' scans there are."""
        return len(self.times_ms)


class Run:
    """Scans of one code in the order of (offset, seq), at least one, as columns."""

    __slots__ = ("_tally", "offsets", "times_ms", "traits", "visitors")

    def __init__(self, traits: Sequence[Traits], times_ms: Sequence[int], visitors: Sequence[int], offsets: Sequence[int]) -> None:
        self.traits = traits
        self.times_ms = times_ms
        self.visitors = visitors
        self.offsets = offsets
        self._tally: Tally | None = None

    @property
    def last_offset(self) -> int:
        """Offset of the last scan's record."""
        return self.offsets[-1]

    def after(self, offset: int) -> "Run | None":
        """The scans of records above `offset`; None when there are none."""
        if self.offsets[0] > offset:
            return self
        start = bisect_right(self.offsets, offset)
        if start == len(self.offsets):
            return None
        return Run(self.traits[start:], self.times_ms[start:], self.visitors[start:], self.offsets[start:])

    def split(self, period: Callable[[int], int]) -> dict[int, "Run"]:
        """The scans by `period` of their time; periods never decrease with time."""
        first = period(min(self.times_ms))
        if first == period(max(self.times_ms)):
            return {first: self}
        periods = list(map(period, self.times_ms))
        return {at: self._where([one == at for one in periods]) for at in sorted(set(periods))}

    def tally(self) -> Tally:
        """The scans counted by class and traits."""
        if self._tally is None:
            self._tally = self._count()
        return self._tally

    def _count(self) -> Tally:
        amounts = Counter(self.traits)
        others = [traits for traits in amounts if traits.scan_class is not ScanClass.PERSON]
        persons = self._where([traits.scan_class is ScanClass.PERSON for traits in self.traits]) if others else self
        bots = sum(amounts[traits] for traits in others if traits.scan_class is ScanClass.BOT)
        previews = sum(amounts[traits] for traits in others) - bots
        for traits in others:
            del amounts[traits]
        return Tally(persons.traits, persons.times_ms, persons.visitors, persons.offsets, amounts, bots, previews)

    def _where(self, chosen: Sequence[bool]) -> "Run":
        return Run(
            list(compress(self.traits, chosen)),
            list(compress(self.times_ms, chosen)),
            list(compress(self.visitors, chosen)),
            list(compress(self.offsets, chosen)),
        )


class Gathered:
    """Scans of several records by code, each code's in order."""

    __slots__ = ("_flat", "scans")

    def __init__(self) -> None:
        # Traits, time, visitor and offset of each scan one behind the other: one `extend` a scan is what costs least.
        self._flat: dict[CodeKey, list[Traits | int]] = {}
        self.scans = 0

    def add(self, batch: Batch, skip: int) -> None:
        """Take in a batch's scans but the first `skip`."""
        extends = [self._flat.setdefault(key, []).extend for key in batch.keys]
        scans = zip(batch.traits, batch.times_ms, batch.visitors, repeat(batch.offset), strict=False)
        for code, scan in islice(zip(batch.codes, scans, strict=True), skip, None):
            extends[code](scan)
        self.scans += len(batch.codes) - skip

    def runs(self) -> dict[CodeKey, Run]:
        """Each code that has scans. A batch may name codes whose scans were all skipped."""
        return {key: _run(flat) for key, flat in self._flat.items() if flat}


def _run(flat: Sequence[Traits | int]) -> Run:
    traits = cast("Sequence[Traits]", flat[0::4])
    times_ms, visitors, offsets = (cast("Sequence[int]", flat[column::4]) for column in (1, 2, 3))
    return Run(traits, times_ms, visitors, offsets)
