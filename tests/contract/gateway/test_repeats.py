"""`Idempotency-Key` as clients see it."""

import asyncio
import json
from typing import Any

import pytest
from contract.gateway.served import CODE_ID, KEY, MENU, Api, problem

from quietzone.qr.v1 import code_service_pb2
from quietzone_kit.errors import Unavailable

NEW = {"destination": "https://example.com/menu"}


async def test_a_repeated_creation_makes_one_code(api: Api) -> None:
    first = await api.send("POST", "/v1/codes", NEW, idempotency_key="k1")
    again = await api.send("POST", "/v1/codes", NEW, idempotency_key="k1")

    assert (again.status_code, again.json(), again.headers["location"]) == (201, first.json(), first.headers["location"])
    assert (first.headers.get("idempotent-replayed"), again.headers["idempotent-replayed"]) == (None, "true")
    assert len(api.services.asked) == 1


async def test_repetitions_at_once_get_the_same_answer(api: Api) -> None:
    answers = await asyncio.gather(*(api.send("POST", "/v1/codes", NEW, idempotency_key="k1") for _ in range(5)))

    assert ({answer.status_code for answer in answers}, len(api.services.asked)) == ({201}, 1)


async def test_a_key_of_another_request_is_refused(api: Api) -> None:
    await api.send("POST", "/v1/codes", NEW, idempotency_key="k1")

    answer = await api.send("POST", "/v1/codes", {"destination": "https://example.com/other"}, idempotency_key="k1")

    assert problem(answer)[:2] == (422, "idempotency-key-reused")


async def test_a_request_that_failed_for_a_moment_may_be_repeated(api: Api) -> None:
    api.services.fail("CreateCode", Unavailable("gone"))
    assert (await api.send("POST", "/v1/codes", NEW, idempotency_key="k1")).status_code == 503
    api.services.answer("CreateCode", code_service_pb2.CreateCodeResponse(code=MENU))

    assert (await api.send("POST", "/v1/codes", NEW, idempotency_key="k1")).status_code == 201


async def test_a_change_is_repeated_too(api: Api) -> None:
    for _ in range(2):
        answer = await api.send("PATCH", f"/v1/codes/{CODE_ID}", {"title": "x"}, if_match='"3"', idempotency_key="k2")
        assert answer.headers["etag"] == '"3"'

    assert len(api.services.asked) == 1


async def test_a_key_that_is_none_is_named(api: Api) -> None:
    assert problem(await api.send("POST", "/v1/codes", NEW, idempotency_key="a b")) == (400, "invalid-argument", ["Idempotency-Key"])


async def test_reading_takes_no_notice_of_a_key(api: Api) -> None:
    for _ in range(2):
        await api.send("GET", f"/v1/codes/{CODE_ID}/image", idempotency_key="k1")

    assert [type(asked).__name__ for asked in api.services.asked].count("RenderCodeRequest") == 2


async def test_without_a_key_the_service_gets_no_name(api: Api) -> None:
    await api.send("POST", "/v1/codes", NEW)

    asked: Any = api.services.asked[0]
    assert not asked.HasField("request_id")


@pytest.mark.parametrize("changed", ["https://example.com/other", "https://example.com/menu"])
async def test_a_key_that_came_with_other_rows_is_refused_and_makes_nothing(api: Api, changed: str) -> None:
    made = code_service_pb2.BatchCreateCodesResponse(outcomes=[code_service_pb2.CodeOutcome(code=MENU)])
    api.services.answer("BatchCreateCodes", made)
    sent = {"authorization": f"Bearer {KEY}", "content-type": "application/x-ndjson", "idempotency-key": "rows"}
    answers = [
        await api.http.post("/v1/codes/bulk", content=json.dumps({"destination": destination}), headers=sent)
        for destination in ("https://example.com/menu", changed)
    ]

    assert [answer.status_code for answer in answers] == [200, 200 if changed.endswith("menu") else 422]
    assert len(api.services.asked) == 1 + changed.endswith("menu")


async def test_a_key_that_came_with_another_mutation_is_refused(api: Api) -> None:
    create = 'mutation { createCode(input: {destination: "https://example.com/%s"}) { slug } }'
    answers = [await api.send("POST", "/graphql", {"query": create % name}, idempotency_key="one") for name in ("menu", "menu", "other")]

    assert [answer.status_code for answer in answers] == [200, 200, 422]
    assert problem(answers[2])[1] == "idempotency-key-reused"
