from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from contract.gateway.served import CODE_ID, NOON_MS, Api, problem
from hypothesis import given
from hypothesis import strategies as st

from quietzone.analytics.v1 import analytics_pb2
from quietzone_gateway.rest.times import DEFAULT_DAYS, InvalidTime, end_ms, first_ms, rfc3339, start_ms, zone_named
from quietzone_kit.errors import FieldViolation, InvalidInput, NotFound, PermissionDenied, Unavailable

BERLIN = ZoneInfo("Europe/Berlin")
DAY_MS = 86_400_000


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


async def test_counts_are_shown_as_they_were_counted(api: Api) -> None:
    breakdown = analytics_pb2.Breakdown(dimension="os", values=[analytics_pb2.Share(value="iOS", scans=4)], other=1)
    counts = analytics_pb2.GetCodeAnalyticsResponse(
        total_scans=5,
        bot_scans=2,
        preview_scans=1,
        unique_visitors=3,
        series=[analytics_pb2.Point(start_ms=ms("2026-11-20T00:00:00Z"), scans=5)],
        breakdowns=[breakdown],
        days_from_ms=ms("2026-11-20T00:00:00Z"),
        days_to_ms=ms("2026-11-21T00:00:00Z"),
        all_time_scans=99,
        counted_until_ms=NOON_MS,
    )
    api.services.answer("GetCodeAnalytics", counts)

    shown = (await api.send("GET", f"/v1/codes/{CODE_ID}/analytics?from=2026-11-20&to=2026-11-20")).json()

    assert shown == {
        "code_id": CODE_ID,
        "from": "2026-11-20T00:00:00.000Z",
        "to": "2026-11-21T00:00:00.000Z",
        "interval": "day",
        "zone": "UTC",
        "total_scans": 5,
        "all_time_scans": 99,
        "unique_visitors": 3,
        "bot_scans": 2,
        "preview_scans": 1,
        "series": [{"start": "2026-11-20T00:00:00.000Z", "scans": 5}],
        "countries": [],
        "devices": [],
        "browsers": [],
        "operating_systems": [{"value": "iOS", "scans": 4}],
        "referrers": [],
        "languages": [],
        "others": {"countries": 0, "devices": 0, "browsers": 0, "operating_systems": 1, "referrers": 0, "languages": 0},
        "days_from": "2026-11-20T00:00:00.000Z",
        "days_to": "2026-11-21T00:00:00.000Z",
        "counted_until": "2026-11-21T12:00:00.000Z",
    }


async def test_by_default_the_last_30_days_are_counted_today_included(api: Api) -> None:
    await api.send("GET", f"/v1/codes/{CODE_ID}/analytics")

    asked = next(request for request in api.services.asked if isinstance(request, analytics_pb2.GetCodeAnalyticsRequest))
    assert (asked.from_ms, asked.to_ms) == (ms("2026-10-23T00:00:00Z"), NOON_MS)


async def test_dates_are_whole_days_of_the_zone_asked_for_both_ends_included(api: Api) -> None:
    await api.send("GET", f"/v1/codes/{CODE_ID}/analytics?from=2026-10-25&to=2026-10-25&zone=Europe/Berlin&interval=hour")

    asked = next(request for request in api.services.asked if isinstance(request, analytics_pb2.GetCodeAnalyticsRequest))
    # The clocks went back that night: the day had 25 hours.
    assert (asked.from_ms, asked.to_ms) == (ms("2026-10-25T00:00:00+02:00"), ms("2026-10-26T00:00:00+01:00"))
    assert (asked.zone, asked.interval) == ("Europe/Berlin", analytics_pb2.INTERVAL_HOUR)


async def test_another_accounts_code_is_not_found_though_analytics_has_zeros(api: Api) -> None:
    api.services.fail("GetCode", NotFound("no such code"))

    assert problem(await api.send("GET", f"/v1/codes/{CODE_ID}/analytics"))[:2] == (404, "not-found")


