from typing import Any

import pytest
from contract.gateway.asking import ask
from contract.gateway.served import CODE_ID, MENU, NOON_MS, Api

from quietzone.analytics.v1 import analytics_pb2
from quietzone.qr.v1 import code_pb2, code_service_pb2, health_pb2
from quietzone_kit.errors import FieldViolation, InvalidInput, NotFound, PermissionDenied, Unavailable

SHOWN = {
    "id": CODE_ID,
    "slug": "menu",
    "shortUrl": "https://qr.example.com/menu",
    "destination": "https://example.com/menu",
    "title": "Menu",
    "state": "ACTIVE",
    "tags": ["menu"],
    "folder": "tables",
    "revision": 3,
    "createdAt": "2026-11-20T12:00:00.000Z",
    "updatedAt": "2026-11-21T11:59:59.999Z",
}
ALL = " ".join(SHOWN)


def code_of(number: int) -> code_pb2.Code:
    code = code_pb2.Code()
    code.CopyFrom(MENU)
    code.id = f"01936b2e-7c1a-7e3f-9d55-0a4f6f1c{number:04x}"
    code.slug = f"menu-{number}"
    return code


def codes_found(request: Any) -> code_service_pb2.BatchGetCodesResponse:
    """Those with an even id are there."""
    found = [
        code_service_pb2.FoundCode(code_id=code_id, code=code_of(int(code_id[-4:], 16)) if int(code_id[-1], 16) % 2 == 0 else None)
        for code_id in request.code_ids
    ]
    return code_service_pb2.BatchGetCodesResponse(codes=found)


def totals(request: Any) -> analytics_pb2.BatchGetTotalsResponse:
    return analytics_pb2.BatchGetTotalsResponse(
        totals=[analytics_pb2.CodeTotal(code_id=code_id, scans=int(code_id[-4:], 16)) for code_id in request.code_ids]
    )


async def test_a_code_is_shown_as_rest_shows_it_with_names_of_graphql(api: Api) -> None:
    api.services.answer("BatchGetCodes", code_service_pb2.BatchGetCodesResponse(codes=[code_service_pb2.FoundCode(code=MENU)]))

    told = await ask(api, f'{{ code(id: "{CODE_ID}") {{ {ALL} }} }}')

    assert (told.data, told.errors) == ({"code": SHOWN}, [])
    assert api.services.accounts == ["first"]


async def test_a_code_that_the_account_hasnt_is_null(api: Api) -> None:
    api.services.answer("BatchGetCodes", code_service_pb2.BatchGetCodesResponse(codes=[code_service_pb2.FoundCode()]))

    told = await ask(api, f'{{ code(id: "{CODE_ID}") {{ slug }} other: code(id: "no id") {{ slug }} }}')

    assert (told.data, told.errors) == ({"code": None, "other": None}, [])


async def test_codes_by_id_are_one_question_answered_in_order(api: Api) -> None:
    api.services.answers["BatchGetCodes"] = codes_found
    wanted = " ".join(f'c{number}: code(id: "{code_of(number).id}") {{ slug }}' for number in (4, 3, 2, 4))

    told = await ask(api, "{ " + wanted.replace("c4: code", "again: code", 1) + " }")

    assert list(told.data.values()) == [{"slug": "menu-4"}, None, {"slug": "menu-2"}, {"slug": "menu-4"}]
    assert [list(request.code_ids) for request in api.services.asked] == [[code_of(number).id for number in (4, 3, 2)]]


async def test_a_page_of_20_codes_with_counts_takes_two_calls(api: Api) -> None:
    codes = [code_of(number) for number in range(20)]
    api.services.answer("ListCodes", code_service_pb2.ListCodesResponse(codes=codes, total=57))
    api.services.answers["BatchGetTotals"] = totals

    told = await ask(api, "{ codes(first: 20) { totalCount edges { node { slug totalScans } } } }")

    assert [edge["node"]["totalScans"] for edge in told.data["codes"]["edges"]] == list(range(20))
    assert told.data["codes"]["totalCount"] == 57
    assert len(api.services.asked) == 2


