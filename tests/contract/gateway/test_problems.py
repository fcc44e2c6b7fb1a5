"""What a client is told when a request can't be answered."""

import gzip
import json
import re
import time
from typing import Any

import pytest
from contract.gateway.served import CODE_ID, KEY, Api, problem
from pydantic import TypeAdapter

from quietzone_gateway.rest import bounds, envelope
from quietzone_gateway.rest import description as describing
from quietzone_gateway.rest.bounds import DEFAULT, Bounds
from quietzone_gateway.rest.code_shapes import CODE, CODE_CHANGE, NEW_CODE, PAGE, CodeChange, CodePageView, CodeView, NewCode
from quietzone_gateway.rest.operation_ids import OPERATION_IDS
from quietzone_gateway.rest.problems import ALL_KINDS, KINDS
from quietzone_kit.errors import ERRORS, DeadlineExceeded, InvalidInput, QuietzoneError


@pytest.mark.parametrize("kind", [kind for kind in ERRORS if kind is not InvalidInput])
async def test_each_error_of_the_tree_has_its_status(api: Api, kind: type[QuietzoneError]) -> None:
    api.services.fail("GetCode", kind("the reason"))

    answer = await api.send("GET", f"/v1/codes/{CODE_ID}")

    assert problem(answer)[:2] == (kind.http_status, kind.code.lower().replace("_", "-"))
    assert answer.json()["detail"] == "the reason"


async def test_a_problem_says_what_where_and_which_request(api: Api) -> None:
    answer = await api.send("GET", "/v1/codes/menu", x_request_id="my-request.1")

    assert answer.json() == {
        "type": "/problems/not-found",
        "title": "Not found",
        "status": 404,
        "detail": "there is no code with this id",
        "instance": "/v1/codes/menu",
        "request_id": "my-request.1",
    }


async def test_a_fault_of_ours_tells_nothing_of_its_inside(api: Api) -> None:
    api.services.fail("GetCode", LookupError("password: hunter2"))

    answer = await api.send("GET", f"/v1/codes/{CODE_ID}")

    assert problem(answer)[:2] == (500, "internal")
    assert "hunter2" not in answer.text


async def test_without_a_key_one_is_asked_for(api: Api) -> None:
    answer = await api.http.get("/v1/codes")

    assert problem(answer)[:2] == (401, "unauthenticated")
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer qz_wrong"},
        {"authorization": f"Basic {KEY}"},
        {"authorization": f"Bearer {KEY}x"},
        {"authorization": f"Bearer {KEY * 100}"},
        {"authorization": "Bearer \u00fc".encode("latin-1").decode("latin-1")},
        {"x-api-key": ""},
    ],
)
async def test_a_wrong_key_is_refused(api: Api, headers: dict[str, str]) -> None:
    sent = {name: value.encode("latin-1") for name, value in headers.items()}

    assert problem(await api.http.get("/v1/codes", headers=sent))[:2] == (401, "unauthenticated")


async def test_the_key_may_come_in_its_own_header(api: Api) -> None:
    assert (await api.http.get("/v1/codes", headers={"x-api-key": KEY})).status_code == 200


async def test_nothing_of_a_body_is_looked_at_before_the_key(api: Api) -> None:
    answer = await api.http.post("/v1/codes", content=b"{", headers={"content-type": "text/plain"})

    assert problem(answer)[:2] == (401, "unauthenticated")


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/codes/", "/v2/codes", f"/v1/codes/{CODE_ID}/pages", "/docs", "/metrics", "/healthz"])
async def test_an_address_that_is_not_there_is_not_found(api: Api, path: str) -> None:
    assert problem(await api.send("GET", path))[:2] == (404, "not-found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/v1/codes", "GET, HEAD, POST"),
        ("POST", f"/v1/codes/{CODE_ID}", "GET, HEAD, PATCH, DELETE"),
        ("DELETE", "/v1/reconcile", "GET, HEAD"),
        ("OPTIONS", "/v1/reconcile", "GET, HEAD"),
    ],
)
async def test_a_method_that_an_address_lacks_is_answered_with_those_it_has(api: Api, method: str, path: str, allowed: str) -> None:
    answer = await api.send(method, path)

    assert problem(answer)[:2] == (405, "method-not-allowed")
    assert answer.headers["allow"] == allowed


