"""Events out: scans, and what becomes of their sources.

Event ids follow from what they tell, so that an event that is sent again has the same id.
"""

from collections.abc import Sequence

from quietzone.tracking.v1 import scan_pb2
from quietzone_kit.bus import Message
from quietzone_kit.events import Event, with_traces
from quietzone_kit.telemetry import handed_on
from quietzone_topics import (
    TRACKING_SCAN_V1,
    TRACKING_SOURCE_V1,
    TYPE_TRACKING_SCANS,
    TYPE_TRACKING_SCANS_LOST,
    TYPE_TRACKING_SOURCE_CLOSED,
    TYPE_TRACKING_SOURCE_REPORT,
)
from quietzone_tracking.forwarder.batches import Batch
from quietzone_tracking.forwarder.enrich import ScanClass
from quietzone_tracking.forwarder.reports import Report

ORIGIN = "/quietzone/tracking"
"""CloudEvents' `source` of all our events; the run of the edge is in their id and subject."""

MAX_REASON = 500

_CLASSES = {
    ScanClass.PERSON: scan_pb2.SCAN_CLASS_PERSON,
    ScanClass.BOT: scan_pb2.SCAN_CLASS_BOT,
    ScanClass.PREVIEW: scan_pb2.SCAN_CLASS_PREVIEW,
}


def scans_message(batch: Batch) -> Message:
    """A batch as it is published; its event's time is the last scan's."""
    rows = batch.rows
    base_time_ms = rows[0][3]
    value = scan_pb2.ScanBatch(
        source_id=batch.source_id,
        prev_seq=batch.prev_seq,
        first_seq=batch.first_seq,
        last_seq=batch.last_seq,
        base_time_ms=base_time_ms,
        codes=[scan_pb2.CodeRef(code_id=code.code_id, account_id=code.account_id) for code in batch.codes],
        traits=[
            scan_pb2.Traits(
                scan_class=_CLASSES[traits.scan_class],
                country=traits.country,
                device=traits.device,
                browser=traits.browser,
                os=traits.os,
                referrer=traits.referrer,
                language=traits.language,
            )
            for traits in batch.traits
        ],
    )
    add = value.scans.add
    for seq, code, traits_index, time_ms, visitor in rows:  # field by field: a third faster than keyword arguments
        scan = add()
        scan.seq = seq
        scan.code = code
        scan.traits = traits_index
        scan.time_offset_ms = time_ms - base_time_ms
        scan.visitor = visitor
    name = f"{batch.source_id}:{batch.partition}:{batch.first_seq}-{batch.last_seq}"
    event = Event(name, ORIGIN, TYPE_TRACKING_SCANS, batch.source_id, rows[-1][3], value.SerializeToString())
    traces = handed_on("forward scans", batch.traces, {"messaging.destination.name": TRACKING_SCAN_V1.name})
    return with_traces(event.to_message(TRACKING_SCAN_V1.name, partition=batch.partition), traces)


def lost_messages(source_id: str, sent: Sequence[int], from_seq: int, to_seq: int, *, reason: str, time_ms: int) -> list[Message]:
    """Tell every partition that numbers are lost; `sent` is the last number that each got."""
    return [
        Event(
            f"{source_id}:{partition}:lost:{from_seq}-{to_seq}",
            ORIGIN,
            TYPE_TRACKING_SCANS_LOST,
            source_id,
            time_ms,
            scan_pb2.ScansLost(
                source_id=source_id, prev_seq=prev_seq, from_seq=from_seq, to_seq=to_seq, reason=reason[:MAX_REASON]
            ).SerializeToString(),
        ).to_message(TRACKING_SCAN_V1.name, partition=partition)
        for partition, prev_seq in enumerate(sent)
    ]


def closed_messages(source_id: str, sent: Sequence[int], last_seq: int, *, time_ms: int) -> list[Message]:
    """Tell every partition that a source has ended."""
    return [
        Event(
            f"{source_id}:{partition}:closed",
            ORIGIN,
            TYPE_TRACKING_SOURCE_CLOSED,
            source_id,
            time_ms,
            scan_pb2.SourceClosed(source_id=source_id, prev_seq=prev_seq, last_seq=last_seq).SerializeToString(),
        ).to_message(TRACKING_SCAN_V1.name, partition=partition)
        for partition, prev_seq in enumerate(sent)
    ]


def report_message(source_id: str, report: Report) -> Message:
    """A source's own numbers as they are published."""
    value = scan_pb2.SourceReport(
        source_id=source_id,
        accepted=report.accepted,
        forwarded=report.forwarded,
        unrecorded=report.unrecorded,
        lost=report.lost,
        closed=report.closed,
        at_ms=report.at_ms,
    )
    name = f"{source_id}:report:{report.at_ms}"
    event = Event(name, ORIGIN, TYPE_TRACKING_SOURCE_REPORT, source_id, report.at_ms, value.SerializeToString())
    return event.to_message(TRACKING_SOURCE_V1.name)
