"""AnalyticsService: messages to use cases and back."""

# ruff: noqa: N802, ARG002 - the contract names the methods, gRPC their parameters

import asyncio
from collections.abc import Mapping

from quietzone.analytics.v1 import analytics_pb2, analytics_pb2_grpc
from quietzone_analytics.archive import ArchiveStates
from quietzone_analytics.creations import Creations, list_creations
from quietzone_analytics.projection import ScanStates
from quietzone_analytics.queries import (
    Breakdown,
    CodeAnalytics,
    Interval,
    Question,
    get_account_usage,
    get_code_analytics,
    get_totals,
    list_code_scans,
)
from quietzone_analytics.reconcile import ReportStates, SourceCount, reconcile
from quietzone_analytics.rollups import DAY_MS, Rollups
from quietzone_kit.bus import Bus
from quietzone_kit.errors import FieldViolation, InvalidInput, PermissionDenied
from quietzone_kit.rpc import caller
from quietzone_kit.runtime import Clock
from quietzone_topics import TRACKING_SCAN_V1

INTERVALS: Mapping[int, Interval] = {
    analytics_pb2.INTERVAL_UNSPECIFIED: Interval.DAY,
    analytics_pb2.INTERVAL_QUARTER_HOUR: Interval.QUARTER_HOUR,
    analytics_pb2.INTERVAL_HOUR: Interval.HOUR,
    analytics_pb2.INTERVAL_DAY: Interval.DAY,
    analytics_pb2.INTERVAL_WEEK: Interval.WEEK,
    analytics_pb2.INTERVAL_MONTH: Interval.MONTH,
}


class AnalyticsService(analytics_pb2_grpc.AnalyticsServiceServicer):
    """The errors of each method stand in the contract."""

    def __init__(
        self,
        rollups: Rollups,
        scans: ScanStates,
        reports: ReportStates,
        bus: Bus,
        clock: Clock,
        *,
        archived: ArchiveStates,
        creations: Creations,
    ) -> None:
        self._rollups = rollups
        self._creations = creations
        self._scans = scans
        self._reports = reports
        self._archived = archived
        self._bus = bus
        self._clock = clock
        self._reconciling = asyncio.Lock()

    async def GetCodeAnalytics(
        self, request: analytics_pb2.GetCodeAnalyticsRequest, context: object
    ) -> analytics_pb2.GetCodeAnalyticsResponse:
        """See the contract."""
        account_id = _account()
        if request.interval not in INTERVALS:
            raise InvalidInput(FieldViolation("interval", "use QUARTER_HOUR, HOUR, DAY, WEEK or MONTH"))
        question = Question(request.code_id, request.from_ms, request.to_ms, INTERVALS[request.interval], request.zone)
        return _analytics(await get_code_analytics(self._rollups, self._scans, account_id, question))

    async def BatchGetTotals(self, request: analytics_pb2.BatchGetTotalsRequest, context: object) -> analytics_pb2.BatchGetTotalsResponse:
        """See the contract."""
        totals = await get_totals(self._rollups, _account(), request.code_ids)
        return analytics_pb2.BatchGetTotalsResponse(
            totals=[analytics_pb2.CodeTotal(code_id=code_id, scans=scans) for code_id, scans in zip(request.code_ids, totals, strict=True)]
        )

    async def GetAccountUsage(
        self, request: analytics_pb2.GetAccountUsageRequest, context: object
    ) -> analytics_pb2.GetAccountUsageResponse:
        """See the contract."""
        usage = await get_account_usage(self._rollups, _account(), request.from_ms, request.to_ms, partitions=TRACKING_SCAN_V1.partitions)
        return analytics_pb2.GetAccountUsageResponse(scans=usage.scans, from_ms=usage.from_ms, to_ms=usage.to_ms)

    async def ListCodeScans(self, request: analytics_pb2.ListCodeScansRequest, context: object) -> analytics_pb2.ListCodeScansResponse:
        """See the contract."""
        page = await list_code_scans(
            self._rollups, _account(), request.from_ms, request.to_ms, page_size=request.page_size, page_token=request.page_token
        )
        return analytics_pb2.ListCodeScansResponse(
            codes=[analytics_pb2.CodeScans(code_id=code.code_id, scans=code.scans) for code in page.codes],
            next_page_token=page.next_token or "",
        )

    async def ListCreations(self, request: analytics_pb2.ListCreationsRequest, context: object) -> analytics_pb2.ListCreationsResponse:
        """See the contract."""
        page = await list_creations(self._creations, _account(), page_size=request.page_size, page_token=request.page_token)
        found = [
            analytics_pb2.Creation(
                code_id=each.code_id, subject=each.subject, target_domain=each.target_domain, created_at_ms=each.created_at_ms
            )
            for each in page.creations
        ]
        return analytics_pb2.ListCreationsResponse(creations=found, next_page_token=page.next_token or "")

    async def Reconcile(self, request: analytics_pb2.ReconcileRequest, context: object) -> analytics_pb2.ReconcileResponse:
        """See the contract."""
        async with self._reconciling:  # it reads everything: one after the other
            told = await reconcile(self._rollups, self._scans, self._reports, self._bus, self._clock, archived=self._archived)
        return analytics_pb2.ReconcileResponse(
            accepted=told.accepted,
            forwarded=told.forwarded,
            applied=told.applied,
            stored=told.stored,
            lost=told.lost,
            unrecorded=told.unrecorded,
            sources=map(_source, told.sources),
            problems=told.problems,
        )


def _account() -> str:
    """The account that the current call is made for.

    Raises:
        PermissionDenied: a service calls for itself.
    """
    account_id = caller().account_id
    if not account_id:
        raise PermissionDenied("codes belong to accounts: this call must be made for one")
    return account_id


def _analytics(told: CodeAnalytics) -> analytics_pb2.GetCodeAnalyticsResponse:
    return analytics_pb2.GetCodeAnalyticsResponse(
        total_scans=told.series.scans,
        bot_scans=told.days.bots,
        preview_scans=told.days.previews,
        unique_visitors=told.days.visitor_days,
        series=[analytics_pb2.Point(start_ms=start_ms, scans=scans) for start_ms, scans in told.series.points],
        breakdowns=map(_breakdown, told.days.breakdowns),
        days_from_ms=told.span.first_day * DAY_MS,
        days_to_ms=told.span.end_day * DAY_MS,
        all_time_scans=told.all_time_scans,
        counted_until_ms=told.counted_until_ms,
    )


def _breakdown(breakdown: Breakdown) -> analytics_pb2.Breakdown:
    return analytics_pb2.Breakdown(
        dimension=breakdown.dimension,
        values=[analytics_pb2.Share(value=value, scans=scans) for value, scans in breakdown.values],
        other=breakdown.other,
    )


def _source(count: SourceCount) -> analytics_pb2.SourceCount:
    return analytics_pb2.SourceCount(
        source_id=count.source_id,
        accepted=count.accepted,
        forwarded=count.forwarded,
        applied=count.applied,
        lost=count.lost,
        unrecorded=count.unrecorded,
        closed=count.closed,
        silent=count.silent,
        reported_at_ms=count.heard_at_ms,
    )