async def test_a_description_that_takes_long_to_make_is_answered_all_the_same(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    make = describing.get_openapi

    def slowly(**given: Any) -> dict[str, Any]:
        made = make(**given)
        until = time.monotonic() + 0.2
        while time.monotonic() < until:
            pass  # of a core that others use too
        return made

    monkeypatch.setattr(describing, "get_openapi", slowly)
    monkeypatch.setattr(bounds, "DEFAULT", Bounds(within_s=0.001))
    monkeypatch.setattr(envelope, "BODY_GRACE_S", 0.001)

    assert (await api.http.get("/openapi.json")).status_code == 200


@pytest.mark.parametrize("path", [f"/v1/codes/{CODE_ID}", f"/v1/codes/{CODE_ID}/image", "/v1/reconcile", "/openapi.json"])
async def test_head_has_the_status_and_headers_of_get(api: Api, path: str) -> None:
    get, head = await api.send("GET", path, x_request_id="same"), await api.send("HEAD", path, x_request_id="same")

    assert (head.status_code, head.headers) == (200, get.headers)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"/v1/codes/{CODE_ID}"),
        ("POST", "/v1/codes"),
        ("PATCH", f"/v1/codes/{CODE_ID}"),
        ("DELETE", f"/v1/codes/{CODE_ID}"),
        ("GET", "/v1/reconcile"),
    ],
)
async def test_a_query_that_an_address_does_not_have_is_refused(api: Api, method: str, path: str) -> None:
    answer = await api.send(
        method, f"{path}?slug=menu&slug=x", {"destination": "https://example.com/"} if method in ("POST", "PATCH") else None
    )

    assert problem(answer) == (400, "invalid-argument", ["slug"])
    assert api.services.asked == []


@pytest.mark.parametrize(
    ("method", "path", "body", "reason"),
    [
        ("GET", "/v1/codes?limit=ten", None, "not a whole number"),
        ("POST", "/v1/codes", ["https://example.com/"], "not a JSON object"),
        ("POST", "/v1/codes", {"destination": 1}, "not a text"),
    ],
)
async def test_reasons_are_in_words_for_people(api: Api, method: str, path: str, body: object, reason: str) -> None:
    assert [error["reason"] for error in (await api.send(method, path, body)).json()["errors"]] == [reason]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b'"text"',
        b'{"destination":}',
        b'{"destination": "https://example.com/" "title": ""}',
        b"\xff\xfe",
        b"[" * 60_000,
        b'{"destination":"\xc3\x28"}',
    ],
)
async def test_a_body_that_is_no_json_object_is_named(api: Api, body: bytes) -> None:
    headers = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}

    answer = await api.http.post("/v1/codes", content=body, headers=headers)

    assert problem(answer) == (400, "invalid-argument", ["body"])


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["destination"]),
        ({"destination": None}, ["destination"]),
        ({"destination": "https://example.com/", "title": 7, "slug": [], "id": "x"}, ["title", "slug", "id"]),
        ({"destination": "https://example.com/\ud800", "title": "\udfff"}, ["destination", "title"]),
        ({"destination": "https://example.com/", "\ud800": 1}, ["body"]),
    ],
)
async def test_every_wrong_field_of_a_new_code_is_named(api: Api, body: dict[str, object], fields: list[str]) -> None:
    headers = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}

    answer = await api.http.post("/v1/codes", content=json.dumps(body), headers=headers)

    assert problem(answer) == (400, "invalid-argument", fields)


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "application/xml", ""])
async def test_another_body_than_json_is_refused(api: Api, media_type: str) -> None:
    headers = {"authorization": f"Bearer {KEY}", "content-type": media_type}

    answer = await api.http.post("/v1/codes", content=b"{}", headers=headers)

    assert problem(answer)[:2] == (415, "unsupported-media-type")


@pytest.mark.parametrize("media_type", ["application/json; charset=utf-8", "application/merge-patch+json"])
async def test_json_is_known_by_its_other_names(api: Api, media_type: str) -> None:
    headers = {"authorization": f"Bearer {KEY}", "content-type": media_type}

    answer = await api.http.patch(f"/v1/codes/{CODE_ID}", content=b'{"title":"x"}', headers=headers)

    assert answer.status_code == 200


async def test_a_body_that_says_it_is_too_large_is_refused(api: Api) -> None:
    answer = await api.send("POST", "/v1/codes", {"destination": "x" * DEFAULT.body_bytes})

    assert problem(answer)[:2] == (413, "body-too-large")
    assert answer.headers["connection"] == "close"


async def test_a_body_that_turns_out_too_large_is_refused(api: Api) -> None:
    async def chunks() -> Any:
        for _ in range(9):
            yield b"x" * (DEFAULT.body_bytes // 8)

    headers = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}

    answer = await api.http.post("/v1/codes", content=chunks(), headers=headers)

    assert problem(answer)[:2] == (413, "body-too-large")


async def test_a_request_gets_an_id_when_it_brings_none(api: Api) -> None:
    assert re.fullmatch(r"[0-9a-f-]{36}", (await api.send("GET", "/v1/codes")).headers["x-request-id"])


