import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from contract.gateway.served import MENU, Api, problem, running

from quietzone.qr.v1 import code_service_pb2
from quietzone_gateway.rest.settings import RestSettings
from quietzone_kit.errors import FieldViolation, InvalidInput
from quietzone_kit.settings import SettingsError

RULE = {
    "method": "POST",
    "path": "/v1/codes",
    "request": {"body": {"destination": "$body.data.url", "title": "$body.data.name"}},
    "response": {
        "body": {"data": {"url": "$body.short_url"}, "requestId": "$context.requestId", "timestamp": "$context.requestTime"},
        "headers": {"X-Caller": "$context.authorizer.userId"},
    },
}
SENT = {"data": {"url": "https://example.com/menu", "name": "Menu"}}


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    rules = tmp_path / "mappings.json"
    rules.write_text(json.dumps([RULE]))
    async with running(tmp_path, settings=RestSettings(gateway_mappings=rules)) as api:
        api.services.answer("CreateCode", code_service_pb2.CreateCodeResponse(code=MENU))
        yield api


async def test_a_request_and_its_answer_have_the_form_of_the_rule(api: Api) -> None:
    answer = await api.send("POST", "/v1/codes", SENT, x_request_id="r1")

    assert api.services.asked == [code_service_pb2.CreateCodeRequest(destination="https://example.com/menu", title="Menu")]
    assert answer.json() == {"data": {"url": "https://qr.example.com/menu"}, "requestId": "r1", "timestamp": "2026-11-21T12:00:00.000Z"}
    assert (answer.status_code, answer.headers["x-caller"].partition(":")[0]) == (201, "key")


async def test_what_a_request_lacks_is_checked_as_ever(api: Api) -> None:
    assert problem(await api.send("POST", "/v1/codes", {"data": {}}))[:2] == (400, "invalid-argument")


async def test_problems_stay_problems(api: Api) -> None:
    api.services.fail("CreateCode", InvalidInput(FieldViolation("destination", "use https")))

    assert problem(await api.send("POST", "/v1/codes", SENT)) == (400, "invalid-argument", ["destination"])


async def test_a_repeated_request_is_answered_in_the_same_form(api: Api) -> None:
    answers = [await api.send("POST", "/v1/codes", SENT, idempotency_key="k", x_request_id="r") for _ in range(2)]

    assert answers[0].json() == answers[1].json()


async def test_a_file_with_a_rule_for_no_address_is_refused_at_the_start(tmp_path: Path) -> None:
    rules = tmp_path / "wrong.json"
    rules.write_text(json.dumps([RULE | {"path": "/v1/nothing"}]))

    with pytest.raises(SettingsError, match=r"QUIETZONE_GATEWAY_MAPPINGS.*no POST /v1/nothing"):
        async with running(tmp_path, settings=RestSettings(gateway_mappings=rules)):
            pass
