"""What each method sends, and what it makes of the answer."""

from datetime import UTC, date, datetime

import httpx
import pytest
from unit.client.scripted import CODE, CODE_ID, EXPORT, Server, ok, page

from quietzone_client import ApiKey, Client, CodeFilter, CodeState, DestinationState, Span

ADDRESS = f"/v1/codes/{CODE_ID}"
NO_CONTENT = httpx.Response(204)


def test_a_code_is_created_with_what_is_given() -> None:
    server = Server.of(ok(status=201))

    code = server.client().codes.create("https://example.com/menu", title="Menü", slug="menu-4", tags=["menu"])

    assert (server.asked[0].method, server.paths) == ("POST", ["/v1/codes"])
    assert server.body() == {
        "destination": "https://example.com/menu",
        "title": "Menü",
        "slug": "menu-4",
        "tags": ["menu"],
        "folder": "",
    }
    assert (code.slug, code.state, code.tags) == ("menu-4", CodeState.ACTIVE, ("menu", "summer"))
    assert code.created_at == datetime(2026, 11, 21, 9, 30, 0, 125_000, tzinfo=UTC)


def test_the_key_goes_with_each_request_and_our_name_too() -> None:
    server = Server.of(ok())

    server.client().codes.get(CODE_ID)

    assert server.asked[0].headers["authorization"] == "Bearer qz_key"
    assert server.asked[0].headers["user-agent"].startswith("quietzone-client/")


def test_a_change_sends_only_what_is_given_and_the_revision_that_it_is_for() -> None:
    server = Server.of(ok())

    server.client().codes.change(CODE_ID, state="paused", tags=(), revision=3)

    assert (server.asked[0].method, server.paths, server.asked[0].headers["if-match"]) == ("PATCH", [ADDRESS], '"3"')
    assert server.body() == {"state": "paused", "tags": []}


def test_a_change_without_a_revision_demands_none() -> None:
    server = Server.of(ok())

    server.client().codes.change(CODE_ID, title="")

    assert "if-match" not in server.asked[0].headers
    assert server.body() == {"title": ""}


def test_a_code_is_deleted() -> None:
    server = Server.of(NO_CONTENT)

    server.client().codes.delete(CODE_ID, revision=2)

    assert (server.asked[0].method, server.paths, server.asked[0].headers["if-match"]) == ("DELETE", [ADDRESS], '"2"')


def test_an_image_comes_with_its_type() -> None:
    server = Server.of(httpx.Response(200, content=b"<svg/>", headers={"content-type": "image/svg+xml"}))

    image = server.client().codes.image(CODE_ID, "svg", size=600)

    assert server.paths == [f"{ADDRESS}/image?format=svg&size=600"]
    assert (image.content, image.media_type) == (b"<svg/>", "image/svg+xml")


def test_health_says_how_a_destination_does() -> None:
    body = {
        "code_id": CODE_ID,
        "destination": "https://example.com",
        "state": "dead",
        "reason": "answered 404",
        "failures": 2,
        "checked_at": "2026-11-21T09:30:00.125Z",
        "next_check_at": None,
    }
    server = Server.of(ok(body))

    health = server.client().codes.health(CODE_ID)

    assert (server.paths, health.state, health.next_check_at) == ([f"{ADDRESS}/health"], DestinationState.DEAD, None)


def test_the_span_of_analytics_may_be_days_or_times() -> None:
    server = Server.of(ok(ANALYTICS))

    found = server.client().codes.analytics(
        CODE_ID, start=date(2026, 11, 1), end=datetime(2026, 11, 21, 9, tzinfo=UTC), interval="hour", zone="Europe/Berlin"
    )

    query = "from=2026-11-01&to=2026-11-21T09%3A00%3A00%2B00%3A00&interval=hour&zone=Europe%2FBerlin"
    assert server.paths == [f"{ADDRESS}/analytics?{query}"]
    assert (found.total_scans, found.devices[0].value, found.devices[0].scans, found.others) == (7, "phone", 5, {"devices": 2})
    assert [point.scans for point in found.series] == [3, 4]


def test_a_time_without_its_zone_is_refused_before_it_is_sent() -> None:
    server = Server.of(ok(ANALYTICS))

    with pytest.raises(ValueError, match="has no time zone"):
        server.client().codes.analytics(CODE_ID, start=datetime(2026, 11, 1))  # noqa: DTZ001 - that is the point
    assert server.asked == []


def test_an_export_is_begun() -> None:
    server = Server.of(ok(EXPORT, 202))

    export = server.client().exports.begin(Span(start="2026-11-01", interval="week"), code_id=CODE_ID, file_format="parquet")

    assert server.body() == {"from": "2026-11-01", "interval": "week", "zone": "UTC", "format": "parquet", "code_id": CODE_ID}
    assert (export.state, export.has_ended) == ("waiting", False)


def test_an_export_is_cancelled() -> None:
    server = Server.of(NO_CONTENT)

    server.client().exports.cancel("e1")

    assert (server.asked[0].method, server.paths) == ("DELETE", ["/v1/exports/e1"])


