import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from prometheus_client import REGISTRY, CollectorRegistry, Counter
from unit.kit.http_wire import StillClock, echo

from quietzone_kit.http import HttpServer, Request, _server, http_date, ops_server, response_head

GET = b"GET %b HTTP/1.1\r\nHost: q\r\n\r\n"


@asynccontextmanager
async def served(server: HttpServer) -> AsyncIterator[HttpServer]:
    await server.start()
    try:
        yield server
    finally:
        await server.stop(0)


def local(handler: object = echo, port: int = 0, *, reuse_port: bool = False) -> HttpServer:
    assert callable(handler)
    return HttpServer(handler, StillClock(), host="127.0.0.1", port=port, reuse_port=reuse_port)


async def ask(port: int, data: bytes) -> bytes:
    """All that a server says to a client which sends `data` and ends its sending."""
    async with asyncio.timeout(10):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(data)
        writer.write_eof()
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        return answer


class Waiting:
    """Leaves requests open."""

    def __init__(self) -> None:
        self._first: asyncio.Future[Request] = asyncio.get_running_loop().create_future()

    def __call__(self, request: Request) -> None:
        self._first.set_result(request)

    async def first(self) -> Request:
        async with asyncio.timeout(10):
            return await self._first


async def test_a_server_answers_over_the_network() -> None:
    async with served(local()) as server:
        assert (await ask(server.port, GET % b"/abc")).endswith(b"\r\n\r\n/abc")


async def test_a_large_answer_arrives_whole() -> None:
    body = bytes(5_000_000)
    async with served(local(lambda request: request.reply(response_head(200, [], date=b"now", size=len(body)), body))) as server:
        assert (await ask(server.port, GET % b"/")).partition(b"\r\n\r\n")[2] == body


async def test_a_refusal_arrives_although_the_client_goes_on_sending() -> None:
    async with served(local()) as server:
        answer = await ask(server.port, b"POST / HTTP/1.1\r\nHost: q\r\nContent-Length: 300000\r\n\r\n" + bytes(300_000))

    assert answer.startswith(b"HTTP/1.1 413 ")


async def test_a_taken_port_is_said() -> None:
    async with served(local()) as server:
        with pytest.raises(OSError, match="in use"):
            await local(port=server.port).start()


async def test_several_servers_can_share_a_port() -> None:
    async with served(local(reuse_port=True)) as one, served(local(port=one.port, reuse_port=True)) as two:
        assert one.port == two.port


async def test_a_server_that_stops_ends_idle_connections_and_returns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_server, "TICK_S", 0.01)
    server = local()
    await server.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(GET % b"/abc")
    async with asyncio.timeout(10):
        await reader.readuntil(b"/abc")
        stopping = asyncio.ensure_future(server.stop(5))
        assert await reader.read() == b""
        writer.close()
        await stopping


async def test_how_late_the_event_loop_comes_to_a_timer_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    def late() -> float:
        """Ticks so far that came 0.05 s late, or later."""
        seen = {le: REGISTRY.get_sample_value("quietzone_loop_delay_seconds_bucket", {"le": le}) or 0.0 for le in ("0.05", "+Inf")}
        return seen["+Inf"] - seen["0.05"]

    monkeypatch.setattr(_server, "TICK_S", 0.01)
    before = late()
    async with served(local()), asyncio.timeout(10):
        time.sleep(0.1)  # noqa: ASYNC251 - what blocks the loop is the subject
        while late() == before:
            await asyncio.sleep(0)


async def test_a_server_that_stops_answers_what_is_under_way_and_says_that_it_was_the_last() -> None:
    waiting = Waiting()
    server = local(waiting)
    await server.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(GET % b"/abc")
    request = await waiting.first()
    async with asyncio.timeout(10):
        stopping = asyncio.ensure_future(server.stop(5))
        await asyncio.sleep(0)
        echo(request)
        answer = await reader.read()
        writer.close()
        await stopping

    assert b"\r\nConnection: close\r\n" in answer


async def test_a_server_that_stops_cuts_off_what_takes_too_long() -> None:
    waiting = Waiting()
    server = local(waiting)
    await server.start()
    asking = asyncio.ensure_future(ask(server.port, GET % b"/abc"))
    await waiting.first()
    await server.stop(0.01)
    outcome = (await asyncio.gather(asking, return_exceptions=True))[0]

    assert outcome == b"" or isinstance(outcome, ConnectionResetError)


async def test_a_server_that_stops_accepts_nothing_new() -> None:
    server = local()
    await server.start()
    port = server.port
    await server.stop(0)

    with socket.socket() as client:
        assert client.connect_ex(("127.0.0.1", port)) != 0


async def test_a_server_that_has_stopped_still_says_its_port() -> None:
    server = local()
    await server.start()
    port = server.port
    await server.stop(0)

    assert server.port == port != 0


def test_dates_are_those_of_http() -> None:
    assert http_date(784_111_777) == b"Sun, 06 Nov 1994 08:49:37 GMT"


# The operators' port


async def operator(target: bytes, not_ready: list[str] | None = None, method: bytes = b"GET", headers: bytes = b"") -> bytes:
    registry = CollectorRegistry()
    Counter("scans_total", "Scans.", registry=registry).inc(3)
    server = ops_server(StillClock(), host="127.0.0.1", port=0, not_ready=lambda: not_ready or [], registry=registry)
    async with served(server):
        return await ask(server.port, method + b" " + target + b" HTTP/1.1\r\nHost: q\r\n" + headers + b"\r\n")


async def test_a_role_that_answers_is_alive() -> None:
    assert (await operator(b"/healthz", ["store: away"])).startswith(b"HTTP/1.1 200 ")


async def test_a_role_that_misses_nothing_is_ready() -> None:
    assert (await operator(b"/readyz")).startswith(b"HTTP/1.1 200 ")


async def test_a_role_that_misses_something_says_what() -> None:
    answer = await operator(b"/readyz", ["links: loading", "bus: away"])

    assert answer.startswith(b"HTTP/1.1 503 ")
    assert answer.endswith(b"links: loading\nbus: away\n")


async def test_metrics_are_in_the_text_format() -> None:
    assert b"\nscans_total 3.0\n" in await operator(b"/metrics")


async def test_metrics_are_open_metrics_for_who_takes_them() -> None:
    answer = await operator(b"/metrics", headers=b"Accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.3\r\n")

    assert b"\r\nContent-Type: application/openmetrics-text; version=1.0.0" in answer


async def test_other_paths_say_what_there_is() -> None:
    assert (await operator(b"/")).endswith(b"Here are /healthz, /readyz and /metrics.\n")


async def test_other_methods_are_refused() -> None:
    assert b"\r\nAllow: GET, HEAD\r\n" in await operator(b"/metrics", method=b"DELETE")
