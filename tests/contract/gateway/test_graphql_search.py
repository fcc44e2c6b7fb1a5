from typing import Any

import pytest
from contract.gateway.asking import ask
from contract.gateway.served import Api
from contract.gateway.test_graphql_codes import code_of

from quietzone.qr.v1 import code_pb2, code_service_pb2

SEARCH = "query($query: String!, $filters: JSON, $limit: Int) { searchQRCodes(query: $query, filters: $filters, limit: $limit) { slug } }"


@pytest.fixture
def searched(api: Api) -> Api:
    """Slugs find 1 and 2, titles 2, 3 and 4; even ones are paused, 3 is in no folder."""

    def page(request: Any) -> code_service_pb2.ListCodesResponse:
        codes = [code_of(number) for number in ((1, 2) if request.filter.HasField("slug_prefix") else (2, 3, 4))]
        for code in codes:
            number = int(code.slug[-1])
            code.state = code_pb2.CODE_STATE_PAUSED if number % 2 == 0 else code_pb2.CODE_STATE_ACTIVE
            code.folder = "" if number == 3 else "tables"
        return code_service_pb2.ListCodesResponse(codes=codes[: request.page_size])

    api.services.answers["ListCodes"] = page
    return api


async def found(api: Api, **variables: object) -> list[str]:
    told = await ask(api, SEARCH, {"query": "menu", **variables})
    assert told.errors == []
    return [code["slug"] for code in told.data["searchQRCodes"]]


async def test_slugs_come_first_then_titles_each_code_once(searched: Api) -> None:
    assert await found(searched) == ["menu-1", "menu-2", "menu-3", "menu-4"]


async def test_no_more_are_shown_than_asked_for(searched: Api) -> None:
    assert await found(searched, limit=3) == ["menu-1", "menu-2", "menu-3"]


@pytest.mark.parametrize(
    ("filters", "slugs"),
    [
        ({"state": "PAUSED"}, ["menu-2", "menu-4"]),
        ({"state": "active", "folder": "tables"}, ["menu-1"]),
        ({"folder": ""}, ["menu-3"]),
        ({"tag": "MENU"}, ["menu-1", "menu-2", "menu-3", "menu-4"]),
        ({"tag": "other"}, []),
        ({}, ["menu-1", "menu-2", "menu-3", "menu-4"]),
    ],
)
async def test_filters_choose_among_what_is_found(searched: Api, filters: dict[str, str], slugs: list[str]) -> None:
    assert await found(searched, filters=filters) == slugs


async def test_with_filters_more_is_looked_at_than_is_shown(searched: Api) -> None:
    await found(searched, limit=1, filters={"state": "PAUSED"})

    assert [request.page_size for request in searched.services.asked] == [1_000, 1_000]


async def test_what_no_slug_begins_with_is_looked_for_in_titles_only(searched: Api) -> None:
    await found(searched, query="x" * 65)

    assert [request.filter.WhichOneof("_title_prefix") for request in searched.services.asked] == ["title_prefix"]


@pytest.mark.parametrize(
    ("variables", "field"),
    [
        ({"query": ""}, "query"),
        ({"query": "x" * 201}, "query"),
        ({"limit": 0}, "limit"),
        ({"limit": 101}, "limit"),
        ({"filters": []}, "filters"),
        ({"filters": {"state": "gone"}}, "state"),
        ({"filters": {"owner": "me"}}, "owner"),
        ({"filters": {"folder": "x" * 201}}, "folder"),
    ],
)
async def test_what_is_wrong_with_a_search_is_named(searched: Api, variables: dict[str, object], field: str) -> None:
    told = await ask(searched, SEARCH, {"query": "menu", **variables})

    assert (told.fields, searched.services.asked) == ([field], [])