@pytest.mark.parametrize("method", ["GetCode", "GetCodeAnalytics"])
async def test_a_service_that_is_not_there_is_to_be_asked_again(api: Api, method: str) -> None:
    api.services.fail(method, Unavailable("not now"))

    answer = await api.send("GET", f"/v1/codes/{CODE_ID}/analytics")

    assert problem(answer)[:2] == (503, "unavailable")
    assert answer.headers["retry-after"] == "2"


async def test_a_span_that_the_service_refuses_is_named_as_the_client_knows_it(api: Api) -> None:
    api.services.fail("GetCodeAnalytics", InvalidInput(FieldViolation("to_ms", "the span has at most 1,100 days")))

    assert problem(await api.send("GET", f"/v1/codes/{CODE_ID}/analytics")) == (400, "invalid-argument", ["to"])


async def test_a_plus_that_a_query_turned_into_a_space_is_explained(api: Api) -> None:
    answer = await api.send("GET", f"/v1/codes/{CODE_ID}/analytics?from=2026-11-21T10:00:00+01:00")

    assert "%2B" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("from=yesterday&to=2026-02-30", ["to", "from"]),
        ("from=2026-11-21T10:00:00", ["from"]),
        ("from=2026-11-21&to=2026-11-20", ["to"]),
        ("zone=Mars/Olympus", ["zone"]),
        ("zone=../../etc/passwd", ["zone"]),
        ("zone=Europe", ["zone"]),
        ("interval=year", ["interval"]),
        ("form=2026-11-21", ["form"]),
        ("from=0000-01-01", ["from"]),
        ("from=2026-11-22", ["from"]),
    ],
)
async def test_every_wrong_wish_is_named(api: Api, query: str, fields: list[str]) -> None:
    assert problem(await api.send("GET", f"/v1/codes/{CODE_ID}/analytics?{query}")) == (400, "invalid-argument", fields)


async def test_the_operator_sees_the_comparison(api: Api) -> None:
    source = analytics_pb2.SourceCount(source_id="s", accepted=3, reported_at_ms=NOON_MS)
    api.services.answer("Reconcile", analytics_pb2.ReconcileResponse(accepted=3, problems=["3 scans wait"], sources=[source]))

    shown = (await api.send("GET", "/v1/reconcile")).json()

    assert (shown["accepted"], shown["problems"]) == (3, ["3 scans wait"])
    assert shown["sources"][0]["reported_at"] == "2026-11-21T12:00:00.000Z"


async def test_what_only_operators_may_is_refused_by_the_service_too(api: Api) -> None:
    api.services.fail("Reconcile", PermissionDenied("this needs the scope 'operator'"))

    assert problem(await api.send("GET", "/v1/reconcile"))[:2] == (403, "permission-denied")


@given(st.integers(0, 250_000_000_000_000))
def test_a_time_is_read_as_it_was_written(time_ms: int) -> None:
    assert start_ms(rfc3339(time_ms), ZoneInfo("UTC")) == time_ms


@given(st.dates(min_value=datetime(1971, 1, 1, tzinfo=UTC).date(), max_value=datetime(2100, 1, 1, tzinfo=UTC).date()))
def test_a_day_has_23_to_25_hours(day: datetime) -> None:
    assert (end_ms(day.isoformat(), BERLIN) - start_ms(day.isoformat(), BERLIN)) / 3_600_000 in (23, 24, 25)


@given(st.integers(DAY_MS * 400, 4_000_000_000_000))
def test_the_default_span_has_30_days_and_ends_on_the_last(to_ms: int) -> None:
    days = (to_ms - first_ms(to_ms, ZoneInfo("UTC"))) / DAY_MS

    assert DEFAULT_DAYS - 1 < days <= DEFAULT_DAYS


def test_a_zone_that_is_a_folder_is_no_zone() -> None:
    with pytest.raises(InvalidTime):
        zone_named("America/Argentina")
