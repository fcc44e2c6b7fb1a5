"""Lists of codes: filters, orders, pages by number and by cursor, only some fields."""

from typing import Any

import pytest
from contract.gateway.served import CODE_ID, MENU, NOON_MS, Api, problem

from quietzone.qr.v1 import code_pb2, code_service_pb2
from quietzone_kit.errors import FieldViolation, InvalidInput

DAY_MS = 86_400_000
MIDNIGHT_MS = NOON_MS - DAY_MS // 2


def of_total(total: int | None, *, more: bool = True) -> code_service_pb2.ListCodesResponse:
    return code_service_pb2.ListCodesResponse(codes=[MENU], next_page_token="next" if more else "", total=total)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("state=paused", {"state": code_pb2.CODE_STATE_PAUSED}),
        ("folder=", {"folder": ""}),
        ("tag=Menu", {"tag": "Menu"}),
        ("slug_prefix=me", {"slug_prefix": "me"}),
        ("title_prefix=Me", {"title_prefix": "Me"}),
        ("created_from=2026-11-21", {"created_from_ms": MIDNIGHT_MS}),
        ("created_before=2026-11-21T12:00:00Z", {"created_before_ms": NOON_MS}),
        ("updated_from=2026-11-21T13:00:00%2B01:00", {"updated_from_ms": NOON_MS}),
    ],
)
async def test_what_is_chosen_reaches_the_service(api: Api, asked: str, expected: dict[str, Any]) -> None:
    await api.send("GET", f"/v1/codes?{asked}")

    assert api.services.asked[0].filter == code_service_pb2.CodeFilter(**expected)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("", code_service_pb2.CODE_ORDER_UNSPECIFIED),
        ("sort_by=created_at", code_service_pb2.CODE_ORDER_CREATED_DESCENDING),
        ("sort_order=asc", code_service_pb2.CODE_ORDER_CREATED_ASCENDING),
        ("sort_by=updated_at&sort_order=asc", code_service_pb2.CODE_ORDER_UPDATED_ASCENDING),
        ("sort_by=title", code_service_pb2.CODE_ORDER_TITLE_ASCENDING),
        ("sort_by=slug&sort_order=desc", code_service_pb2.CODE_ORDER_SLUG_DESCENDING),
    ],
)
async def test_the_order_reaches_the_service(api: Api, asked: str, expected: int) -> None:
    await api.send("GET", f"/v1/codes?{asked}")

    assert api.services.asked[0].order_by == expected


async def test_what_no_index_serves_is_refused_in_the_callers_words(api: Api) -> None:
    api.services.fail("ListCodes", InvalidInput(FieldViolation("order_by", "no index has tag and title")))

    assert problem(await api.send("GET", "/v1/codes?tag=a&sort_by=title")) == (400, "invalid-argument", ["sort_by"])


async def test_a_page_by_number_passes_over_those_before_it(api: Api) -> None:
    await api.send("GET", "/v1/codes?page=3&limit=20")

    assert (api.services.asked[0].skip, api.services.asked[0].page_size) == (40, 20)


async def test_a_page_says_where_it_is(api: Api) -> None:
    api.services.answer("ListCodes", of_total(41))

    page = (await api.send("GET", "/v1/codes?page=2&limit=20&state=active")).json()

    assert page["meta"] == {"limit": 20, "total": 41, "page": 2, "total_pages": 3, "has_next": True, "has_prev": True}
    assert page["links"] == {
        "self": "/v1/codes?limit=20&state=active&page=2",
        "first": "/v1/codes?limit=20&state=active",
        "next": "/v1/codes?limit=20&state=active&page=3",
        "prev": "/v1/codes?limit=20&state=active&page=1",
    }


async def test_a_total_that_nothing_counts_is_null(api: Api) -> None:
    api.services.answer("ListCodes", of_total(None))

    meta = (await api.send("GET", "/v1/codes?slug_prefix=a")).json()["meta"]

    assert (meta["total"], meta["total_pages"]) == (None, None)


async def test_the_link_header_leads_on(api: Api) -> None:
    answer = await api.send("GET", "/v1/codes?limit=20")

    assert answer.links["next"]["url"] == "/v1/codes?limit=20&cursor=next"


async def test_links_keep_what_was_asked_for_as_it_has_to_be_written(api: Api) -> None:
    answer = await api.send("GET", "/v1/codes?folder=a%26b%2Fc&cursor=%2B%3D")

    assert answer.json()["links"]["self"] == "/v1/codes?folder=a%26b%2Fc&cursor=%2B%3D"


@pytest.mark.parametrize(("asked", "fields"), [("page=2&cursor=x", ["query"]), ("page=0", ["page"]), ("page=300&limit=100", ["query"])])
async def test_a_page_that_can_not_be_found_is_refused(api: Api, asked: str, fields: list[str]) -> None:
    assert problem(await api.send("GET", f"/v1/codes?{asked}")) == (400, "invalid-argument", fields)


async def test_only_the_fields_asked_for_are_shown(api: Api) -> None:
    page = (await api.send("GET", "/v1/codes?fields=slug,title")).json()

    assert page["items"] == [{"id": CODE_ID, "slug": "menu", "title": "Menu"}]
    assert (await api.send("GET", f"/v1/codes/{CODE_ID}?fields=title")).json() == {"id": CODE_ID, "title": "Menu"}


async def test_a_field_that_a_code_has_not_is_named(api: Api) -> None:
    answer = await api.send("GET", "/v1/codes?fields=slug,account_id")

    assert problem(answer) == (400, "invalid-argument", ["fields"])
    assert "account_id" in answer.json()["errors"][0]["reason"]


async def test_a_page_that_is_still_the_same_is_not_sent_again(api: Api) -> None:
    tag = (await api.send("GET", "/v1/codes")).headers["etag"]

    assert (await api.send("GET", "/v1/codes", if_none_match=tag)).status_code == 304
