"""GraphQL over HTTP (https://graphql.github.io/graphql-over-http/draft/)."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from contract.gateway.asking import ask, told
from contract.gateway.served import KEY, Api, problem, running
from graphql import get_introspection_query
from prometheus_client import REGISTRY

from quietzone.qr.v1 import code_pb2, code_service_pb2
from quietzone_gateway.graphql.negotiation import GRAPHQL, JSON, media_type_for
from quietzone_gateway.graphql.settings import Limits
from quietzone_gateway.rest.problems import internal
from quietzone_kit.errors import ERRORS, InvalidInput, QuietzoneError

ME = "{ me { plan } }"


async def test_a_question_may_come_by_get(api: Api) -> None:
    query = quote("query A($first: Int!) { codes(first: $first) { totalCount } } query B { me { plan } }")

    answer = await api.send("GET", f"/graphql?query={query}&operationName=A&variables={quote(json.dumps({'first': 7}))}")

    assert (answer.status_code, told(answer).errors) == (200, [])
    assert api.services.asked[0].page_size == 7


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        (None, JSON),
        ("*/*", JSON),
        ("application/json", JSON),
        ("application/*", JSON),
        (GRAPHQL, GRAPHQL),
        (f"{GRAPHQL}, application/json", GRAPHQL),
        (f"application/json, {GRAPHQL}", JSON),
        (f"application/json;q=0.5, {GRAPHQL};q=0.9", GRAPHQL),
        (f"{GRAPHQL};q=0, */*", JSON),
        (f"{GRAPHQL};q=x, text/html", JSON),
        ("text/html", JSON),
        (f"{GRAPHQL.upper()}; charset=utf-8", GRAPHQL),
    ],
)
def test_a_client_gets_the_kind_of_answer_that_it_takes(accept: str | None, kind: str) -> None:
    assert media_type_for(accept) == kind


@pytest.mark.parametrize(("accept", "status"), [(JSON, 200), (GRAPHQL, 400)])
@pytest.mark.parametrize("query", ["{", "{ nothing }", "query($a: Int!) { codes(first: $a) { totalCount } }"])
async def test_a_document_that_cant_be_run_has_no_data_and_the_status_of_its_kind(api: Api, query: str, accept: str, status: int) -> None:
    answer = await api.send("POST", "/graphql", {"query": query}, accept=accept)

    assert (answer.status_code, told(answer).codes) == (status, ["INVALID_ARGUMENT"])
    assert answer.headers["content-type"] == f"{accept}; charset=utf-8"
    assert told(answer).data is None


@pytest.mark.parametrize("kind", [kind for kind in ERRORS if kind is not InvalidInput])
async def test_each_error_of_the_tree_is_told_as_rest_tells_it(api: Api, kind: type[QuietzoneError]) -> None:
    api.services.fail("ListCodes", kind("the reason"))

    answer = await ask(api, "{ codes { totalCount } }", x_request_id="my-request.1")

    (error,) = answer.errors
    assert (error["message"], error["path"]) == ("the reason", ["codes"])
    title = error["extensions"].pop("title")
    assert title
    assert error["extensions"] == {"code": kind.code, "status": kind.http_status, "detail": "the reason", "requestId": "my-request.1"}


async def test_a_fault_of_ours_tells_nothing_of_its_inside(api: Api) -> None:
    def break_down(_request: Any) -> None:
        raise LookupError("password: hunter2")

    api.services.answers["ListCodes"] = break_down

    answer = await api.send("POST", "/graphql", {"query": "{ codes { totalCount } me { plan } }"})

    assert told(answer).codes == ["INTERNAL"]
    assert told(answer).data["me"]
    assert "hunter2" not in answer.text


async def test_a_fault_within_the_gateway_is_told_to_the_log_alone(api: Api, capfd: pytest.CaptureFixture[str]) -> None:
    api.services.answer("ListCodes", code_service_pb2.ListCodesResponse(codes=[code_pb2.Code()]))  # no state: the client raises KeyError

    answer = await ask(api, "{ codes { totalCount } }")

    assert (answer.codes, answer.errors[0]["message"]) == (["INTERNAL"], internal().detail)
    logged = "".join(capfd.readouterr())
    assert answer.errors[0]["extensions"]["requestId"] in logged
    assert "KeyError" in logged


async def test_without_a_key_one_is_asked_for_before_anything_is_read(api: Api) -> None:
    answer = await api.http.post("/graphql", content=b"{", headers={"content-type": "text/plain"})

    assert problem(answer)[:2] == (401, "unauthenticated")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
async def test_other_methods_are_refused(api: Api, method: str) -> None:
    answer = await api.send(method, "/graphql")

    assert problem(answer)[:2] == (405, "method-not-allowed")
    assert answer.headers["allow"] == "GET, HEAD, POST"


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (b"", ["body"]),
        (b"{", ["body"]),
        (b"7", ["body"]),
        (b'"x"', ["body"]),
        (b"{}", ["query"]),
        (b'{"query": ""}', ["query"]),
        (b'{"query": 7}', ["query"]),
        (b'{"query": ["{ me { plan } }"]}', ["query"]),
        (b'{"query": "{me{plan}}", "variables": []}', []),
        (b'{"query": "{me{plan}}", "variables": [1]}', ["variables"]),
        (b'{"query": "{me{plan}}", "variables": "{}"}', ["variables"]),
        (b'{"query": "{me{plan}}", "operationName": 7}', ["operationName"]),
        (b'{"query": "{me{plan}}", "extensions": 7}', ["extensions"]),
        (b'{"query": "{me{plan}}", "id": "x"}', ["id"]),
        (b'{"query": "{me{plan}}", "variables": {"a": "\\ud800"}}', ["body"]),
        (b'{"query": "\xff"}', ["body"]),
        (b'{"query": "{me{plan}}", "variables": ' + b"[" * 10_000 + b"]" * 10_000 + b"}", ["body"]),
    ],
)
async def test_a_body_that_is_no_request_is_a_problem(api: Api, body: bytes, fields: list[str]) -> None:
    answer = await api.http.post("/graphql", content=body, headers={"authorization": f"Bearer {KEY}", "content-type": "application/json"})

    assert (problem(answer) if fields else answer.status_code) == ((400, "invalid-argument", fields) if fields else 200)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "query"),
        ("?query=%7Bme%7Bplan%7D%7D&query=x", "query"),
        ("?query=%7Bme%7Bplan%7D%7D&variables=x", "variables"),
        ("?query=%7Bme%7Bplan%7D%7D&variables=7", "variables"),
        ("?query=%7Bme%7Bplan%7D%7D&key=x", "key"),
    ],
)
async def test_an_address_that_is_no_request_is_a_problem(api: Api, query: str, field: str) -> None:
    assert problem(await api.send("GET", f"/graphql{query}")) == (400, "invalid-argument", [field])


async def test_a_query_in_the_address_of_a_post_is_refused(api: Api) -> None:
    answer = await api.send("POST", f"/graphql?query={quote(ME)}", {"query": ME})

    assert problem(answer) == (400, "invalid-argument", ["query"])


async def test_of_several_operations_the_named_one_is_run(api: Api) -> None:
    body = {"query": "query A { codes { totalCount } } query B { me { plan } }", "operationName": "B"}

    assert list(told(await api.send("POST", "/graphql", body)).data) == ["me"]


@pytest.mark.parametrize("name", [None, "C", ""])
async def test_of_several_operations_none_is_guessed(api: Api, name: str | None) -> None:
    body = {"query": "query A { me { plan } } query B { me { plan } }", "operationName": name}

    answer = await api.send("POST", "/graphql", body)

    assert (told(answer).data, told(answer).codes) == (None, ["INVALID_ARGUMENT"])


async def test_variables_are_given_as_they_are(api: Api) -> None:
    query = "query($after: String, $first: Int!) { codes(first: $first, after: $after) { totalCount } }"

    assert (await ask(api, query, {"first": 5.0, "after": None})).errors == []
    assert api.services.asked[0].page_size == 5


@pytest.mark.parametrize("query", ["subscription { codeCreated { id } }"])
async def test_a_subscription_is_sent_to_where_it_can_be(api: Api, query: str) -> None:
    answer = await ask(api, query)

    assert (answer.status, answer.data, answer.codes) == (400, None, ["INVALID_ARGUMENT"])


async def test_an_answer_is_not_to_be_kept_by_others(api: Api) -> None:
    answer = await api.send("GET", f"/graphql?query={quote(ME)}")

    assert answer.headers["cache-control"] == "no-store"


async def test_no_page_is_served_to_browsers(api: Api) -> None:
    answer = await api.send("GET", "/graphql", accept="text/html")

    assert problem(answer)[:2] == (400, "invalid-argument")


async def test_the_schema_can_be_asked_for(api: Api) -> None:
    answer = await ask(api, get_introspection_query())

    assert answer.errors == []
    assert answer.data["__schema"]["queryType"]["name"] == "Query"


@pytest.fixture
async def closed(tmp_path: Path) -> Any:
    async with running(tmp_path, limits=Limits(introspection=False)) as api:
        yield api


@pytest.mark.parametrize("query", ["{ __schema { types { name } } }", '{ __type(name: "Code") { name } }', get_introspection_query()])
async def test_the_schema_is_kept_back_where_that_is_set(closed: Api, query: str) -> None:
    answer = await ask(closed, query)

    assert (answer.status, answer.data) == (400, None)


async def test_the_name_of_a_type_is_no_secret(closed: Api) -> None:
    assert (await ask(closed, "{ __typename me { __typename } }")).data == {"__typename": "Query", "me": {"__typename": "Me"}}


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        ("{ code { slug } }", {}),
        ("{ codez { slug } }", {}),
        ("{ codes(frist: 1) { totalCount } }", {}),
        ("{ codes(orderBy: CREATED_DESCENDIN) { totalCount } }", {}),
        ("query($f: CodeFiltr) { codes(filter: $f) { totalCount } }", {}),
        ("query($f: CodeFilter) { codes(filter: $f) { totalCount } }", {"f": {"foldr": "x"}}),
        ("query($f: CodeFilter) { codes(filter: $f) { totalCount } }", {"f": {"state": "ACTIV"}}),
        ("query($o: CodeOrder) { codes(orderBy: $o) { totalCount } }", {"o": "CREATED_DESCENDIN"}),
        ("{ codes @skp(if: true) { totalCount } }", {}),
        ("{ ...Cods } fragment Codes on Query { me { plan } }", {}),
    ],
)
async def test_nothing_is_suggested_where_the_schema_is_kept_back(closed: Api, query: str, variables: dict[str, Any]) -> None:
    answer = await ask(closed, query, variables)

    assert answer.errors
    assert "Did you mean" not in json.dumps(answer.errors)


async def test_a_name_is_suggested_where_the_schema_is_open(api: Api) -> None:
    assert "Did you mean" in (await ask(api, "{ codez { slug } }")).errors[0]["message"]


async def test_metrics_name_the_address(api: Api) -> None:
    labels = {"method": "POST", "route": "/graphql", "status": "200"}
    name = "quietzone_gateway_request_seconds_count"
    before = REGISTRY.get_sample_value(name, labels) or 0.0

    await ask(api, ME)

    assert REGISTRY.get_sample_value(name, labels) == before + 1
