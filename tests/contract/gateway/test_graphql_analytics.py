from datetime import datetime
from typing import Any

import pytest
from contract.gateway.asking import ask
from contract.gateway.served import CODE_ID, MENU, NOON_MS, Api

from quietzone.analytics.v1 import analytics_pb2
from quietzone.qr.v1 import code_service_pb2
from quietzone_kit.errors import FieldViolation, InvalidInput, PermissionDenied

QR_ANALYTICS = """
query($zone: String! = "UTC", $groupBy: Interval! = DAY, $limit: Int! = 10) {
  qrAnalytics(qrId: "%s", startDate: "2026-11-19", endDate: "2026-11-20", zone: $zone, groupBy: $groupBy, limit: $limit) {
    totalScans uniqueVisitors
    topCountries { value scans } dailyScans { start scans } deviceBreakdown { value scans } referrerBreakdown { value scans }
  }
}
"""
DAY_MS = 86_400_000


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def breakdown(dimension: str, **values: int) -> analytics_pb2.Breakdown:
    return analytics_pb2.Breakdown(
        dimension=dimension, values=[analytics_pb2.Share(value=value, scans=scans) for value, scans in values.items()], other=2
    )


COUNTS = analytics_pb2.GetCodeAnalyticsResponse(
    total_scans=5,
    unique_visitors=3,
    bot_scans=2,
    preview_scans=1,
    all_time_scans=5_000_000_000,
    series=[
        analytics_pb2.Point(start_ms=ms("2026-11-19T00:00:00Z"), scans=5),
        analytics_pb2.Point(start_ms=ms("2026-11-20T00:00:00Z"), scans=0),
    ],
    breakdowns=[
        breakdown("country", DE=3, AT=2),
        breakdown("device", phone=4, tablet=1),
        breakdown("referrer", direct=4, **{"example.com": 1}),
    ],
    days_from_ms=ms("2026-11-19T00:00:00Z"),
    days_to_ms=ms("2026-11-21T00:00:00Z"),
    counted_until_ms=NOON_MS,
)


@pytest.fixture
def counted(api: Api) -> Api:
    api.services.answer("BatchGetCodes", code_service_pb2.BatchGetCodesResponse(codes=[code_service_pb2.FoundCode(code=MENU)]))
    api.services.answer("GetCodeAnalytics", COUNTS)
    return api


def asked_of_analytics(api: Api) -> list[Any]:
    return [request for request in api.services.asked if isinstance(request, analytics_pb2.GetCodeAnalyticsRequest)]


async def test_scans_between_two_days_have_the_shape_that_dashboards_take(counted: Api) -> None:
    told = await ask(counted, QR_ANALYTICS % CODE_ID)

    assert told.data["qrAnalytics"] == {
        "totalScans": 5,
        "uniqueVisitors": 3,
        "topCountries": [{"value": "DE", "scans": 3}, {"value": "AT", "scans": 2}],
        "dailyScans": [{"start": "2026-11-19T00:00:00.000Z", "scans": 5}, {"start": "2026-11-20T00:00:00.000Z", "scans": 0}],
        "deviceBreakdown": [{"value": "phone", "scans": 4}, {"value": "tablet", "scans": 1}],
        "referrerBreakdown": [{"value": "Direct", "scans": 4}, {"value": "example.com", "scans": 1}],
    }


async def test_a_date_is_the_whole_day_of_the_zone_both_ends_included(counted: Api) -> None:
    await ask(counted, QR_ANALYTICS % CODE_ID, {"zone": "Europe/Berlin"})

    (asked,) = asked_of_analytics(counted)
    assert (asked.from_ms, asked.to_ms) == (ms("2026-11-19T00:00:00+01:00"), ms("2026-11-21T00:00:00+01:00"))
    assert (asked.zone, asked.interval) == ("Europe/Berlin", analytics_pb2.INTERVAL_DAY)


async def test_countries_and_referrers_are_limited_and_devices_are_not(counted: Api) -> None:
    found = (await ask(counted, QR_ANALYTICS % CODE_ID, {"limit": 1})).data["qrAnalytics"]

    assert [len(found[name]) for name in ("topCountries", "referrerBreakdown", "deviceBreakdown", "dailyScans")] == [1, 1, 2, 2]