async def test_codes_are_shown_while_their_counts_are_away(api: Api) -> None:
    api.services.fail("BatchGetTotals", Unavailable("analytics is away"))

    told = await ask(api, "{ codes { edges { node { slug totalScans } } } }")

    assert told.data["codes"]["edges"] == [{"node": {"slug": "menu", "totalScans": None}}]
    assert (told.status, told.codes) == (200, ["UNAVAILABLE"])


async def test_what_is_asked_of_the_service_is_what_the_client_asked_for(api: Api) -> None:
    filters = '{ folder: "tables", createdFrom: "2026-11-01" }'

    await ask(api, f"{{ codes(first: 7, filter: {filters}, orderBy: CREATED_ASCENDING) {{ totalCount }} }}")

    assert api.services.asked == [
        code_service_pb2.ListCodesRequest(
            page_size=7,
            filter=code_service_pb2.CodeFilter(folder="tables", created_from_ms=1_793_491_200_000),
            order_by=code_service_pb2.CODE_ORDER_CREATED_ASCENDING,
        )
    ]


async def test_the_end_of_a_page_leads_to_the_next(api: Api) -> None:
    api.services.answer("ListCodes", code_service_pb2.ListCodesResponse(codes=[code_of(1), code_of(2)], next_page_token="behind"))  # noqa: S106 - no password
    info = (await ask(api, "{ codes { pageInfo { hasNextPage hasPreviousPage endCursor } } }")).data["codes"]["pageInfo"]

    after = await ask(api, "query($after: String!) { codes(after: $after) { pageInfo { hasPreviousPage } } }", {"after": info["endCursor"]})

    assert (info["hasNextPage"], info["hasPreviousPage"]) == (True, False)
    assert after.data["codes"]["pageInfo"]["hasPreviousPage"]
    assert (api.services.asked[-1].page_token, api.services.asked[-1].skip) == ("behind", 0)


async def test_a_cursor_in_the_middle_of_a_page_leads_on_from_there(api: Api) -> None:
    api.services.answer("ListCodes", code_service_pb2.ListCodesResponse(codes=[code_of(1), code_of(2)], next_page_token="behind"))  # noqa: S106 - no password
    query = "query($after: String) { codes(after: $after) { edges { cursor } } }"
    first = (await ask(api, query)).data["codes"]["edges"][0]["cursor"]

    second = (await ask(api, query, {"after": first})).data["codes"]["edges"][0]["cursor"]
    await ask(api, query, {"after": second})

    assert [(request.page_token, request.skip) for request in api.services.asked] == [("", 0), ("", 1), ("", 2)]


async def test_the_last_page_says_so(api: Api) -> None:
    api.services.answer("ListCodes", code_service_pb2.ListCodesResponse())

    told = await ask(api, "{ codes { totalCount edges { cursor } pageInfo { hasNextPage startCursor endCursor } } }")

    assert told.data["codes"] == {
        "totalCount": None,
        "edges": [],
        "pageInfo": {"hasNextPage": False, "startCursor": None, "endCursor": None},
    }


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ("first: 0", "first"),
        ("first: 101", "first"),
        ('after: "nonsense"', "after"),
        ('after: "///"', "after"),
        ('after: "ä"', "after"),
        (f'after: "{"MC4x" * 400}"', "after"),
        ('filter: { createdFrom: "yesterday" }', "createdFrom"),
        ('filter: { slugPrefix: "" }', "slugPrefix"),
    ],
)
async def test_what_is_wrong_is_named_as_the_client_knows_it(api: Api, arguments: str, field: str) -> None:
    told = await ask(api, f"{{ codes({arguments}) {{ totalCount }} }}")

    assert (told.status, told.data, told.codes, told.fields) == (200, {"codes": None}, ["INVALID_ARGUMENT"], [field])


@pytest.mark.parametrize(("field", "shown"), [("page_token", "after"), ("order_by", "orderBy"), ("title_prefix", "titlePrefix")])
async def test_what_the_service_finds_wrong_is_named_as_the_client_knows_it(api: Api, field: str, shown: str) -> None:
    api.services.fail("ListCodes", InvalidInput(FieldViolation(field, "isn't served")))

    assert (await ask(api, "{ codes { totalCount } }")).fields == [shown]


