"""Mass assignment, by the API's own description: no shape that is written takes a field that it doesn't name, least of all those that
only answers have.
"""

from collections.abc import Iterator
from typing import Any

import httpx
from contract.gateway.served import CODE_ID, KEY, Api, problem
from contract.gateway.test_auth import bearing, enter

INTERNAL = {"account_id", "user_id", "owner", "is_admin", "operator", "role", "scopes", "plan", "verified_at_ms", "revision", "__class__"}
"""Fields that someone may try who has read our code, or other people's."""

Operation = tuple[str, str, dict[str, Any]]


async def described(api: Api) -> dict[str, Any]:
    found: dict[str, Any] = (await api.http.get("/openapi.json")).json()
    return found


def writing(description: dict[str, Any]) -> Iterator[Operation]:
    """Each operation that takes a JSON object: method, path, and the object's schema."""
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            content = operation.get("requestBody", {}).get("content", {})
            if "application/json" in content:
                yield method.upper(), path, content["application/json"]["schema"]


def resolved(description: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    name = schema.get("$ref", "").removeprefix("#/components/schemas/")
    found: dict[str, Any] = description["components"]["schemas"][name] if name else schema
    return found


def within(description: dict[str, Any], schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The schemas of the objects in a body, however deep."""
    schema = resolved(description, schema)
    if "properties" in schema:
        yield schema
    for each in (*schema.get("properties", {}).values(), *schema.get("anyOf", ()), schema.get("items")):
        if isinstance(each, dict):
            yield from within(description, each)


def of_answers(description: dict[str, Any]) -> set[str]:
    """The names of all fields that any answer has."""
    schemas = description["components"]["schemas"]
    return {field for name, schema in schemas.items() if name.endswith(("View", "Shape")) for field in schema.get("properties", {})}


async def send(api: Api, method: str, path: str, body: Any, signed_in: dict[str, str]) -> httpx.Response:
    """A request of whoever may make it: one who has signed in where it is about himself, else the key of an operator."""
    about_person = path.startswith(("/v1/me", "/v1/auth", "/v1/account", "/v1/invitations"))
    address = path.replace("{name}", "pro")
    for name in ("code_id", "key_id", "user_id", "account_id"):
        address = address.replace(f"{{{name}}}", CODE_ID)
    if about_person:
        return await api.http.request(method, address, json=body, headers=signed_in)
    return await api.send(method, address, body)


async def test_mass_assignment_finds_every_shape_closed(api: Api) -> None:
    description = await described(api)
    operations = list(writing(description))

    assert len(operations) >= 25
    for method, path, schema in operations:
        for found in within(description, schema):
            assert found.get("additionalProperties") is False, (method, path, found["title"])


async def test_mass_assignment_of_fields_that_only_answers_have_names_each_of_them(api: Api) -> None:
    description, signed_in = await described(api), bearing((await enter(api))["access_token"])

    for method, path, schema in writing(description):
        shape = resolved(description, schema)
        foreign = (of_answers(description) | INTERNAL) - shape["properties"].keys()
        body = shape["examples"][0] | dict.fromkeys(foreign, "mine")
        status, kind, fields = problem(await send(api, method, path, body, signed_in))
        assert (status, kind, foreign - set(fields)) == (400, "invalid-argument", set()), (method, path)
    assert api.services.asked == []


async def test_mass_assignment_by_a_query_names_each_of_them(api: Api) -> None:
    description, signed_in = await described(api), bearing((await enter(api))["access_token"])

    for method, path, schema in writing(description):
        example = resolved(description, schema)["examples"][0]
        status, _, fields = problem(await send(api, method, f"{path}?account_id=other&plan=unlimited", example, signed_in))
        assert (status, fields) == (400, ["account_id", "plan"]), (method, path)
    assert api.services.asked == []


async def test_mass_assignment_in_rows_of_a_bulk_fails_the_row(api: Api) -> None:
    rows = b'{"destination":"https://example.com/","account_id":"other"}\n{"op":"update","id":"' + CODE_ID.encode() + b'","slug":"mine"}\n'

    answer = await api.http.post(
        "/v1/codes/bulk", content=rows, headers={"authorization": f"Bearer {KEY}", "content-type": "application/x-ndjson"}
    )

    assert [line.partition(b'"status":')[2][:3] for line in answer.content.splitlines()[:2]] == [b"400", b"400"]
    assert api.services.asked == []