async def test_another_interval_is_a_question_of_its_own(counted: Api) -> None:
    query = (QR_ANALYTICS % CODE_ID).replace("totalScans", "series { scans } totalScans")

    for interval in ("DAY", "HOUR"):
        await ask(counted, query, {"groupBy": interval})

    day, hour = analytics_pb2.INTERVAL_DAY, analytics_pb2.INTERVAL_HOUR
    assert [asked.interval for asked in asked_of_analytics(counted)] == [day, day, hour]


async def test_another_accounts_code_is_not_found_though_analytics_has_zeros(counted: Api) -> None:
    counted.services.answer("BatchGetCodes", code_service_pb2.BatchGetCodesResponse(codes=[code_service_pb2.FoundCode()]))

    told = await ask(counted, QR_ANALYTICS % CODE_ID)

    assert (told.data, told.codes) == ({"qrAnalytics": None}, ["NOT_FOUND"])


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ('startDate: "x", endDate: "2026-11-20"', "startDate"),
        ('startDate: "2026-11-20", endDate: "2026-02-30"', "endDate"),
        ('startDate: "2026-11-20", endDate: "2026-11-19"', "endDate"),
        ('startDate: "2026-11-20", endDate: "2026-11-20", zone: "Mars/Base"', "zone"),
        ('startDate: "2026-11-20", endDate: "2026-11-20", limit: 0', "limit"),
    ],
)
async def test_what_is_wrong_with_a_span_is_named_as_the_client_knows_it(counted: Api, arguments: str, field: str) -> None:
    told = await ask(counted, f'{{ qrAnalytics(qrId: "{CODE_ID}", {arguments}) {{ totalScans }} }}')

    assert (told.fields, counted.services.asked) == ([field], [])


async def test_what_the_service_finds_wrong_with_a_span_is_named_as_the_client_knows_it(counted: Api) -> None:
    counted.services.fail("GetCodeAnalytics", InvalidInput(FieldViolation("to_ms", "more than 1,100 days")))

    assert (await ask(counted, QR_ANALYTICS % CODE_ID)).fields == ["endDate"]


async def test_the_analytics_of_a_code_are_those_of_rest(counted: Api) -> None:
    fields = "from to interval zone totalScans allTimeScans uniqueVisitors botScans previewScans daysFrom daysTo countedUntil"

    told = await ask(counted, f'{{ codes {{ edges {{ node {{ analytics(from: "2026-11-19", to: "2026-11-20") {{ {fields} }} }} }} }} }}')

    assert told.data["codes"]["edges"][0]["node"]["analytics"] == {
        "from": "2026-11-19T00:00:00.000Z",
        "to": "2026-11-21T00:00:00.000Z",
        "interval": "DAY",
        "zone": "UTC",
        "totalScans": 5,
        "allTimeScans": 5_000_000_000,
        "uniqueVisitors": 3,
        "botScans": 2,
        "previewScans": 1,
        "daysFrom": "2026-11-19T00:00:00.000Z",
        "daysTo": "2026-11-21T00:00:00.000Z",
        "countedUntil": "2026-11-21T12:00:00.000Z",
    }


async def test_values_beyond_those_asked_for_are_counted_among_the_others(counted: Api) -> None:
    told = await ask(
        counted, "{ codes { edges { node { analytics { countries(first: 1) { values { value scans } other } browsers { other } } } } } }"
    )

    assert told.data["codes"]["edges"][0]["node"]["analytics"] == {
        "countries": {"values": [{"value": "DE", "scans": 3}], "other": 4},
        "browsers": {"other": 0},
    }


async def test_the_same_counts_under_two_names_are_one_question(counted: Api) -> None:
    await ask(counted, "{ codes(first: 5) { edges { node { a: analytics { totalScans } b: analytics { botScans } } } } }")

    assert len(asked_of_analytics(counted)) == 1


@pytest.mark.parametrize("first", [0, 501])
async def test_more_values_than_are_counted_are_refused(counted: Api, first: int) -> None:
    told = await ask(counted, f"{{ codes(first: 1) {{ edges {{ node {{ analytics {{ countries(first: {first}) {{ other }} }} }} }} }} }}")

    assert told.fields == ["first"]


async def test_without_the_scope_codes_are_shown_and_counts_are_not(counted: Api) -> None:
    counted.services.fail("GetCodeAnalytics", PermissionDenied("this needs the scope 'analytics:read'"))

    told = await ask(counted, "{ codes { edges { node { slug analytics { totalScans } } } } }")

    assert told.data["codes"]["edges"] == [{"node": {"slug": "menu", "analytics": None}}]
    assert told.codes == ["PERMISSION_DENIED"]
