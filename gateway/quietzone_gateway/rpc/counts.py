"""The analytics service."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from quietzone.analytics.v1 import analytics_pb2, analytics_pb2_grpc
from quietzone_kit.rpc import Caller, Peer


class Interval(StrEnum):
    """Width of a point in a series."""

    QUARTER_HOUR = "quarter_hour"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Point:
    """Scans in the interval that starts at `start_ms`."""

    start_ms: int
    scans: int


@dataclass(frozen=True, slots=True)
class Share:
    """Scans with one value of a dimension."""

    value: str
    scans: int


@dataclass(frozen=True, slots=True)
class Breakdown:
    """A dimension's most frequent values; `other` counts scans with any other value, exactly."""

    values: tuple[Share, ...] = ()
    other: int = 0


@dataclass(frozen=True, slots=True)
class ScanCounts:
    """Counts of one code over a span; fields as in `GetCodeAnalyticsResponse`, breakdowns by the dimension's name."""

    total_scans: int
    bot_scans: int
    preview_scans: int
    unique_visitors: int
    all_time_scans: int
    series: tuple[Point, ...]
    breakdowns: dict[str, Breakdown]
    days_from_ms: int
    days_to_ms: int
    counted_until_ms: int


@dataclass(frozen=True, slots=True)
class AccountUsage:
    """Scans by people of all of an account's codes from `from_ms` to below `to_ms`: whole UTC months."""

    scans: int
    from_ms: int
    to_ms: int


@dataclass(frozen=True, slots=True)
class SourceCount:
    """One source's numbers; fields as in `quietzone.analytics.v1.SourceCount`."""

    source_id: str
    accepted: int
    forwarded: int
    applied: int
    lost: int
    unrecorded: int
    closed: bool
    silent: bool
    reported_at_ms: int


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """All accounts' numbers, from acceptance to store; fields as in `ReconcileResponse`."""

    accepted: int
    forwarded: int
    applied: int
    stored: int
    lost: int
    unrecorded: int
    sources: tuple[SourceCount, ...]
    problems: tuple[str, ...]


RECONCILE_S = 300.0
"""Every rollup is read, some 25,000 a second: 7 million in this time."""

_INTERVALS = {interval: analytics_pb2.Interval.Value(f"INTERVAL_{interval.name}") for interval in Interval}


class Counts:
    """A client of the analytics service; what each call raises stands in `analytics.proto`."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._stub = analytics_pb2_grpc.AnalyticsServiceStub(peer.channel)

    async def of_code(self, caller: Caller, code_id: str, *, from_ms: int, to_ms: int, interval: Interval, zone: str) -> ScanCounts:
        """Counts of one code from `from_ms` to below `to_ms`; zeros for a code that the caller hasn't."""
        request = analytics_pb2.GetCodeAnalyticsRequest(
            code_id=code_id, from_ms=from_ms, to_ms=to_ms, interval=_INTERVALS[interval], zone=zone
        )
        return _counts(await self._peer.call(self._stub.GetCodeAnalytics, request, caller=caller, idempotent=True))

    async def totals(self, caller: Caller, code_ids: Sequence[str]) -> tuple[int, ...]:
        """Scans by people of at most 100 codes since they were created, in the order of the ids; 0 for a code that the caller hasn't."""
        request = analytics_pb2.BatchGetTotalsRequest(code_ids=code_ids)
        response = await self._peer.call(self._stub.BatchGetTotals, request, caller=caller, idempotent=True)
        return tuple(total.scans for total in response.totals)

    async def of_account(self, caller: Caller, *, from_ms: int, to_ms: int) -> AccountUsage:
        """Scans of all codes of the account in the UTC months that hold the span."""
        request = analytics_pb2.GetAccountUsageRequest(from_ms=from_ms, to_ms=to_ms)
        response = await self._peer.call(self._stub.GetAccountUsage, request, caller=caller, idempotent=True)
        return AccountUsage(response.scans, response.from_ms, response.to_ms)

    async def reconcile(self, caller: Caller) -> Reconciliation:
        """Compare what was accepted with what is stored; for operators."""
        response = await self._peer.call(self._stub.Reconcile, analytics_pb2.ReconcileRequest(), caller=caller, timeout_s=RECONCILE_S)
        return Reconciliation(
            accepted=response.accepted,
            forwarded=response.forwarded,
            applied=response.applied,
            stored=response.stored,
            lost=response.lost,
            unrecorded=response.unrecorded,
            sources=tuple(map(_source, response.sources)),
            problems=tuple(response.problems),
        )


def _counts(message: analytics_pb2.GetCodeAnalyticsResponse) -> ScanCounts:
    return ScanCounts(
        total_scans=message.total_scans,
        bot_scans=message.bot_scans,
        preview_scans=message.preview_scans,
        unique_visitors=message.unique_visitors,
        all_time_scans=message.all_time_scans,
        series=tuple(Point(point.start_ms, point.scans) for point in message.series),
        breakdowns={
            breakdown.dimension: Breakdown(tuple(Share(share.value, share.scans) for share in breakdown.values), breakdown.other)
            for breakdown in message.breakdowns
        },
        days_from_ms=message.days_from_ms,
        days_to_ms=message.days_to_ms,
        counted_until_ms=message.counted_until_ms,
    )


def _source(message: analytics_pb2.SourceCount) -> SourceCount:
    return SourceCount(
        source_id=message.source_id,
        accepted=message.accepted,
        forwarded=message.forwarded,
        applied=message.applied,
        lost=message.lost,
        unrecorded=message.unrecorded,
        closed=message.closed,
        silent=message.silent,
        reported_at_ms=message.reported_at_ms,
    )