def test_reconcile_may_take_minutes() -> None:
    numbers = dict.fromkeys(("accepted", "forwarded", "applied", "stored", "lost", "unrecorded"), 0)
    server = Server.of(ok({**numbers, "sources": [], "problems": []}))

    found = server.client().reconcile()

    assert found.settled
    assert server.asked[0].extensions["timeout"]["read"] > 300


def test_a_list_goes_through_all_pages() -> None:
    server = Server.of(page(CODE, CODE, cursor="next"), page(CODE))

    codes = list(server.client().codes.list())

    assert [code.slug for code in codes] == ["menu-4"] * 3
    assert server.paths == ["/v1/codes?limit=200", "/v1/codes?limit=200&cursor=next"]


def test_a_list_asks_for_no_page_that_nobody_reads() -> None:
    server = Server.of(page(CODE, cursor="next"))

    next(server.client().codes.list())

    assert len(server.asked) == 1


async def test_a_list_goes_through_all_pages_on_a_loop_too() -> None:
    server = Server.of(page(CODE, cursor="next"), page(CODE))

    async with server.on_loop() as client:
        assert [code.id async for code in client.codes.list()] == [CODE_ID] * 2


def test_filter_order_and_fields_are_passed_on() -> None:
    server = Server.of(page({"id": CODE_ID, "title": "Menu"}))
    chosen = CodeFilter(tag="menu", created_from=date(2026, 11, 1), created_before=datetime(2026, 11, 2, tzinfo=UTC))

    [part] = server.client().codes.list(chosen, sort_by="created_at", sort_order="asc", fields=["title"], page_size=7)

    assert dict(server.asked[0].url.params) == {
        "limit": "7",
        "tag": "menu",
        "created_from": "2026-11-01",
        "created_before": "2026-11-02T00:00:00+00:00",
        "sort_by": "created_at",
        "sort_order": "asc",
        "fields": "title",
    }
    assert (part.title, part.slug, part.created_at) == ("Menu", None, None)


def test_a_folder_that_is_empty_is_asked_for() -> None:
    server = Server.of(page())

    list(server.client().codes.list(CodeFilter(folder="")))

    assert server.asked[0].url.params["folder"] == ""


def test_a_page_by_number_says_where_it_is() -> None:
    server = Server.of(page(CODE, cursor="next", total=120, page=2, total_pages=3, has_prev=True))

    found = server.client().codes.page(2)

    assert server.paths == ["/v1/codes?limit=50&page=2"]
    assert (found.number, found.total, found.total_pages, found.has_prev, found.has_next) == (2, 120, 3, True, True)
    assert [code.id for code in found] == [CODE_ID]


@pytest.mark.parametrize("code_id", ["", ".", ".."])
def test_path_traversal_by_an_id_leads_nowhere(code_id: str) -> None:
    server = Server.of(NO_CONTENT)

    with pytest.raises(ValueError, match="is no id"):
        server.client().codes.delete(code_id)
    assert server.asked == []


@pytest.mark.parametrize("code_id", ["../exports", "a/b", "a?b=c", "a#b", "a%2e%2e"])
def test_an_id_with_signs_of_its_own_stays_one_part_of_the_path(code_id: str) -> None:
    server = Server.of(ok())

    server.client().codes.get(code_id)

    path = server.paths[0].removeprefix("/v1/codes/")
    assert not set("/?#") & set(path)


@pytest.mark.parametrize("address", ["localhost:8000", "http://localhost:8o", "ftp://example.com", "", "http://"])
def test_an_address_that_is_none_is_said_so(address: str) -> None:
    with pytest.raises(ValueError, match="isn't the address of an API; http://localhost:8000 would do"):
        Client(address, "qz_key")


@pytest.mark.parametrize(("key", "said"), [("schlüssel", "holds 'ü'"), ("qz_a\r\nx: y", r"holds '\\r'"), ("", "is empty")])
def test_a_key_that_is_none_is_said_so(key: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Client("http://localhost:8000", key)


def test_a_key_is_not_shown() -> None:
    assert "qz_secret" not in repr(ApiKey("qz_secret"))


ANALYTICS = {
    "code_id": CODE_ID,
    "from": "2026-11-01T00:00:00.000Z",
    "to": "2026-11-03T00:00:00.000Z",
    "interval": "day",
    "zone": "UTC",
    "total_scans": 7,
    "all_time_scans": 9,
    "unique_visitors": 5,
    "bot_scans": 1,
    "preview_scans": 0,
    "series": [{"start": "2026-11-01T00:00:00.000Z", "scans": 3}, {"start": "2026-11-02T00:00:00.000Z", "scans": 4}],
    "countries": [],
    "devices": [{"value": "phone", "scans": 5}],
    "browsers": [],
    "operating_systems": [],
    "referrers": [],
    "languages": [],
    "others": {"devices": 2},
    "days_from": "2026-11-01T00:00:00.000Z",
    "days_to": "2026-11-03T00:00:00.000Z",
    "counted_until": None,
}
