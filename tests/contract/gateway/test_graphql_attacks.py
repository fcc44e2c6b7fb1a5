"""GraphQL bombs and forgeries, each named after the attack: refused before anything is asked of a service, and in no time."""

import json
import time

import httpx
import pytest
from contract.gateway.asking import Told, ask, told
from contract.gateway.served import CODE_ID, KEY, NOON_MS, Api, problem
from contract.gateway.test_graphql_codes import code_of

from quietzone.analytics.v1 import analytics_pb2
from quietzone.qr.v1 import code_service_pb2
from quietzone_gateway.graphql.limits import MAX_DOCUMENT_CHARACTERS
from quietzone_gateway.rest.bounds import DEFAULT

CREATE = 'mutation { createCode(input: { destination: "https://evil.example" }) { id } }'

IN_NO_TIME_S = 1.0
"""The worst takes 0.1 s on a quiet machine."""


async def refused(api: Api, query: str, variables: dict[str, object] | None = None) -> str:
    """Why."""
    began = time.thread_time()  # the loop's own: others' work isn't ours
    answer: Told = await ask(api, query, variables)
    assert time.thread_time() - began < IN_NO_TIME_S
    assert (answer.status, answer.data, answer.codes, api.services.asked) == (400, None, ["INVALID_ARGUMENT"], [])
    return str(answer.errors[0]["message"])


async def test_deep_nesting(api: Api) -> None:
    assert "more than 10 deep" in await refused(api, "{ a " * 11 + "}" * 11)


async def test_deep_nesting_by_inline_fragments(api: Api) -> None:
    assert "within each other" in await refused(api, "{" + "... {" * 70 + "__typename" + "}" * 71)


async def test_nesting_beyond_what_the_parser_takes(api: Api) -> None:
    assert "nested too deeply" in await refused(api, "{" + "a {" * 900 + "a" + "}" * 901)


async def test_nesting_of_values(api: Api) -> None:
    assert "nested too deeply" in await refused(api, "mutation { bulkCreateQRCodes(qrData: " + "[" * 900 + "]" * 900 + ") { row } }")


async def test_alias_overload(api: Api) -> None:
    fields = " ".join(f'a{number}: code(id: "{CODE_ID}") {{ id }}' for number in range(16))

    assert "alias" in await refused(api, "{" + fields + "}")


async def test_alias_overload_hidden_in_fragments(api: Api) -> None:
    aliases = " ".join(f"a{number}: plan" for number in range(8))

    assert "alias" in await refused(api, "{ a: me { ...A } b: me { ...A } } fragment A on Me {" + aliases + "}")


async def test_fragment_cycle(api: Api) -> None:
    assert "leads back to itself" in await refused(api, "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }")


async def test_fragment_cycle_through_fields(api: Api) -> None:
    assert "leads back to itself" in await refused(api, "{ me { ...A } } fragment A on Me { plan { ...A } }")


async def test_fragment_cycle_that_nothing_uses(api: Api) -> None:
    assert "nothing uses" in await refused(api, "{ me { plan } } fragment A on Query { ...A }")


async def test_fragments_that_double_at_each_step(api: Api) -> None:
    steps = " ".join(f"fragment A{number} on Query {{ ...A{number + 1} ...A{number + 1} }}" for number in range(60))

    assert "fields" in await refused(api, "{ ...A0 } " + steps + " fragment A60 on Query { me { plan } }")


async def test_directive_overload(api: Api) -> None:
    assert "directives" in await refused(api, "{ me { plan " + "@include(if: true) " * 100 + "} }")


async def test_directive_overload_by_names_that_arent(api: Api) -> None:
    assert "directives" in await refused(api, "{ me { plan " + "@a" * 900 + "} }")


async def test_field_duplication(api: Api) -> None:
    assert "at one place" in await refused(api, "{ me { " + "plan " * 1900 + "} }")


async def test_field_duplication_in_a_fragment_that_nothing_uses(api: Api) -> None:
    assert "nothing uses" in await refused(api, "{ me { plan } } fragment A on Me { " + "plan " * 1900 + "}")


async def test_root_field_overload(api: Api) -> None:
    fields = "codes { totalCount } facets { total } exports { edges { cursor } } me { plan } __schema { description } __typename "

    assert "at the top" in await refused(api, "{" + fields + " ".join(f"a{number}: __typename" for number in range(10)) + "}")


async def test_a_page_without_end(api: Api) -> None:
    assert "complexity" in await refused(api, "{ codes(first: 2000000000) { edges { node { id } } } }")


@pytest.mark.parametrize("first", [1_000, 1000.0, 2**31 - 1])
async def test_a_page_without_end_in_a_variable(api: Api, first: float) -> None:
    query = "query($first: Int!) { codes(first: $first) { edges { node { id title } } } }"

    assert "complexity" in await refused(api, query, {"first": first})


async def test_a_page_without_end_in_the_default_of_a_variable(api: Api) -> None:
    assert "complexity" in await refused(api, "query($first: Int! = 5000) { codes(first: $first) { edges { node { id } } } }")


async def test_questions_to_services_multiplied(api: Api) -> None:
    assert "complexity" in await refused(api, "{ codes(first: 100) { edges { node { health { state } analytics { totalScans } } } } }")


