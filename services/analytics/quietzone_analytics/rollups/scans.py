"""Scans on their way into rollups: columns of a batch, and each code's scans of several records in order."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from operator import itemgetter
from typing import Final, NamedTuple, TypeAlias

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


Row: TypeAlias = tuple[Traits, int, int, int]
"""A scan: traits, time (Unix, milliseconds), visitor, offset of its record. A plain tuple: there are 100,000 a second."""

TRAITS: Final = 0
TIME_MS: Final = 1
VISITOR: Final = 2
OFFSET: Final = 3

_traits: Callable[[Row], Traits] = itemgetter(TRAITS)
_time_ms: Callable[[Row], int] = itemgetter(TIME_MS)


@dataclass(frozen=True, slots=True)
class Batch:
    """A run of scans of one source. `seqs`, `codes` (indexes into `keys`) and `rows` have one item a scan; `born_ms` is the source's."""

    source_id: str
    born_ms: int
    prev_seq: int
    seqs: Sequence[int]
    keys: Sequence[CodeKey]
    codes: Sequence[int]
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class Tally:
    """Scans counted once for all rollups that they go into."""

    persons: Sequence[Row]
    amounts: Mapping[Traits, int]
    """Persons' scans by traits."""
    bots: int
    previews: int


class Run:
    """Scans of one code in the order of (offset, seq), at least one."""

    __slots__ = ("_tally", "rows")

    def __init__(self, rows: list[Row]) -> None:
        self.rows = rows
        self._tally: Tally | None = None

    @property
    def last_offset(self) -> int:
        """Offset of the last scan's record."""
        return self.rows[-1][OFFSET]

    def after(self, offset: int) -> "Run | None":
        """The scans of records above `offset`; None when there are none."""
        if self.rows[0][OFFSET] > offset:
            return self
        rest = [row for row in self.rows if row[OFFSET] > offset]
        return Run(rest) if rest else None

    def split(self, period: Callable[[int], int]) -> dict[int, "Run"]:
        """The scans by `period` of their time; periods never decrease with time."""
        first = period(min(map(_time_ms, self.rows)))
        if first == period(max(map(_time_ms, self.rows))):
            return {first: self}
        parts: dict[int, list[Row]] = {}
        for row in self.rows:
            parts.setdefault(period(row[TIME_MS]), []).append(row)
        return {at: Run(rows) for at, rows in parts.items()}

    def tally(self) -> Tally:
        """The scans counted by class and traits."""
        if self._tally is None:
            self._tally = _tally(self.rows)
        return self._tally


class Gathered:
    """Scans of several records by code, each code's in order."""

    __slots__ = ("_runs", "scans")

    def __init__(self) -> None:
        self._runs: dict[CodeKey, Run] = {}
        self.scans = 0

    def add(self, batch: Batch, skip: int) -> None:
        """Take in a batch's scans but the first `skip`."""
        lists: list[list[Row]] = []
        for key in batch.keys:
            run = self._runs.get(key)
            if run is None:
                run = self._runs[key] = Run([])
            lists.append(run.rows)
        appends = [rows.append for rows in lists]
        codes, rows = (batch.codes[skip:], batch.rows[skip:]) if skip else (batch.codes, batch.rows)
        for code, row in zip(codes, rows, strict=True):
            appends[code](row)
        self.scans += len(rows)

    def runs(self) -> dict[CodeKey, Run]:
        """Each code that has scans. A batch may name codes whose scans were all skipped."""
        return {key: run for key, run in self._runs.items() if run.rows}


def _tally(rows: Sequence[Row]) -> Tally:
    amounts = Counter(map(_traits, rows))
    others = [traits for traits in amounts if traits.scan_class is not ScanClass.PERSON]
    if not others:
        return Tally(rows, amounts, 0, 0)
    bots = previews = 0
    for traits in others:
        amount = amounts.pop(traits)
        if traits.scan_class is ScanClass.BOT:
            bots += amount
        else:
            previews += amount
    persons = [row for row in rows if row[TRAITS].scan_class is ScanClass.PERSON]
    return Tally(persons, amounts, bots, previews)
