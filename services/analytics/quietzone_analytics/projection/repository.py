"""What the projection keeps beside rollups: partition states, and records that could not be read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from quietzone_analytics.bodies import entries, field
from quietzone_analytics.deadlines import store_answers
from quietzone_analytics.partitions import Log, State, States
from quietzone_analytics.projection.domain import Pruned, ScanState, Source
from quietzone_kit.bus import Record
from quietzone_kit.documents import Body, Collection, Documents, Put, Value

STATES = Collection("scan_partitions", key="partition_id")
REJECTS = Collection("rejects", key="reject_id")

MAX_REJECTS = 1_000
"""Records of a partition that are kept whole (at most 1 GB); any more are counted only, and stay in the log until its retention."""

REJECTS_AT_ONCE = 10  # of 1 MB each at most


class ScanStates(States[ScanState]):
    """States of the partitions of scans."""

    def __init__(self, documents: Documents) -> None:
        super().__init__(documents, STATES)

    def first(self, partition: int, log: Log) -> ScanState:
        """The state before anything was read of `log`."""
        return ScanState(
            partition=partition,
            log_id=log.log_id,
            epoch=0,
            owner="",
            next_offset=0,
            adopted_at_ms=0,
            counted_until_ms=0,
            rejected=0,
            sources={},
            pruned=Pruned(),
        )

    def encode(self, state: ScanState) -> dict[str, Value]:
        """The fields that State hasn't."""
        return {
            "counted_until_ms": state.counted_until_ms,
            "rejected": state.rejected,
            "sources": {source_id: _source_body(state.sources[source_id]) for source_id in sorted(state.sources)},
            "pruned_sources": state.pruned.sources,
            "pruned_applied": state.pruned.applied,
        }

    def decode(self, plain: State, body: Body) -> ScanState:
        """The state that these fields make."""
        return ScanState(
            partition=plain.partition,
            log_id=plain.log_id,
            epoch=plain.epoch,
            owner=plain.owner,
            next_offset=plain.next_offset,
            adopted_at_ms=plain.adopted_at_ms,
            counted_until_ms=field(body, "counted_until_ms", int),
            rejected=field(body, "rejected", int),
            sources={source_id: _source(entry) for source_id, entry in entries(body, "sources").items()},
            pruned=Pruned(field(body, "pruned_sources", int), field(body, "pruned_applied", int)),
        )


@dataclass(frozen=True, slots=True)
class Reject:
    """A record that could not be read, and why; `epoch` is its partition's."""

    record: Record
    epoch: int
    reason: str


class Rejects:
    """Records that were set aside."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    async def keep(self, rejects: Sequence[Reject]) -> None:
        """Store records; those that are there already stay as they are."""
        for at in range(0, len(rejects), REJECTS_AT_ONCE):
            async with store_answers():
                await self._documents.bulk(REJECTS, [Put(_reject_body(reject), None) for reject in rejects[at : at + REJECTS_AT_ONCE]])


def _source_body(source: Source) -> dict[str, Value]:
    return {
        "last_seq": source.last_seq,
        "applied": source.applied,
        "lost": source.lost,
        "lost_reason": source.lost_reason,
        "awaited_seq": source.awaited_seq,
        "passed_over": source.passed_over,
        "closed_at_ms": source.closed_at_ms,
        "epoch": source.epoch,
    }


def _source(entry: Mapping[str, Value]) -> Source:
    return Source(
        last_seq=field(entry, "last_seq", int),
        applied=field(entry, "applied", int),
        lost=field(entry, "lost", int),
        lost_reason=field(entry, "lost_reason", str),
        awaited_seq=field(entry, "awaited_seq", int),
        passed_over=field(entry, "passed_over", int),
        closed_at_ms=field(entry, "closed_at_ms", int),
        epoch=field(entry, "epoch", int),
    )


def _reject_body(reject: Reject) -> dict[str, Value]:
    record = reject.record
    return {
        "reject_id": f"{record.topic}#{record.partition}#{reject.epoch}#{record.offset}",
        "topic": record.topic,
        "partition": record.partition,
        "epoch": reject.epoch,
        "offset": record.offset,
        "time_ms": record.time_ms,
        "key": record.key,
        "reason": reject.reason,
        "value": record.value,
    }