async def test_series_multiplied(api: Api) -> None:
    """How long they are is known only when they are there."""
    codes = [code_of(number) for number in range(10)]
    points = [analytics_pb2.Point(start_ms=NOON_MS, scans=1)] * 2_000
    api.services.answer("ListCodes", code_service_pb2.ListCodesResponse(codes=codes))
    api.services.answer("GetCodeAnalytics", analytics_pb2.GetCodeAnalyticsResponse(series=points))

    answer = await ask(api, "{ codes(first: 10) { edges { node { analytics(interval: QUARTER_HOUR) { series { scans } } } } } }")

    shown = [edge["node"]["analytics"] for edge in answer.data["codes"]["edges"]]
    assert [len(one["series"]) for one in shown if one is not None] == [2_000] * 2
    assert set(answer.codes) == {"INVALID_ARGUMENT"}


async def test_writes_multiplied(api: Api) -> None:
    fields = " ".join(f"a{number}: bulkCreateQRCodes(qrData: []) {{ row status }}" for number in range(10))

    assert "complexity" in await refused(api, "mutation {" + fields + "}")


async def test_huge_document(api: Api) -> None:
    query = "{ me { plan } } #" + "x" * MAX_DOCUMENT_CHARACTERS

    assert "more than 16384" in await refused(api, query)


async def test_document_of_many_tokens(api: Api) -> None:
    assert "tokens" in await refused(api, "{ codes(filter: {" + "a: [1] " * 500 + "}) { totalCount } }")


async def test_document_of_comments(api: Api) -> None:
    assert "comments" in await refused(api, "#\n" * 1_000 + "{ me { plan } }")


async def test_document_of_operations(api: Api) -> None:
    assert "operations" in await refused(api, " ".join(f"query A{number} {{ me {{ plan }} }}" for number in range(100)))


async def test_document_of_variables_and_of_errors_without_end(api: Api) -> None:
    variables = " ".join(f"$v{number}: Nothing" for number in range(400))
    answer = await ask(api, f"query({variables}) {{ me {{ plan }} }}")

    assert (answer.data, len(answer.errors) <= 101, api.services.asked) == (None, True, [])


async def test_huge_body(api: Api) -> None:
    answer = await api.send("POST", "/graphql", {"query": "{ me { plan } }", "variables": {"x": "x" * DEFAULT.body_bytes}})

    assert problem(answer)[:2] == (413, "body-too-large")


@pytest.mark.parametrize(
    "query",
    [
        "{ __schema { types { fields { type { fields { type { fields { type { fields { name } } } } } } } } } }",
        '{ __type(name: "Query") { fields { type { fields { type { fields { name } } } } } } }',
        "{ __schema { types { possibleTypes { interfaces { possibleTypes { name } } } } } }",
    ],
)
async def test_introspection_depth(api: Api, query: str) -> None:
    assert "ntrospection depth" in await refused(api, query)


async def test_introspection_depth_by_types_of_types(api: Api) -> None:
    assert "more than 16 deep" in await refused(api, "{ __schema { types { " + "ofType { " * 20 + "name" + " }" * 23)


async def test_introspection_overload(api: Api) -> None:
    wide = "{ name fields { name type { name fields { name args { name } } } } }"

    assert "more of the schema" in await refused(api, "{ __schema {" + " ".join(f"a{number}: types {wide}" for number in range(12)) + "} }")


async def test_batching_attack(api: Api) -> None:
    answer = await api.send("POST", "/graphql", [{"query": CREATE}] * 100)

    assert problem(answer) == (400, "invalid-argument", ["body"])
    assert api.services.asked == []


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""])
async def test_csrf_by_a_simple_request(api: Api, media_type: str) -> None:
    """What a page of anybody's can send without asking (https://fetch.spec.whatwg.org/#simple-header), with a reader's credentials."""
    headers = {"authorization": f"Bearer {KEY}", "content-type": media_type, "origin": "https://evil.example"}

    answer = await api.http.post("/graphql", content=json.dumps({"query": CREATE}), headers=headers)

    assert problem(answer)[:2] == (415, "unsupported-media-type")
    assert api.services.asked == []


@pytest.mark.parametrize(
    "media_type", ["application/json, text/plain", "text/plain; x=application/json", "application/json; charset=utf-16"]
)
async def test_csrf_by_a_media_type_that_looks_like_json(api: Api, media_type: str) -> None:
    headers = {"authorization": f"Bearer {KEY}", "content-type": media_type}

    answer = await api.http.post("/graphql", content=json.dumps({"query": CREATE}), headers=headers)

    assert problem(answer)[:2] == (415, "unsupported-media-type")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_csrf_by_get(api: Api, method: str) -> None:
    address = httpx.URL("/graphql", params={"query": CREATE})

    answer = await api.send(method, str(address))

    assert (answer.status_code, api.services.asked) == (405, [])


async def test_csrf_by_get_with_a_question_before_the_change(api: Api) -> None:
    address = httpx.URL(
        "/graphql", params={"query": f"query A {{ me {{ plan }} }} {CREATE}".replace("mutation", "mutation B"), "operationName": "B"}
    )

    assert problem(await api.send("GET", str(address)))[:2] == (405, "method-not-allowed")


async def test_upload_by_multipart(api: Api) -> None:
    files = {"operations": (None, json.dumps({"query": CREATE})), "map": (None, "{}")}

    answer = await api.http.post("/graphql", files=files, headers={"authorization": f"Bearer {KEY}"})

    assert problem(answer)[:2] == (415, "unsupported-media-type")


async def test_sql_and_markup_in_names_come_back_as_text(api: Api) -> None:
    answer = await api.send("POST", "/graphql", {"query": "{ code(id: \"1' OR '1'='1<script>\") { id } }"})

    assert (told(answer).data, answer.headers["x-content-type-options"]) == ({"code": None}, "nosniff")


async def test_deferred_answers_arent_offered(api: Api) -> None:
    assert "@defer" in await refused(api, "{ ... @defer { me { plan } } }")
