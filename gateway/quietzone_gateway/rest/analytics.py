"""How often a code was scanned."""

from typing import Annotated, Self

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from quietzone_gateway.identity.domain import ANALYTICS_READ, CODES_READ
from quietzone_gateway.rest.description import problems, scoped
from quietzone_gateway.rest.route import DESCRIBED_SECURITY, ApiRoute, CallerNow, Services, known_id, names_of_the_api, together
from quietzone_gateway.rest.shapes import CODE_ID, Input, Time
from quietzone_gateway.rest.times import Span, end_ms, first_ms, rfc3339, start_ms, zone_named
from quietzone_gateway.rpc import Breakdown, Interval, ScanCounts
from quietzone_kit.errors import Violations

ANALYTICS: dict[str, JsonValue] = {
    "code_id": CODE_ID,
    "from": "2026-11-19T23:00:00.000Z",
    "to": "2026-11-21T23:00:00.000Z",
    "interval": "day",
    "zone": "Europe/Berlin",
    "total_scans": 7,
    "all_time_scans": 120,
    "unique_visitors": 5,
    "bot_scans": 2,
    "preview_scans": 3,
    "series": [{"start": "2026-11-19T23:00:00.000Z", "scans": 3}, {"start": "2026-11-20T23:00:00.000Z", "scans": 4}],
    "countries": [{"value": "DE", "scans": 5}, {"value": "FR", "scans": 2}],
    "devices": [{"value": "phone", "scans": 7}],
    "browsers": [{"value": "Mobile Safari", "scans": 7}],
    "operating_systems": [{"value": "iOS", "scans": 7}],
    "referrers": [{"value": "direct", "scans": 6}, {"value": "www.instagram.com", "scans": 1}],
    "languages": [{"value": "de", "scans": 5}, {"value": "fr", "scans": 2}],
    "others": {"countries": 0, "devices": 0, "browsers": 0, "operating_systems": 0, "referrers": 0, "languages": 0},
    "days_from": "2026-11-19T00:00:00.000Z",
    "days_to": "2026-11-22T00:00:00.000Z",
    "counted_until": "2026-11-21T09:30:00.125Z",
}
"""An example; a test holds it against the model."""


class AnalyticsQuery(Input):
    """Which span, in which steps."""

    from_: str | None = Field(
        None,
        alias="from",
        description="A day, or a time with its offset; by default the 30 days that end with `to`",
        examples=["2026-11-01"],
    )
    to: str | None = Field(
        None, description="A day, which is included whole, or a time, which isn't; by default now", examples=["2026-11-21"]
    )
    interval: Interval = Field(
        Interval.DAY, description="Width of a point in `series`: quarter_hour for at most 31 days, hour for at most 92"
    )
    zone: str = Field("UTC", description="Time zone of days, weeks and months (IANA)", examples=["Europe/Berlin"], max_length=64)

    def span(self, *, now_ms: int) -> Span:
        """The span that is asked for.

        Raises:
            InvalidInput: names each field that is wrong.
        """
        from_ms = to_ms = now_ms
        violations = Violations()
        with violations.field("zone"):
            zone = zone_named(self.zone)
        violations.check()
        with violations.field("to"):
            to_ms = end_ms(self.to, zone) if self.to is not None else now_ms
        with violations.field("from"):
            from_ms = start_ms(self.from_, zone) if self.from_ is not None else first_ms(to_ms, zone)
        violations.check()
        if from_ms >= to_ms:
            if self.to is None:
                violations.add("from", "isn't past yet, and `to` is now unless you give it")
            else:
                violations.add("to", "ends before `from`, or with it")
            violations.check()
        return Span(from_ms, to_ms)


class PointView(BaseModel):
    """One interval of a series."""

    start: Time
    scans: int = Field(description="Scans by people in it")


class ShareView(BaseModel):
    """The count of one value."""

    value: str = Field(examples=["DE"])
    scans: int


class Others(BaseModel):
    """Per breakdown, scans with a value that isn't listed: exact, so that list and other add up."""

    countries: int = 0
    devices: int = 0
    browsers: int = 0
    operating_systems: int = 0
    referrers: int = 0
    languages: int = 0


