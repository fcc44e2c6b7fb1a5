"""Records of `tracking.source.v1` as values, and the projection that keeps the newest of each source."""

from collections.abc import Sequence
from dataclasses import replace

from google.protobuf.message import DecodeError

from quietzone.tracking.v1 import scan_pb2
from quietzone_analytics import metrics
from quietzone_analytics.partitions import Ownership
from quietzone_analytics.projection import MAX_AGE_MS
from quietzone_analytics.projection.consumers import Unreadable, source_born_ms
from quietzone_analytics.projection.repository import MAX_REJECTS, Reject, Rejects
from quietzone_analytics.reconcile.domain import Report, ReportState, prune
from quietzone_analytics.reconcile.repository import ReportStates
from quietzone_kit.bus import Bounds, Record
from quietzone_kit.documents import Documents
from quietzone_kit.events import NotAnEvent, event_type
from quietzone_kit.ids import birth_ms
from quietzone_kit.projection import OwnershipLost
from quietzone_kit.telemetry import logger
from quietzone_topics import TRACKING_SOURCE_V1, TYPE_TRACKING_SOURCE_REPORT

log = logger(__name__)

MAX_COUNT = 2**63  # stores keep signed 64-bit numbers


class ReportProjection:
    """`quietzone_kit.projection.Projection` of `tracking.source.v1`."""

    def __init__(self, documents: Documents, *, owner: str) -> None:
        """`owner` is unique to this process."""
        self._ownership = Ownership(ReportStates(documents), TRACKING_SOURCE_V1.name, owner)
        self._rejects = Rejects(documents)

    async def claim(self, partition: int, bounds: Bounds) -> int:
        """Become the partition's owner, and say from which offset to read; raises ForeignLog."""
        return (await self._ownership.claim(partition, bounds)).next_offset

    async def release(self, partition: int) -> None:
        """Forget the partition."""
        self._ownership.drop(partition)

    async def apply(self, partition: int, records: Sequence[Record], *, next_offset: int) -> None:
        """Keep the newest report of each source.

        Raises:
            OwnershipLost: somebody else claimed the partition.
            DocumentsUnavailable: apply the same records again.
        """
        try:
            state = await self._ownership.state(partition)
            taken = _Taken(state)
            for record in records:
                if record.offset >= state.next_offset:
                    taken.take(record)
            if next_offset > state.next_offset:
                await self._rejects.keep(taken.rejects)
                await self._ownership.save(taken.state(next_offset))
        except OwnershipLost:
            await self.release(partition)
            raise


class _Taken:
    """What reports come to."""

    def __init__(self, before: ReportState) -> None:
        self._before = before
        self._reports, self._pruned = dict(before.reports), before.pruned
        self._rejected = before.rejected
        self.rejects: list[Reject] = []

    def take(self, record: Record) -> None:
        """Take in the next record."""
        self._reports, self._pruned = prune(self._reports, self._pruned, record.time_ms)
        try:
            read = report_of(record)
        except Unreadable as error:
            metrics.REJECTED.inc()
            log.error("record set aside", topic=record.topic, offset=record.offset, reason=str(error))  # noqa: TRY400 - the trace says no more
            if self._rejected < MAX_REJECTS:
                self.rejects.append(Reject(record, self._before.epoch, str(error)))
            self._rejected += 1
            return
        if read is None:
            metrics.UNKNOWN.inc()
            return
        source_id, report = read
        if source_id not in self._reports and record.time_ms - birth_ms(source_id) > MAX_AGE_MS:
            metrics.PASSED_OVER.labels("too_old").inc()
            log.error("report of a source that is unknown and older than 30 days", source_id=source_id, offset=record.offset)
            return
        known = self._reports.get(source_id)
        if known is None or report.closed or not known.closed:  # a delayed publish can bring an older report after the last one
            self._reports[source_id] = report

    def state(self, next_offset: int) -> ReportState:
        """The state after all records below `next_offset`."""
        return replace(self._before, next_offset=next_offset, reports=self._reports, pruned=self._pruned, rejected=self._rejected)


def report_of(record: Record) -> tuple[str, Report] | None:
    """A source and its report; None for a type that this release doesn't know. Raises Unreadable."""
    try:
        if event_type(record.headers) != TYPE_TRACKING_SOURCE_REPORT:
            return None
        message = scan_pb2.SourceReport.FromString(record.value)
    except (NotAnEvent, DecodeError) as error:
        raise Unreadable(str(error)) from error
    source_born_ms(message.source_id)
    if max(message.accepted, message.forwarded, message.unrecorded, message.lost) >= MAX_COUNT:
        raise Unreadable("the source says that it had 2**63 scans or more")
    return message.source_id, Report(
        accepted=message.accepted,
        forwarded=message.forwarded,
        unrecorded=message.unrecorded,
        lost=message.lost,
        closed=message.closed,
        heard_at_ms=record.time_ms,
    )
