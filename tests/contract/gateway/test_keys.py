"""API keys over HTTP."""

from typing import Any

import pytest
from contract.gateway.served import Api, problem
from pydantic import TypeAdapter

from quietzone_gateway.rest.keys import KEY, NEW_KEY, KeyView, NewKeyInput

READER = {"name": "reader", "scopes": ["codes:read"]}


async def made(api: Api, body: Any = READER) -> dict[str, Any]:
    answer = await api.send("POST", "/v1/keys", body)
    assert answer.status_code == 201
    found: dict[str, Any] = answer.json()
    return found


def bearing(secret: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}"}


async def test_a_made_key_opens_the_api_for_what_it_may_do(api: Api) -> None:
    key = await made(api)

    assert (await api.http.get("/v1/codes", headers=bearing(key["secret"]))).status_code == 200
    assert problem(await api.http.get("/v1/keys", headers=bearing(key["secret"])))[:2] == (403, "permission-denied")


async def test_a_secret_is_shown_once(api: Api) -> None:
    key = await made(api)

    listed = await api.send("GET", "/v1/keys")

    assert key["id"] in [each["id"] for each in listed.json()["items"]]
    assert key["secret"] not in listed.text
    assert "secret" not in (await api.send("GET", f"/v1/keys/{key['id']}")).json()


async def test_an_answer_with_a_secret_is_not_kept_for_repetitions(api: Api) -> None:
    answer = await api.send("POST", "/v1/keys", READER, idempotency_key="once")

    assert problem(answer) == (400, "invalid-argument", ["Idempotency-Key"])


async def test_a_rotated_key_has_another_secret(api: Api) -> None:
    key = await made(api)

    rotated = (await api.send("POST", f"/v1/keys/{key['id']}/rotate", {"grace_s": 0})).json()

    assert rotated["id"] == key["id"]
    assert problem(await api.http.get("/v1/codes", headers=bearing(key["secret"])))[0] == 401
    assert (await api.http.get("/v1/codes", headers=bearing(rotated["secret"]))).status_code == 200


async def test_a_revoked_key_is_refused_at_once(api: Api) -> None:
    key = await made(api)

    assert (await api.send("DELETE", f"/v1/keys/{key['id']}")).status_code == 204

    assert problem(await api.http.get("/v1/codes", headers=bearing(key["secret"])))[0] == 401
    assert (await api.send("GET", f"/v1/keys/{key['id']}")).json()["revoked_at"] is not None


async def test_a_key_can_be_changed(api: Api) -> None:
    key = await made(api)

    changed = await api.send("PATCH", f"/v1/keys/{key['id']}", {"name": "bar", "networks": ["192.0.2.0/24"]})

    assert (changed.json()["name"], changed.json()["networks"]) == ("bar", ["192.0.2.0/24"])
    assert problem(await api.http.get("/v1/codes", headers=bearing(key["secret"])))[:2] == (403, "permission-denied")


@pytest.mark.parametrize("field", ["account_id", "id", "key_hash", "created_by", "revoked_at", "last_used_at"])
async def test_mass_assignment_of_a_key_s_other_fields_is_refused(api: Api, field: str) -> None:
    answer = await api.send("POST", "/v1/keys", READER | {field: "other"})

    assert problem(answer) == (400, "invalid-argument", [field])


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["name", "scopes"]),
        (READER | {"expires_at": "soon"}, ["expires_at"]),
        (READER | {"expires_at": "2020-01-01"}, ["expires_at"]),
        (READER | {"name": "", "scopes": ["edge"], "networks": ["x"]}, ["name", "networks", "scopes"]),
    ],
)
async def test_wrong_fields_are_named(api: Api, body: dict[str, Any], fields: list[str]) -> None:
    assert problem(await api.send("POST", "/v1/keys", body)) == (400, "invalid-argument", fields)


@pytest.mark.parametrize("body", [{}, {"name": None}])
async def test_a_change_of_nothing_is_refused(api: Api, body: dict[str, Any]) -> None:
    assert problem(await api.send("PATCH", "/v1/keys/first", body))[:2] == (400, "invalid-argument")


@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/keys/none"), ("DELETE", "/v1/keys/%00"), ("GET", "/v1/keys/" + "x" * 300)])
async def test_a_key_that_is_not_there_is_not_found(api: Api, method: str, path: str) -> None:
    assert problem(await api.send(method, path))[0] in {400, 404}


async def test_the_description_names_the_scope_of_each_operation(api: Api) -> None:
    paths = (await api.send("GET", "/openapi.json")).json()["paths"]

    assert (paths["/v1/keys"]["post"]["x-scope"], paths["/v1/keys/{key_id}"]["get"]["x-scope"]) == ("keys:write", "keys:read")


def test_the_examples_fit_the_models() -> None:
    TypeAdapter(NewKeyInput).validate_python(NEW_KEY)
    TypeAdapter(KeyView).validate_python(KEY)
