"""JSON that is nested beyond what a parser's stack holds: wherever the API reads some, it is refused as what it is, and nothing falls."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from contract.gateway.asking import told
from contract.gateway.served import CODE_ID, KEY, Api, problem, running
from contract.gateway.test_auth import bearing, enter
from contract.gateway.test_mapped import RULE
from contract.gateway.test_mass_assignment import described, resolved, writing

from quietzone_gateway.rest.settings import RestSettings

DEEP = 30_000
"""Twice as many brackets are just below what a body may have."""

BOMBS = {
    "arrays": b"[" * DEEP + b"]" * DEEP,
    "arrays without an end": b"[" * 2 * DEEP,
    "objects": b'{"a":' * (DEEP // 3) + b"1" + b"}" * (DEEP // 3),
    "objects without an end": b'{"a":' * (DEEP // 3),
    "both": b'[{"a":' * (DEEP // 4) + b"1" + b"}]" * (DEEP // 4),
    "a thousand": b"[" * 1_000 + b"]" * 1_000,  # less than the parser's stack, more than Python's
}


@pytest.fixture
async def mapped(tmp_path: Path) -> AsyncIterator[Api]:
    rules = tmp_path / "mappings.json"
    rules.write_text(json.dumps([RULE]))
    async with running(tmp_path, settings=RestSettings(gateway_mappings=rules)) as api:
        yield api


async def post(api: Api, path: str, body: bytes, method: str = "POST", **headers: str) -> httpx.Response:
    sent = {"authorization": f"Bearer {KEY}", "content-type": "application/json"} | headers
    return await api.http.request(method, path, content=body, headers=sent)


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS.keys())
async def test_json_depth_of_a_body(api: Api, bomb: bytes) -> None:
    assert problem(await post(api, "/v1/codes", bomb))[:2] == (400, "invalid-argument")


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS.keys())
async def test_json_depth_of_every_field(api: Api, bomb: bytes) -> None:
    description, signed_in = await described(api), bearing((await enter(api))["access_token"])

    for method, path, schema in writing(description):
        for name in resolved(description, schema)["properties"]:
            address = path.replace("{name}", "pro").replace("{", "").replace("}", "")
            sent = signed_in if path.startswith(("/v1/me", "/v1/auth", "/v1/account", "/v1/invitations")) else {}
            answer = await post(api, address, b'{"%s":%s}' % (name.encode(), bomb), method, **sent)
            assert problem(answer)[:2] == (400, "invalid-argument"), (method, path, name)


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS.keys())
async def test_json_depth_of_a_row_fails_that_row_alone(api: Api, bomb: bytes) -> None:
    rows = b'%s\n{"destination":%s}\n{"op":"update","id":"%s","tags":[%s]}\n' % (bomb, bomb, CODE_ID.encode(), bomb)

    answer = await post(api, "/v1/codes/bulk", rows, **{"content-type": "application/x-ndjson"})

    assert [json.loads(line).get("status") for line in answer.text.splitlines()] == [400, 400, 400, None]


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS.keys())
async def test_json_depth_of_graphql_variables(api: Api, bomb: bytes) -> None:
    for variables in (bomb, b'{"id":%s}' % bomb):
        document = b'{"query":"query($id: ID!) { qrCode(id: $id) { id } }","variables":%s}' % variables
        answer = await post(api, "/graphql", document)

        assert answer.status_code < 500
        assert "INTERNAL" not in answer.text


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS.keys())
async def test_json_depth_of_a_graphql_value(api: Api, bomb: bytes) -> None:
    value = bomb.decode().replace('"a"', "a")

    answer = told(await api.send("POST", "/graphql", {"query": f"mutation {{ bulkCreateQRCodes(qrData: {value}) }}"}))

    assert answer.errors
    assert "INTERNAL" not in answer.codes


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS.keys())
async def test_json_depth_of_what_is_mapped(mapped: Api, bomb: bytes) -> None:
    for body in (bomb, b'{"data":%s}' % bomb, b'{"data":{"url":%s}}' % bomb):
        assert problem(await post(mapped, "/v1/codes", body))[:2] == (400, "invalid-argument")
