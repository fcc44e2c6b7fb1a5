"""Records that are stored together."""

from collections import Counter
from itertools import islice

from quietzone_analytics import metrics
from quietzone_analytics.projection.consumers import Decoder, Unreadable
from quietzone_analytics.projection.domain import Closed, Draft, Lost, PassedOver, ScanState
from quietzone_analytics.projection.repository import MAX_REJECTS, Reject
from quietzone_analytics.rollups import OFFSET_WINDOW, Batch, Gathered, ScanClass
from quietzone_kit.bus import Record
from quietzone_kit.telemetry import logger

log = logger(__name__)

MAX_SCANS = 100_000
"""Scans that are gathered before documents are written: 15 MB for each partition at work. More would mean fewer writes, and gain little."""


class Chunk:
    """What records come to, taken in one by one after `state`; `tell` says it in logs and metrics when it is stored."""

    def __init__(self, state: ScanState) -> None:
        self.draft = Draft(state)
        self.gathered = Gathered()
        self.rejects: list[Reject] = []
        self._state = state
        self._first: int | None = None
        self._classes: Counter[ScanClass] = Counter()
        self._made: list[tuple[int, int]] = []  # when a batch's oldest scan was made, and how many scans are counted with it
        self._repeated = 0
        self._lost = 0
        self._unknown = 0
        self._passed_over: dict[tuple[str, str], list[str]] = {}

    def has_room(self, record: Record) -> bool:
        """Whether `record` may be stored together with those that were taken."""
        return self._first is None or (self.gathered.scans < MAX_SCANS and record.offset - self._first < OFFSET_WINDOW)

    def take(self, decoder: Decoder, record: Record) -> None:
        """Take in the next record."""
        if self._first is None:
            self._first = record.offset
        self.draft.see(record.time_ms)
        try:
            said = decoder.decode(record)
        except Unreadable as error:
            self._reject(record, str(error))
            return
        if said is None:
            self._unknown += 1
            return
        try:
            self._take(said)
        except PassedOver as error:
            self._passed_over.setdefault((error.kind, said.source_id), []).append(f"offset {record.offset}: {error}")

    def tell(self, now_ms: int | None) -> None:
        """Say what happened; nothing is said of records that will be taken in again, nor without `now_ms` of how old scans are."""
        for scan_class, scans in self._classes.items():
            metrics.SCANS_APPLIED.labels(scan_class.value).inc(scans)
        if now_ms is not None:
            for made_ms, scans in self._made:
                metrics.VISIBLE_SECONDS.observe(max(0, now_ms - made_ms) / 1000, scans)
        metrics.SCANS_REPEATED.inc(self._repeated)
        metrics.SCANS_LOST.inc(self._lost)
        metrics.UNKNOWN.inc(self._unknown)
        for (kind, source_id), messages in self._passed_over.items():
            metrics.PASSED_OVER.labels(kind).inc(len(messages))
            log.error("records passed over", partition=self._state.partition, source_id=source_id, records=len(messages), first=messages[0])
        metrics.REJECTED.inc(self.draft.rejected - self._state.rejected)
        for reject in self.rejects:
            log.error("record set aside", partition=self._state.partition, offset=reject.record.offset, reason=reject.reason)

    def _take(self, said: Batch | Lost | Closed) -> None:
        match said:
            case Batch():
                skip = self.draft.batch(said)
                self._repeated += skip
                if skip < len(said.seqs):
                    self.gathered.add(said, skip)
                    self._note(said, skip)
            case Lost():
                self._lost += self.draft.lost(said)
            case Closed():
                self.draft.close(said)

    def _note(self, batch: Batch, skip: int) -> None:
        for traits, scans in Counter(islice(batch.traits, skip, None)).items():
            self._classes[traits.scan_class] += scans
        self._made.append((min(islice(batch.times_ms, skip, None)), len(batch.seqs) - skip))

    def _reject(self, record: Record, reason: str) -> None:
        if self.draft.rejected < MAX_REJECTS:
            self.rejects.append(Reject(record, self._state.epoch, reason))
        self.draft.rejected += 1