async def test_a_scope_that_is_missing_is_told_of_the_field_that_needs_it(api: Api) -> None:
    api.services.fail("BatchGetTotals", PermissionDenied("this needs the scope 'analytics:read'"))

    told = await ask(api, "{ codes { edges { node { totalScans } } } }")

    assert told.codes == ["PERMISSION_DENIED"]
    assert told.errors[0]["path"] == ["codes", "edges", 0, "node", "totalScans"]


async def test_facets_say_what_codes_can_be_filtered_by(api: Api) -> None:
    facets = code_service_pb2.GetFacetsResponse(
        total=5,
        states=[code_service_pb2.StateCount(state=code_pb2.CODE_STATE_PAUSED, codes=2)],
        tags=[code_service_pb2.Facet(value="menu", codes=3), code_service_pb2.Facet(value="summer", codes=1)],
        folders=[code_service_pb2.Facet(value="tables", codes=4)],
        complete=True,
    )
    api.services.answer("GetFacets", facets)

    told = await ask(api, "{ facets { total states { state codes } tags(first: 1) { value codes } folders { value codes } complete } }")

    assert told.data["facets"] == {
        "total": 5,
        "states": [{"state": "PAUSED", "codes": 2}],
        "tags": [{"value": "menu", "codes": 3}],
        "folders": [{"value": "tables", "codes": 4}],
        "complete": True,
    }


async def test_the_health_of_a_destination_is_shown(api: Api) -> None:
    health = health_pb2.DestinationHealth(
        code_id=CODE_ID,
        destination="https://example.com/menu",
        state=health_pb2.DESTINATION_STATE_DEAD,
        reason="answered 404",
        failures=2,
        checked_at_ms=NOON_MS,
    )
    api.services.answer("GetDestinationHealth", health_pb2.GetDestinationHealthResponse(health=health))

    told = await ask(api, "{ codes { edges { node { health { destination state reason failures checkedAt nextCheckAt } } } } }")

    assert told.data["codes"]["edges"][0]["node"]["health"] == {
        "destination": "https://example.com/menu",
        "state": "DEAD",
        "reason": "answered 404",
        "failures": 2,
        "checkedAt": "2026-11-21T12:00:00.000Z",
        "nextCheckAt": None,
    }


async def test_of_many_destinations_each_has_its_own_answer(api: Api) -> None:
    def health(request: Any) -> health_pb2.GetDestinationHealthResponse:
        if request.code_id == code_of(2).id:
            raise NotFound("just deleted")
        found = health_pb2.DestinationHealth(state=health_pb2.DESTINATION_STATE_ALIVE, reason=request.code_id)
        return health_pb2.GetDestinationHealthResponse(health=found)

    api.services.answer("ListCodes", code_service_pb2.ListCodesResponse(codes=[code_of(number) for number in range(25)]))
    api.services.answers["GetDestinationHealth"] = health

    told = await ask(api, "{ codes(first: 25) { edges { node { id health { reason } } } } }")

    nodes = [edge["node"] for edge in told.data["codes"]["edges"]]
    assert [node["health"] and node["health"]["reason"] for node in nodes] == [
        None if number == 2 else code_of(number).id for number in range(25)
    ]
    assert told.codes == ["NOT_FOUND"]


async def test_the_address_of_the_symbol_is_where_rest_has_it(api: Api) -> None:
    told = await ask(api, "{ codes { edges { node { imageUrl(format: SVG, size: 300) } } } }")

    image = await api.send("GET", told.data["codes"]["edges"][0]["node"]["imageUrl"])

    sizes = [request.size_px for request in api.services.asked if isinstance(request, code_service_pb2.RenderCodeRequest)]
    assert (image.status_code, sizes) == (200, [300])


async def test_a_symbol_that_cant_be_drawn_has_no_address(api: Api) -> None:
    told = await ask(api, "{ codes { edges { node { imageUrl(size: 1) } } } }")

    assert told.fields == ["size"]


async def test_who_calls_is_shown(api: Api) -> None:
    told = await ask(api, "{ me { accountId plan means subject scopes } }")

    me = told.data["me"]
    assert (me["accountId"], me["means"], me["subject"].partition(":")[0]) == ("first", "KEY", "key")
    assert {"codes:read", "operator"} <= set(me["scopes"])
    assert me["plan"]
