"""Who calls, when that has to be renewed."""

import asyncio
import threading
from collections.abc import Callable

import httpx
import pytest
from unit.client.scripted import CODE_ID, Server, ok, problem

from quietzone_client import Answer, AsyncClient, Client, RenewalLost, Request, Unauthenticated


class Tokens:
    """A token for a minute, renewed by another."""

    def __init__(self) -> None:
        self.token: str | None = None
        self.until_s = 0.0

    def authorization(self, now_s: float) -> str | None:
        return f"Bearer {self.token}" if self.token and now_s < self.until_s else None

    def renewal(self) -> Request | None:
        return Request("POST", "/v1/renew", content=b"{}")

    def renew(self, answer: Answer, now_s: float) -> None:
        self.token, self.until_s = answer.json()["token"], now_s + 60


class Api(Server):
    """Knows the newest token only."""

    token = 0
    before_renewal: Callable[[], None] | None = None

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/renew":
            assert "authorization" not in request.headers
            self.asked.append(request)
            self.token += 1
            return ok({"token": f"t{self.token}"})
        answer = super().__call__(request)
        return answer if request.headers["authorization"] == f"Bearer t{self.token}" else problem(401, "unauthenticated")


@pytest.fixture
def api() -> Api:
    return Api.of(ok())


def renewals(server: Server) -> int:
    return server.paths.count("/v1/renew")


def test_a_token_is_got_before_the_first_request(api: Api) -> None:
    api.client(auth=Tokens()).codes.get(CODE_ID)

    assert api.paths == ["/v1/renew", f"/v1/codes/{CODE_ID}"]


def test_a_token_serves_until_it_ends(api: Api) -> None:
    client = api.client(auth=Tokens())
    client.codes.get(CODE_ID)
    client.codes.get(CODE_ID)
    assert renewals(api) == 1

    api.now_s += 61
    client.codes.get(CODE_ID)

    assert renewals(api) == 2


def test_a_token_that_was_revoked_is_renewed_once_and_the_request_sent_again(api: Api) -> None:
    client = api.client(auth=Tokens())
    client.codes.get(CODE_ID)
    api.token += 1

    client.codes.create("https://example.com")

    assert renewals(api) == 2
    assert api.keys[-3:] == ["name-1", None, "name-1"]


def test_a_token_that_is_refused_also_when_it_is_new_is_an_error() -> None:
    server = Server.of(ok({"token": "t"}), problem(401, "unauthenticated"), ok({"token": "t2"}), problem(401, "unauthenticated"))

    with pytest.raises(Unauthenticated):
        server.client(auth=Tokens()).codes.get(CODE_ID)
    assert len(server.asked) == 4


def test_a_key_that_is_refused_is_not_sent_again() -> None:
    server = Server.of(problem(401, "unauthenticated"))

    with pytest.raises(Unauthenticated):
        server.client().codes.get(CODE_ID)
    assert len(server.asked) == 1


def test_a_renewal_whose_answer_was_lost_is_not_sent_twice() -> None:
    server = Server.of(httpx.ReadError(""))

    with pytest.raises(RenewalLost):
        server.client(auth=Tokens()).codes.get(CODE_ID)
    assert len(server.asked) == 1


def test_a_renewal_that_was_not_begun_is_sent_again() -> None:
    server = Server.of(httpx.ConnectError(""), problem(429, "resource-exhausted", retry_after="1"), ok({"token": "t"}), ok())

    server.client(auth=Tokens()).codes.get(CODE_ID)

    assert renewals(server) == 3


async def test_tasks_that_find_a_token_ended_renew_it_once(api: Api) -> None:
    client = AsyncClient("https://api.test", Tokens(), transport=httpx.MockTransport(api), runtime=api.runtime)

    async with client, asyncio.TaskGroup() as group:
        for _ in range(20):
            group.create_task(client.codes.get(CODE_ID))

    assert renewals(api) == 1


def test_threads_that_find_a_token_ended_renew_it_once(api: Api) -> None:
    client = Client("https://api.test", Tokens(), transport=httpx.MockTransport(api), runtime=api.runtime)
    threads = [threading.Thread(target=client.codes.get, args=(CODE_ID,)) for _ in range(8)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (renewals(api), len(api.asked)) == (1, 9)
