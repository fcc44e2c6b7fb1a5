"""What sources said of themselves, in the store: one document for each partition of reports, since a sum and its parts change together."""

from collections.abc import Mapping
from dataclasses import replace

from quietzone_analytics.bodies import entries, field
from quietzone_analytics.partitions import Log, State, States
from quietzone_analytics.reconcile.domain import Report, ReportState, Sums
from quietzone_kit.documents import Body, Collection, Documents, Value

SOURCES = Collection("sources", key="partition_id")


class ReportStates(States[ReportState]):
    """States of the partitions of reports."""

    def __init__(self, documents: Documents) -> None:
        super().__init__(documents, SOURCES)

    def first(self, partition: int, log: Log) -> ReportState:
        """The state before anything was read of `log`."""
        return ReportState(
            partition=partition,
            log_id=log.log_id,
            epoch=0,
            owner="",
            next_offset=0,
            adopted_at_ms=0,
            rejected=0,
            reports={},
            pruned=Sums(),
        )

    def resume(self, state: ReportState, log: Log) -> ReportState:
        """As for all states, but that records may be gone from the log's beginning: each report says all that those before it said."""
        if state.log_id == log.log_id and state.next_offset < log.first:
            state = replace(state, next_offset=log.first)
        return super().resume(state, log)

    def encode(self, state: ReportState) -> dict[str, Value]:
        """The fields that State hasn't."""
        pruned = state.pruned
        return {
            "rejected": state.rejected,
            "sources": {source_id: _report_body(state.reports[source_id]) for source_id in sorted(state.reports)},
            "pruned": {
                "sums": {
                    "sources": pruned.sources,
                    "accepted": pruned.accepted,
                    "forwarded": pruned.forwarded,
                    "unrecorded": pruned.unrecorded,
                    "lost": pruned.lost,
                }
            },
        }

    def decode(self, plain: State, body: Body) -> ReportState:
        """The state that these fields make."""
        sums = entries(body, "pruned")["sums"]
        return ReportState(
            partition=plain.partition,
            log_id=plain.log_id,
            epoch=plain.epoch,
            owner=plain.owner,
            next_offset=plain.next_offset,
            adopted_at_ms=plain.adopted_at_ms,
            rejected=field(body, "rejected", int),
            reports={source_id: _report(entry) for source_id, entry in entries(body, "sources").items()},
            pruned=Sums(
                sources=field(sums, "sources", int),
                accepted=field(sums, "accepted", int),
                forwarded=field(sums, "forwarded", int),
                unrecorded=field(sums, "unrecorded", int),
                lost=field(sums, "lost", int),
            ),
        )


def _report_body(report: Report) -> dict[str, Value]:
    return {
        "accepted": report.accepted,
        "forwarded": report.forwarded,
        "unrecorded": report.unrecorded,
        "lost": report.lost,
        "closed": report.closed,
        "heard_at_ms": report.heard_at_ms,
    }


def _report(entry: Mapping[str, Value]) -> Report:
    return Report(
        accepted=field(entry, "accepted", int),
        forwarded=field(entry, "forwarded", int),
        unrecorded=field(entry, "unrecorded", int),
        lost=field(entry, "lost", int),
        closed=field(entry, "closed", bool),
        heard_at_ms=field(entry, "heard_at_ms", int),
    )