@pytest.mark.parametrize("given", ["two words", "x" * 129, "<script>"])
async def test_an_id_that_could_do_harm_is_replaced(api: Api, given: str) -> None:
    assert (await api.send("GET", "/v1/codes", x_request_id=given)).headers["x-request-id"] != given


async def test_a_service_that_stopped_is_to_be_asked_again(api: Api) -> None:
    for server in api.servers:
        await server.stop(0)

    answer = await api.send("GET", f"/v1/codes/{CODE_ID}")

    assert problem(answer)[:2] == (503, "unavailable")
    assert answer.headers["retry-after"] == "2"


async def test_a_service_that_is_too_slow_ends_in_time(api: Api) -> None:
    api.services.fail("GetCode", DeadlineExceeded("no answer in the time that the caller gave"))

    assert problem(await api.send("GET", f"/v1/codes/{CODE_ID}"))[:2] == (504, "deadline-exceeded")


@pytest.mark.parametrize("name", sorted(ALL_KINDS))
async def test_the_type_of_each_problem_leads_to_what_it_means(api: Api, name: str) -> None:
    answer = await api.http.get(f"/problems/{name}")

    assert (answer.status_code, ALL_KINDS[name].advice in answer.text) == (200, True)


def test_each_error_has_its_own_kind_of_problem() -> None:
    assert set(KINDS) == set(ERRORS)


async def test_the_description_is_openapi_3_1_without_foreign_errors(api: Api) -> None:
    description = (await api.http.get("/openapi.json")).json()

    assert description["openapi"].startswith("3.1.")
    assert "HTTPValidationError" not in json.dumps(description)


async def test_every_operation_has_a_name_of_its_own_that_stays(api: Api) -> None:
    paths = (await api.http.get("/openapi.json")).json()["paths"]
    named = {
        f"{method.upper()} {path}": operation["operationId"]
        for path, operations in paths.items()
        for method, operation in operations.items()
    }

    assert named == OPERATION_IDS
    assert len(set(named.values())) == len(named)


async def test_every_operation_describes_its_problems_with_an_example(api: Api) -> None:
    description = (await api.http.get("/openapi.json")).json()

    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            described = {
                status: description["components"]["responses"][answer["$ref"].rpartition("/")[2]]["content"]
                for status, answer in operation["responses"].items()
                if status >= "400"
            }
            assert {"500", "503"} | ({"401"} if operation.get("security") else set()) <= set(described), (method, path)
            for status, content in described.items():
                example = content["application/problem+json"]["example"]
                assert (str(example["status"]), example["type"].startswith("/problems/")) == (status, True)
                assert set(description["components"]["schemas"]["Problem"]["required"]) <= set(example)


async def test_what_every_operation_refuses_is_in_its_description(api: Api) -> None:
    """An unknown query, and, for those that need one, no caller or one who may not; where answers are kept, a key that was used before."""
    description = (await api.http.get("/openapi.json")).json()

    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            needed = {"400"} | ({"401", "403"} if operation.get("security") else set())
            keys = {"409", "422"} if (path, method) in (("/v1/codes/{code_id}", "patch"), ("/v1/exports/{export_id}", "delete")) else set()
            assert needed | keys <= set(operation["responses"]), (method, path)


def _refs(node: Any) -> list[str]:
    if isinstance(node, dict):
        return [value for key, value in node.items() if key == "$ref"] + [ref for value in node.values() for ref in _refs(value)]
    return [ref for value in node for ref in _refs(value)] if isinstance(node, list) else []


async def test_the_description_refers_only_to_what_it_has(api: Api) -> None:
    description = (await api.http.get("/openapi.json")).json()

    there = {f"#/components/{kind}/{name}" for kind in ("schemas", "responses") for name in description["components"][kind]}
    assert set(_refs(description)) <= there


@pytest.mark.parametrize(("example", "model"), [(NEW_CODE, NewCode), (CODE_CHANGE, CodeChange), (CODE, CodeView), (PAGE, CodePageView)])
def test_each_example_is_what_it_is_an_example_of(example: dict[str, object], model: type[object]) -> None:
    shown = TypeAdapter(model).dump_python(TypeAdapter(model).validate_python(example, strict=False), mode="json", exclude_unset=True)

    assert shown == example


async def test_a_body_that_is_packed_is_refused_and_not_taken_for_json(api: Api) -> None:
    body = gzip.compress(b'{"destination": "https://example.com/"}')
    headers = {"authorization": f"Bearer {KEY}", "content-type": "application/json", "content-encoding": "gzip"}

    answer = await api.http.post("/v1/codes", content=body, headers=headers)

    assert problem(answer)[:2] == (415, "unsupported-media-type")
