from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from contract.gateway.served import CODE_ID, MENU, Api, running
from pydantic import ValidationError

from quietzone.qr.v1 import code_service_pb2
from quietzone_gateway.rest.settings import RestSettings

PAGE = "https://app.example.com"


@pytest.fixture
async def open_api(tmp_path: Path) -> AsyncIterator[Api]:
    async with running(tmp_path, settings=RestSettings(gateway_cors_origins=PAGE)) as api:
        api.services.answer("GetCode", code_service_pb2.GetCodeResponse(code=MENU))
        yield api


async def test_a_page_of_an_origin_that_is_let_in_may_read_answers_and_their_headers(open_api: Api) -> None:
    answer = await open_api.send("GET", f"/v1/codes/{CODE_ID}", origin=PAGE)

    assert answer.headers["access-control-allow-origin"] == PAGE
    assert {"ETag", "RateLimit", "X-Request-Id"} <= set(answer.headers["access-control-expose-headers"].split(", "))


async def test_a_page_may_read_what_went_wrong_too(open_api: Api) -> None:
    answer = await open_api.http.get("/v1/codes", headers={"origin": PAGE})

    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (401, PAGE)


async def test_a_browser_that_asks_first_is_told_what_it_may_send(open_api: Api) -> None:
    asked = {"origin": PAGE, "access-control-request-method": "PATCH", "access-control-request-headers": "authorization,if-match"}

    answer = await open_api.http.options(f"/v1/codes/{CODE_ID}", headers=asked)

    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, PAGE)


async def test_cookies_never_count_from_another_origin(open_api: Api) -> None:
    assert "access-control-allow-credentials" not in (await open_api.send("GET", f"/v1/codes/{CODE_ID}", origin=PAGE)).headers


async def test_another_origin_is_told_nothing(open_api: Api) -> None:
    answer = await open_api.send("GET", f"/v1/codes/{CODE_ID}", origin="https://evil.example")

    assert "access-control-allow-origin" not in answer.headers


async def test_nobody_is_let_in_unless_somebody_says_so(api: Api) -> None:
    assert "access-control-allow-origin" not in (await api.send("GET", f"/v1/codes/{CODE_ID}", origin=PAGE)).headers


@pytest.mark.parametrize("origin", ["app.example.com", "https://app.example.com/", "https://*.example.com", "null"])
def test_what_is_no_origin_is_refused(origin: str) -> None:
    with pytest.raises(ValidationError, match="write origins as"):
        RestSettings(gateway_cors_origins=origin)
