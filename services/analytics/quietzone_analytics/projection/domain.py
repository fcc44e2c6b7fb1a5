"""Which scans are counted: each source's numbers follow each other without a gap, and none comes twice.

Everything here is a function of the log's records in order, also what is passed over, so that a replay decides the same.
"""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, replace

from quietzone_analytics.partitions.domain import State
from quietzone_analytics.rollups.scans import Batch

MAX_AGE_MS = 30 * 24 * 60 * 60 * 1000
"""How long a closed source is remembered, and so how old an unknown one may be: else an old record that comes again would be new."""

FAR_OFF_MS = 24 * 60 * 60 * 1000
"""A log's time that goes back by more was a clock's that was far off before; it says nothing of how far was counted."""

MAX_REASON = 500  # characters of why scans were lost, as in the contract


class PassedOver(Exception):
    """A record that can't be applied now; `kind` is a word for metrics, the message says why."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Lost:
    """Numbers of a source that can't be sent again."""

    source_id: str
    born_ms: int
    prev_seq: int
    from_seq: int
    to_seq: int
    reason: str


@dataclass(frozen=True, slots=True)
class Closed:
    """A source's end."""

    source_id: str
    born_ms: int
    prev_seq: int


@dataclass(frozen=True, slots=True)
class Source:
    """What one partition knows of a source.

    `last_seq` is the last number that was applied or given up, `applied` and `lost` count scans. `awaited_seq` is the highest number
    after which a record came too early: above `last_seq` it means that scans between them are missing. `passed_over` counts such
    records. `closed_at_ms` is log time, 0 while open. `epoch` is the one in which a record was applied last.
    """

    last_seq: int = 0
    applied: int = 0
    lost: int = 0
    lost_reason: str = ""
    awaited_seq: int = 0
    passed_over: int = 0
    closed_at_ms: int = 0
    epoch: int = -1

    @property
    def gap(self) -> bool:
        """Whether scans are missing now."""
        return self.awaited_seq > self.last_seq


@dataclass(frozen=True, slots=True)
class Pruned:
    """Sums over sources that were closed so long ago that they are forgotten."""

    sources: int = 0
    applied: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanState(State):
    """A partition of scans: everything up to log time `counted_until_ms` is in the rollups; `rejected` records could not be read."""

    counted_until_ms: int
    rejected: int
    sources: Mapping[str, Source]
    pruned: Pruned

    @property
    def applied(self) -> int:
        """Scans of all classes and sources that were applied, ever."""
        return self.pruned.applied + sum(source.applied for source in self.sources.values())


class Draft:
    """The state that follows a state, while records are taken in."""

    def __init__(self, state: ScanState) -> None:
        self._state = state
        self._sources = dict(state.sources)
        self._pruned = state.pruned
        self._counted_until_ms = state.counted_until_ms
        self._now_ms = 0
        self._prune_at_ms = self._next_prune()
        self.rejected = state.rejected

    def see(self, log_time_ms: int) -> None:
        """Begin with a record: closed sources whose time is over by then are forgotten."""
        self._now_ms = log_time_ms
        self._counted_until_ms = max(self._counted_until_ms, log_time_ms)
        if self._counted_until_ms - log_time_ms > FAR_OFF_MS:
            self._counted_until_ms = log_time_ms
        if self._prune_at_ms is not None and log_time_ms > self._prune_at_ms:
            self._prune()

    def batch(self, batch: Batch) -> int:
        """How many of the batch's first scans to skip, because they were applied before; all of them if it is a repetition.

        Raises:
            PassedOver: scans before it are missing, or its source is too old.
        """
        source = self._admit(batch.source_id, batch.born_ms, batch.prev_seq)
        skip = bisect_right(batch.seqs, source.last_seq)
        fresh = len(batch.seqs) - skip
        if fresh:
            self._sources[batch.source_id] = replace(
                source, last_seq=batch.seqs[-1], applied=source.applied + fresh, epoch=self._state.epoch
            )
        return skip

    def lost(self, lost: Lost) -> int:
        """How many scans are newly known to be lost; numbers up to `lost.to_seq` aren't waited for any more.

        Raises:
            PassedOver: as for a batch.
        """
        source = self._admit(lost.source_id, lost.born_ms, lost.prev_seq)
        if lost.to_seq <= source.last_seq:
            return 0
        amount = lost.to_seq - max(lost.from_seq, source.last_seq + 1) + 1
        self._sources[lost.source_id] = replace(
            source,
            last_seq=lost.to_seq,
            lost=source.lost + amount,
            lost_reason=lost.reason[:MAX_REASON],
            epoch=self._state.epoch,
        )
        return amount

    def close(self, closed: Closed) -> None:
        """Take down a source's end.

        Raises:
            PassedOver: as for a batch.
        """
        source = self._admit(closed.source_id, closed.born_ms, closed.prev_seq)
        if not source.closed_at_ms:
            self._sources[closed.source_id] = replace(source, closed_at_ms=max(self._now_ms, 1), epoch=self._state.epoch)
            self._prune_at_ms = self._next_prune()

    def finish(self, next_offset: int) -> ScanState:
        """The state after all records below `next_offset`."""
        return replace(
            self._state,
            next_offset=next_offset,
            counted_until_ms=self._counted_until_ms,
            rejected=self.rejected,
            sources=dict(self._sources),
            pruned=self._pruned,
        )

    def _admit(self, source_id: str, born_ms: int, prev_seq: int) -> Source:
        source = self._sources.get(source_id)
        if source is None:
            if self._now_ms - born_ms > MAX_AGE_MS:
                raise PassedOver("too_old", "the source is unknown and was started more than 30 days before this record was written")
            source = Source()
        if prev_seq > source.last_seq and not self._may_jump(source, born_ms):
            self._sources[source_id] = replace(source, awaited_seq=max(source.awaited_seq, prev_seq), passed_over=source.passed_over + 1)
            raise PassedOver("gap", f"it follows number {prev_seq}, and the last that came is {source.last_seq}")
        return source

    def _may_jump(self, source: Source, born_ms: int) -> bool:
        """Once in each adopted epoch, for sources that ran before it: what was between is in no log any more."""
        return source.epoch < self._state.epoch and born_ms <= self._state.adopted_at_ms

    def _prune(self) -> None:
        for source_id, source in list(self._sources.items()):
            if source.closed_at_ms and self._now_ms > source.closed_at_ms + MAX_AGE_MS:
                del self._sources[source_id]
                self._pruned = Pruned(self._pruned.sources + 1, self._pruned.applied + source.applied)
        self._prune_at_ms = self._next_prune()

    def _next_prune(self) -> int | None:
        return min((source.closed_at_ms + MAX_AGE_MS for source in self._sources.values() if source.closed_at_ms), default=None)
