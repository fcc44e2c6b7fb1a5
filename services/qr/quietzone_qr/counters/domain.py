"""What is counted of codes, and how a change of one changes counts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

MAX_VALUES = 1_000
"""Tags, and folders, that are counted of an account in one partition: 40 KB that each batch of its events writes anew."""


@dataclass(frozen=True, slots=True)
class Counted:
    """What a code counts as since its `revision`; `state` None: it was deleted, and counts no more."""

    code_id: str
    account_id: str
    revision: int
    state: str | None
    tags: tuple[str, ...]
    folder: str


@dataclass(frozen=True, slots=True)
class Heard:
    """A code after a change, and what is known of the change: whether its tags and folder are told.

    A release that knows of neither leaves both empty, so they are believed of new codes only, and where the change names them.
    """

    counted: Counted
    tells_tags: bool
    tells_folder: bool

    def after(self, before: Counted | None) -> Counted | None:
        """What the code counts as now; None when that is known already."""
        if before is None:
            return self.counted
        if self.counted.revision <= before.revision:
            return None
        tags = self.counted.tags if self.tells_tags else before.tags
        return replace(self.counted, tags=tags, folder=self.counted.folder if self.tells_folder else before.folder)


@dataclass(slots=True)
class Values:
    """Codes by value, at most MAX_VALUES of them. Once one had no place, `is_full`: those that aren't in it aren't known to be 0."""

    counts: dict[str, int] = field(default_factory=dict)
    is_full: bool = False

    def add(self, value: str, codes: int) -> None:
        """Count codes with a value, or if `codes` is negative no more."""
        if value not in self.counts:
            if self.is_full or len(self.counts) >= MAX_VALUES:
                self.is_full = True
                return
            self.counts[value] = 0
        self.counts[value] += codes
        # what comes back later must not look as if it had been counted all the time
        if not self.counts[value] and not self.is_full:
            del self.counts[value]


@dataclass(slots=True)
class Tally:
    """The codes of an account in one partition. It changes in place."""

    states: dict[str, int] = field(default_factory=dict)
    tags: Values = field(default_factory=Values)
    folders: Values = field(default_factory=Values)

    def move(self, before: Counted | None, after: Counted) -> None:
        """Count a code as what it is `after` a change."""
        if before is not None:
            self._count(before, -1)
        self._count(after, 1)

    def _count(self, counted: Counted, codes: int) -> None:
        if counted.state is None:
            return
        self.states[counted.state] = self.states.get(counted.state, 0) + codes
        if counted.folder:
            self.folders.add(counted.folder, codes)
        for tag in counted.tags:
            self.tags.add(tag, codes)


@dataclass(frozen=True, slots=True)
class Facet:
    """How many codes have a value."""

    value: str
    codes: int


@dataclass(frozen=True, slots=True)
class Totals:
    """The codes of an account in all partitions."""

    states: Mapping[str, int]
    tags: Values
    folders: Values
    in_folders: int

    @classmethod
    def of(cls, tallies: Iterable[Tally]) -> "Totals":
        """Add up; a value that is full in one partition, and not known there, isn't known."""
        each = list(tallies)
        states: dict[str, int] = {}
        for tally in each:
            for state, codes in tally.states.items():
                states[state] = states.get(state, 0) + codes
        folders = _together([tally.folders for tally in each])
        return cls(states, _together([tally.tags for tally in each]), folders, sum(folders.counts.values()))

    @property
    def codes(self) -> int:
        """All of them."""
        return sum(self.states.values())

    def with_tag(self, tag: str) -> int | None:
        """Codes with a tag; None when that isn't known."""
        return _known(self.tags, tag)

    def in_folder(self, folder: str) -> int | None:
        """Codes in a folder, or if that is empty in none; None when that isn't known."""
        if folder:
            return _known(self.folders, folder)
        return None if self.folders.is_full else self.codes - self.in_folders

    def top(self, values: Values) -> list[Facet]:
        """The values in use, most codes first, then by value; at most MAX_VALUES."""
        used = [(value, codes) for value, codes in values.counts.items() if codes > 0]
        return [Facet(value, codes) for value, codes in sorted(used, key=lambda item: (-item[1], item[0]))[:MAX_VALUES]]

    @property
    def is_complete(self) -> bool:
        """Whether `top` has all values in use, of both kinds."""
        return not any(values.is_full or len(values.counts) > MAX_VALUES for values in (self.tags, self.folders))


def _known(values: Values, value: str) -> int | None:
    return values.counts.get(value, None if values.is_full else 0)


def _together(parts: list[Values]) -> Values:
    """The sum of what every partition knows."""
    names = {name for part in parts for name in part.counts}
    known = {name for name in names if all(name in part.counts or not part.is_full for part in parts)}
    counts = {name: sum(part.counts.get(name, 0) for part in parts) for name in known}
    return Values(counts, is_full=any(part.is_full for part in parts))