_DIMENSIONS = {
    "countries": "country",
    "devices": "device",
    "browsers": "browser",
    "operating_systems": "os",
    "referrers": "referrer",
    "languages": "language",
}


class AnalyticsView(BaseModel):
    """Scans of one code. Totals and series follow the span asked for; breakdowns, bots, previews and uniques its UTC days."""

    model_config = ConfigDict(json_schema_extra={"examples": [ANALYTICS]})

    code_id: str = Field(examples=[CODE_ID])
    from_: Time = Field(alias="from", description="First moment of the span")
    to: Time = Field(description="First moment after the span")
    interval: Interval
    zone: str = Field(description="Time zone that days, weeks and months follow", examples=["Europe/Berlin"])
    total_scans: int = Field(description="Scans by people in the span, exact")
    all_time_scans: int = Field(description="Scans by people since the code was created, exact")
    unique_visitors: int = Field(
        description="Visitor-days: each UTC day's distinct visitors, summed; exact up to 256 a day, else 1.6 % standard error"
    )
    bot_scans: int = Field(description="Requests by crawlers, exact")
    preview_scans: int = Field(description="Requests by link previews, exact")
    series: list[PointView] = Field(description="One point per interval, in order, zeros included")
    countries: list[ShareView] = Field(description="ISO 3166-1 codes, most scans first, at most 500")
    devices: list[ShareView]
    browsers: list[ShareView]
    operating_systems: list[ShareView]
    referrers: list[ShareView] = Field(description="Hosts; `direct` when there was none")
    languages: list[ShareView]
    others: Others
    days_from: Time = Field(description="First moment of the UTC days")
    days_to: Time = Field(description="First moment after the UTC days")
    counted_until: Time | None = Field(description="The newest scan that these numbers know was sent then; null when there is none")

    @classmethod
    def of(cls, code_id: str, asked: AnalyticsQuery, span: Span, counts: ScanCounts) -> Self:
        """The counts as they are shown."""
        breakdowns = {name: counts.breakdowns.get(dimension, Breakdown()) for name, dimension in _DIMENSIONS.items()}
        return cls.model_validate(
            {
                "code_id": code_id,
                "from": rfc3339(span.from_ms),
                "to": rfc3339(span.to_ms),
                "interval": asked.interval,
                "zone": asked.zone,
                "total_scans": counts.total_scans,
                "all_time_scans": counts.all_time_scans,
                "unique_visitors": counts.unique_visitors,
                "bot_scans": counts.bot_scans,
                "preview_scans": counts.preview_scans,
                "series": [PointView(start=rfc3339(point.start_ms), scans=point.scans) for point in counts.series],
                **{name: [ShareView(value=share.value, scans=share.scans) for share in one.values] for name, one in breakdowns.items()},
                "others": Others(**{name: one.other for name, one in breakdowns.items()}),
                "days_from": rfc3339(counts.days_from_ms),
                "days_to": rfc3339(counts.days_to_ms),
                "counted_until": rfc3339(counts.counted_until_ms) if counts.counted_until_ms else None,
            }
        )


router = APIRouter(prefix="/v1", route_class=ApiRoute, dependencies=DESCRIBED_SECURITY, tags=["analytics"])

# The service's fields by the names that callers of the API know.
_NAMES = {"from_ms": "from", "to_ms": "to"}


@router.get("/codes/{code_id}/analytics", responses=problems(400, 401, 403, 404), openapi_extra=scoped(ANALYTICS_READ, CODES_READ))
async def get_analytics(
    code_id: Annotated[str, Path(description="The code's id", examples=[CODE_ID])],
    query: Annotated[AnalyticsQuery, Query()],
    parts: Services,
    caller: CallerNow,
) -> AnalyticsView:
    """Counts of one code, about a second behind its scans. The span is widened to whole quarters of an hour."""
    known = known_id(code_id)
    span = query.span(now_ms=parts.clock.now_ms())
    with names_of_the_api(_NAMES):
        async with together() as group:
            group.create_task(parts.codes.get(caller, known))  # raises NotFound for another account's code
            counts = group.create_task(
                parts.counts.of_code(caller, known, from_ms=span.from_ms, to_ms=span.to_ms, interval=query.interval, zone=query.zone)
            )
    return AnalyticsView.of(known, query, span, counts.result())
