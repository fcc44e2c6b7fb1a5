"""How often codes were scanned, as GraphQL shows it."""

from typing import Annotated

import strawberry

from quietzone_gateway.graphql.context import Info
from quietzone_gateway.graphql.errors import checked, names_of_graphql
from quietzone_gateway.graphql.fields import field
from quietzone_gateway.graphql.loaders import CountsAsked
from quietzone_gateway.graphql.scalars import Count, DateTime
from quietzone_gateway.rest.analytics import AnalyticsQuery
from quietzone_gateway.rpc import Breakdown as CountedBreakdown
from quietzone_gateway.rpc import Interval, Point, ScanCounts, Share
from quietzone_kit.errors import FieldViolation, InvalidInput

MAX_VALUES = 500
"""Of a breakdown: as many as are counted one by one."""

strawberry.enum(Interval, description="Width of a point in a series: QUARTER_HOUR for at most 31 days, HOUR for at most 92")

From = Annotated[
    str | None, strawberry.argument(name="from", description="A day, or a time with its offset; by default the 30 days that end with `to`")
]
To = Annotated[str | None, strawberry.argument(description="A day, which is included whole, or a time, which isn't; by default now")]
Zone = Annotated[str, strawberry.argument(description="Time zone of days, weeks and months (IANA): `Europe/Berlin`")]
First = Annotated[int, strawberry.argument(description=f"How many values at most, up to {MAX_VALUES}")]


@strawberry.type(name="Point", description="One interval of a series")
class PointView:
    """A point."""

    start: DateTime
    scans: Count = strawberry.field(description="Scans by people in it")

    @classmethod
    def of(cls, point: Point) -> "PointView":
        """The point as it is shown."""
        return cls(start=DateTime(point.start_ms), scans=Count(point.scans))


@strawberry.type(name="Share", description="The count of one value")
class ShareView:
    """A share."""

    value: str
    scans: Count

    @classmethod
    def of(cls, share: Share) -> "ShareView":
        """The share as it is shown."""
        return cls(value=share.value, scans=Count(share.scans))


@strawberry.type(name="Breakdown", description="Scans by one dimension, over the UTC days that the span touches")
class BreakdownView:
    """A breakdown."""

    values: list[ShareView] = strawberry.field(description="Most scans first")
    other: Count = strawberry.field(description="Scans with a value that isn't listed: exact, so that values and other add up")

    @classmethod
    def of(cls, counted: CountedBreakdown, first: int) -> "BreakdownView":
        """The most frequent values, and all others together."""
        if not 1 <= first <= MAX_VALUES:
            raise InvalidInput(FieldViolation("first", f"{first}; use 1 to {MAX_VALUES}"))
        shown, rest = counted.values[:first], counted.values[first:]
        return cls(values=list(map(ShareView.of, shown)), other=Count(counted.other + sum(share.scans for share in rest)))


@strawberry.type(
    description="Scans of one code. Totals and series follow the span asked for; breakdowns, bots, previews and uniques its UTC days"
)
class Analytics:
    """Counts."""

    asked: strawberry.Private[CountsAsked]
    counts: strawberry.Private[ScanCounts]
    span_from: DateTime = strawberry.field(name="from", description="First moment of the span")
    span_to: DateTime = strawberry.field(name="to", description="First moment after the span")
    interval: Interval
    zone: str = strawberry.field(description="Time zone that days, weeks and months follow")
    total_scans: Count = strawberry.field(description="Scans by people in the span, exact")
    all_time_scans: Count = strawberry.field(description="Scans by people since the code was created, exact")
    unique_visitors: Count = strawberry.field(
        description="Visitor-days: each UTC day's distinct visitors, summed; exact up to 256 a day, else 1.6 % standard error"
    )
    bot_scans: Count = strawberry.field(description="Requests by crawlers, exact")
    preview_scans: Count = strawberry.field(description="Requests by link previews, exact")
    days_from: DateTime = strawberry.field(description="First moment of the UTC days")
    days_to: DateTime = strawberry.field(description="First moment after the UTC days")
    counted_until: DateTime | None = strawberry.field(description="The newest scan in these numbers was sent then; null when there is none")

    @classmethod
    def of(cls, asked: CountsAsked, counts: ScanCounts) -> "Analytics":
        """The counts as they are shown."""
        return cls(
            asked=asked,
            counts=counts,
            span_from=DateTime(asked.from_ms),
            span_to=DateTime(asked.to_ms),
            interval=asked.interval,
            zone=asked.zone,
            total_scans=Count(counts.total_scans),
            all_time_scans=Count(counts.all_time_scans),
            unique_visitors=Count(counts.unique_visitors),
            bot_scans=Count(counts.bot_scans),
            preview_scans=Count(counts.preview_scans),
            days_from=DateTime(counts.days_from_ms),
            days_to=DateTime(counts.days_to_ms),
            counted_until=DateTime(counts.counted_until_ms) if counts.counted_until_ms else None,
        )

    @field(description="One point per interval, in order, zeros included")
    def series(self, info: Info) -> list[PointView]:
        """The series."""
        return points_of(info, self.counts)

    @field(description="ISO 3166-1 codes")
    def countries(self, first: First = 10) -> BreakdownView:
        """By country."""
        return self._by("country", first)

    @field()
    def devices(self, first: First = 10) -> BreakdownView:
        """By kind of device."""
        return self._by("device", first)

    @field()
    def browsers(self, first: First = 10) -> BreakdownView:
        """By browser."""
        return self._by("browser", first)

    @field()
    def operating_systems(self, first: First = 10) -> BreakdownView:
        """By operating system."""
        return self._by("os", first)

    @field(description="Hosts; `direct` when there was none")
    def referrers(self, first: First = 10) -> BreakdownView:
        """By referrer."""
        return self._by("referrer", first)

    @field()
    def languages(self, first: First = 10) -> BreakdownView:
        """By language."""
        return self._by("language", first)

    def _by(self, dimension: str, first: int) -> BreakdownView:
        return BreakdownView.of(self.counts.breakdowns.get(dimension, CountedBreakdown()), first)


def points_of(info: Info, counts: ScanCounts) -> list[PointView]:
    """A series as it is shown; raises InvalidInput when the answer has too much of them."""
    info.context.points.take(len(counts.series))
    return list(map(PointView.of, counts.series))


def counts_asked(info: Info, code_id: str, query: AnalyticsQuery) -> CountsAsked:
    """What is asked of the service.

    Raises:
        InvalidInput: names each field that is wrong.
    """
    span = query.span(now_ms=info.context.parts.clock.now_ms())
    return CountsAsked(code_id, span.from_ms, span.to_ms, query.interval, query.zone)


async def analytics_of(info: Info, code_id: str, *, from_: str | None, to: str | None, interval: Interval, zone: str) -> Analytics:
    """Counts of a code that is known to be the caller's."""
    asked = counts_asked(info, code_id, checked(AnalyticsQuery, {"from": from_, "to": to, "interval": interval, "zone": zone}))
    with names_of_graphql():
        return Analytics.of(asked, await info.context.loaders.counts.load(asked))
