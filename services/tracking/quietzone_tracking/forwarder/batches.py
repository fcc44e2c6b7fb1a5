"""From frames to batches: scans by partition, with each code and each combination of traits once."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from quietzone_kit.telemetry import MAX_TRACES
from quietzone_tracking.forwarder.enrich import Client, Traits
from quietzone_tracking.spool import Frame, SpooledScan

MAX_SCANS = 10_000
"""The contract's bound: what an analytics worker folds in one step."""

MAX_BYTES = 500_000
"""Half of what the bus takes, and a tenth of a second of a slow link."""

SCAN_BYTES = 40
"""The most that a scan takes in a batch: seq 7, code and traits 4 each, time 8, visitor 9, tags and lengths 8."""

_ENTRY_BYTES = 24
"""Tags and lengths of an entry of the batch's dictionaries, of 7 texts at most."""

Row = tuple[int, int, int, int, int]
"""A scan in a batch: seq, index of its code, index of its traits, time in Unix milliseconds, visitor."""


@dataclass(frozen=True, slots=True)
class CodeRef:
    """A code, and the account that owned it when it was scanned."""

    code_id: str
    account_id: str


@dataclass(frozen=True, slots=True)
class Batch:
    """Scans of one source for one partition, in the order of their numbers; `prev_seq` is the last number sent there before.

    `traces` are the contexts of those that are traced, at most MAX_TRACES.
    """

    source_id: str
    partition: int
    prev_seq: int
    codes: tuple[CodeRef, ...]
    traits: tuple[Traits, ...]
    rows: tuple[Row, ...]
    traces: tuple[str, ...] = ()

    @property
    def first_seq(self) -> int:
        """The first scan's number."""
        return self.rows[0][0]

    @property
    def last_seq(self) -> int:
        """The last scan's number."""
        return self.rows[-1][0]


def batches(
    source_id: str,
    frames: Sequence[Frame],
    sent: Sequence[int],
    *,
    partition_of: Callable[[str], int],
    traits_of: Callable[[Client], Traits],
) -> Iterator[Batch]:
    """The batches for these frames; `sent` is the last number that each partition got before them.

    `traits_of` gives the same object for the same client, so that most scans find theirs by identity.
    """
    lanes = [_Lane(source_id, partition, prev_seq) for partition, prev_seq in enumerate(sent)]
    for frame in frames:
        for seq, scan in enumerate(frame.scans, frame.first_seq):
            yield from lanes[partition_of(scan.code_id)].add(
                seq, scan, traits_of((scan.user_agent, scan.referrer, scan.language, scan.address))
            )
    for lane in lanes:
        yield from lane.finish()


class _Lane:
    """One partition's batch in the making."""

    def __init__(self, source_id: str, partition: int, prev_seq: int) -> None:
        self._source_id = source_id
        self._partition = partition
        self._prev_seq = prev_seq
        self._begin()

    def add(self, seq: int, scan: SpooledScan, traits: Traits) -> Iterable[Batch]:
        """Take a scan up; gives the batch that was full before it, if any."""
        full: Iterable[Batch] = ()
        if len(self._rows) == MAX_SCANS or self._bytes > MAX_BYTES:
            full = self.finish()
        code = self._codes.get(scan.code_id)
        if code is None:
            code = self._new_code(scan)
        trait = self._seen.get(id(traits))
        if trait is None:
            trait = self._new_traits(traits)
        self._rows.append((seq, code, trait, scan.time_ms, scan.visitor))
        if scan.trace and len(self._contexts) < MAX_TRACES:
            self._contexts.append(scan.trace)
        self._bytes += SCAN_BYTES
        return full

    def finish(self) -> tuple[Batch, ...]:
        """The batch so far, if it has scans."""
        if not self._rows:
            return ()
        contents = (tuple(self._refs), tuple(self._traits), tuple(self._rows), tuple(self._contexts))
        batch = Batch(self._source_id, self._partition, self._prev_seq, *contents)
        self._prev_seq = batch.last_seq
        self._begin()
        return (batch,)

    def _begin(self) -> None:
        self._rows: list[Row] = []
        self._codes: dict[str, int] = {}
        self._refs: list[CodeRef] = []
        self._seen: dict[int, int] = {}
        self._traits: dict[Traits, int] = {}
        self._held: list[Traits] = []  # while they are held, no other object gets their id
        self._contexts: list[str] = []
        self._bytes = 0

    def _new_code(self, scan: SpooledScan) -> int:
        index = self._codes[scan.code_id] = len(self._refs)
        self._refs.append(CodeRef(scan.code_id, scan.account_id))
        self._bytes += len(scan.code_id) + len(scan.account_id) + _ENTRY_BYTES
        return index

    def _new_traits(self, traits: Traits) -> int:
        index = self._traits.get(traits)
        if index is None:
            index = self._traits[traits] = len(self._traits)
            self._bytes += len(traits.browser) + len(traits.os) + len(traits.referrer) + len(traits.device) + _ENTRY_BYTES
        self._seen[id(traits)] = index
        self._held.append(traits)
        return index
