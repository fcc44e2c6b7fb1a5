"""Kept answers that are given without the whole way are the same as those that went it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest
from contract.gateway.served import CODE_ID, KEY, MENU, Api, problem

from quietzone.qr.v1 import code_service_pb2
from quietzone_gateway.rest.envelope import Envelope
from quietzone_gateway.rest.fast_reads import FastReads
from quietzone_gateway.rest.server import HttpServer

READS = ["/v1/codes", "/v1/codes?limit=20&fields=slug", f"/v1/codes/{CODE_ID}", f"/v1/codes/{CODE_ID}?fields=title"]


class OnlyFast:
    """From now on requests that would go the whole way fail; with `before_requests` all that become requests."""

    before_requests = False

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async def whole_way(*_: object) -> None:
            raise AssertionError("the whole way")

        monkeypatch.setattr(Envelope, "__call__", whole_way)
        if self.before_requests:
            monkeypatch.setattr(FastReads, "__call__", whole_way)


def seen(answer: httpx.Response) -> tuple[int, dict[str, str], bytes]:
    headers = {name: value for name, value in answer.headers.items() if name not in ("x-request-id", "date")}
    return answer.status_code, headers, answer.content


@pytest.fixture(params=["request", "socket"])
async def api(api: Api, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Api]:
    """The API as a program calls it, and on a port of its own, whose kept answers are given before anything becomes a request."""
    if request.param == "request":
        yield api
        return
    monkeypatch.setattr(OnlyFast, "before_requests", True)
    server = HttpServer(api.app, "127.0.0.1", 0, drain_s=5, early=api.early)
    async with asyncio.TaskGroup() as group:
        group.create_task(server.serve())
        while server.not_ready() is not None:
            await asyncio.sleep(0.001)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as http:
            yield replace(api, http=http)
        server.stop()


@pytest.fixture(autouse=True)
def large(api: Api) -> None:
    api.services.answer("ListCodes", code_service_pb2.ListCodesResponse(codes=[MENU] * 20, next_page_token="next", total=41))  # noqa: S106


@pytest.mark.parametrize("path", READS)
@pytest.mark.parametrize("headers", [{}, {"accept_encoding": "gzip"}, {"accept_encoding": "gzip", "x_no_compression": "1"}])
async def test_a_kept_answer_is_the_same_as_the_first(
    api: Api, path: str, headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = {"accept_encoding": "identity"} | headers
    first = await api.send("GET", path, **headers)
    OnlyFast(monkeypatch)

    assert seen(await api.send("GET", path, **headers)) == seen(first)


async def test_what_the_client_has_is_not_sent_again(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    first = await api.send("GET", "/v1/codes")
    whole = await api.send("GET", "/v1/codes", if_none_match=first.headers["etag"], cookie="a=b")
    OnlyFast(monkeypatch)

    assert seen(await api.send("GET", "/v1/codes", if_none_match=first.headers["etag"])) == seen(whole)
    assert whole.status_code == 304


async def test_a_request_keeps_the_id_that_it_brings(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    await api.send("GET", "/v1/codes")
    OnlyFast(monkeypatch)

    assert (await api.send("GET", "/v1/codes", x_request_id="mine")).headers["x-request-id"] == "mine"


async def test_the_key_may_come_in_either_header(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    await api.send("GET", "/v1/codes")
    OnlyFast(monkeypatch)

    assert (await api.http.get("/v1/codes", headers={"x-api-key": KEY})).status_code == 200


async def test_nobody_gets_a_kept_answer_without_a_key_that_is_known(api: Api) -> None:
    await api.send("GET", "/v1/codes")

    for headers in ({}, {"authorization": "Bearer qz_" + "wrong" * 9}, {"authorization": f"Basic {KEY}"}):
        assert problem(await api.http.get("/v1/codes", headers=headers))[:2] == (401, "unauthenticated")


async def test_another_query_is_another_question(api: Api) -> None:
    await api.send("GET", "/v1/codes")

    assert problem(await api.send("GET", "/v1/codes?colour=red")) == (400, "invalid-argument", ["colour"])


async def test_a_change_ends_what_is_kept(api: Api) -> None:
    before = await api.send("GET", f"/v1/codes/{CODE_ID}")
    moved = code_service_pb2.GetCodeResponse()
    moved.code.CopyFrom(MENU)
    moved.code.revision = 4
    api.services.answer("GetCode", moved)
    await api.send("PATCH", f"/v1/codes/{CODE_ID}", {"title": "New"})

    assert (before.headers["etag"], (await api.send("GET", f"/v1/codes/{CODE_ID}")).headers["etag"]) == ('"3"', '"4"')
