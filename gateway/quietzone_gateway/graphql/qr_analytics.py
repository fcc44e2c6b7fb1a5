"""Scans of one code between two days, in the shape that dashboards take."""

import asyncio
from typing import Annotated

import strawberry

from quietzone_gateway.graphql.analytics_types import MAX_VALUES, PointView, ShareView, Zone, counts_asked, points_of
from quietzone_gateway.graphql.context import Info
from quietzone_gateway.graphql.errors import checked, names_of_graphql
from quietzone_gateway.graphql.fields import field
from quietzone_gateway.graphql.loaders import CountsAsked
from quietzone_gateway.graphql.scalars import Count
from quietzone_gateway.rest.analytics import AnalyticsQuery
from quietzone_gateway.rest.route import known_id
from quietzone_gateway.rpc import Breakdown, Interval, ScanCounts
from quietzone_kit.errors import FieldViolation, InvalidInput, NotFound

DIRECT = "Direct"
"""What is shown in the place of `direct`, by which scans without a referrer are counted."""

Day = Annotated[str, strawberry.argument(description="A day such as 2026-11-21, which is included whole, or a time with its offset")]


@strawberry.type(description="Scans of one code")
class QrAnalytics:
    """Counts."""

    counts: strawberry.Private[ScanCounts]
    asked: strawberry.Private[CountsAsked]
    group_by: strawberry.Private[Interval]
    limit: strawberry.Private[int]
    total_scans: Count = strawberry.field(description="Scans by people in the span, exact")
    unique_visitors: Count = strawberry.field(description="Visitor-days: each UTC day's distinct visitors, summed")

    @field(description="At most `limit`, most scans first")
    def top_countries(self) -> list[ShareView]:
        """ISO 3166-1 codes."""
        return self._shares("country")[: self.limit]

    @field(description="One for each day of the zone, ascending, zeros included")
    def daily_scans(self, info: Info) -> list[PointView]:
        """A day is named by its first moment."""
        return points_of(info, self.counts)

    @field(description="All kinds of device, most scans first")
    def device_breakdown(self) -> list[ShareView]:
        """By kind of device."""
        return self._shares("device")

    @field(description="Hosts, at most `limit`, most scans first; `Direct`: without a referrer")
    def referrer_breakdown(self) -> list[ShareView]:
        """By referrer."""
        shares = self._shares("referrer")[: self.limit]
        return [ShareView(value=DIRECT, scans=each.scans) if each.value == DIRECT.lower() else each for each in shares]

    @field(description="One for each interval of `groupBy`, ascending, zeros included")
    async def series(self, info: Info) -> list[PointView]:
        """A question of its own, unless it is by day."""
        if self.group_by is self.asked.interval:
            return points_of(info, self.counts)
        asked = CountsAsked(self.asked.code_id, self.asked.from_ms, self.asked.to_ms, self.group_by, self.asked.zone)
        with names_of_graphql(_NAMES):
            return points_of(info, await info.context.loaders.counts.load(asked))

    def _shares(self, dimension: str) -> list[ShareView]:
        return list(map(ShareView.of, self.counts.breakdowns.get(dimension, Breakdown()).values))


_NAMES = {"from_ms": "startDate", "to_ms": "endDate", "from": "startDate", "to": "endDate", "interval": "groupBy"}


@strawberry.type
class QrAnalyticsQueries:
    """Part of Query."""

    @field(description="How often a code was scanned between two days, both included")
    async def qr_analytics(
        self,
        info: Info,
        *,
        qr_id: strawberry.ID,
        start_date: Day,
        end_date: Day,
        group_by: Interval = Interval.DAY,
        limit: Annotated[int, strawberry.argument(description=f"Of countries and referrers, up to {MAX_VALUES}")] = 10,
        zone: Zone = "UTC",
    ) -> QrAnalytics | None:
        """Days are those of `zone`."""
        if not 1 <= limit <= MAX_VALUES:
            raise InvalidInput(FieldViolation("limit", f"{limit}; use 1 to {MAX_VALUES}"))
        loaders = info.context.loaders
        with names_of_graphql(_NAMES):
            query = checked(AnalyticsQuery, {"from": start_date, "to": end_date, "interval": Interval.DAY, "zone": zone})
            asked = counts_asked(info, known_id(qr_id), query)
            # Loaders give futures, which a TaskGroup doesn't take.
            code, counts = await asyncio.gather(loaders.codes.load(asked.code_id), loaders.counts.load(asked))
        if code is None:
            raise NotFound("there is no code with this id")
        return QrAnalytics(
            counts=counts,
            asked=asked,
            group_by=group_by,
            limit=limit,
            total_scans=Count(counts.total_scans),
            unique_visitors=Count(counts.unique_visitors),
        )
