"""The HTTP server's own rules, on real connections."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from quietzone_gateway.rest import server
from quietzone_gateway.rest.server import HttpServer


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse("hello")(scope, receive, send)


@asynccontextmanager
async def serving(app: ASGIApp = hello) -> AsyncIterator[HttpServer]:
    """A server that is stopped at the block's end."""
    http = HttpServer(app, "127.0.0.1", 0, drain_s=5)
    async with asyncio.TaskGroup() as group:
        group.create_task(http.serve())
        while http.not_ready() is not None:
            await asyncio.sleep(0.001)
        yield http
        http.stop()


async def exchange(http: HttpServer, sent: bytes) -> bytes:
    """What the server answers to these bytes on one connection, until it closes it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", http.port)
    writer.write(sent)
    received = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    await writer.wait_closed()
    return received


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"nonsense\r\n\r\n", b"HTTP/1.1 400 "),
        (b"GET / HTTP/1.1\r\nx: " + b"a" * 20_000 + b"\r\n\r\n", b"HTTP/1.1 431 "),
        (b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n\r\n", b"HTTP/1.1 431 "),
        (b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 4_000 + b"\r\n", b"HTTP/1.1 431 "),
        (b"GET / HTTP/1.1\r\nx: " + b"a" * 100_000, b"HTTP/1.1 431 "),
        (b"GET / HTTP/1.1\r\n" + b"a" * 100_000, b"HTTP/1.1 431 "),
        (b"G" * 100_000, b"HTTP/1.1 400 "),
        (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", b"HTTP/1.1 400 "),
        (b"GET / HTTP/1.1\r\n\r\n", b"HTTP/1.1 400 "),
        (b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", b"HTTP/1.1 400 "),
        (b"GET / HTTP/1.0\r\nHost: x\r\nHost: x\r\n\r\n", b"HTTP/1.1 400 "),
    ],
)
async def test_a_request_that_is_not_http_gets_a_problem_and_a_closed_connection(sent: bytes, status: bytes) -> None:
    async with serving() as http:
        received = await exchange(http, sent)

    assert received.startswith(status)
    assert b"application/problem+json" in received


async def test_a_head_that_does_not_arrive_closes_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "HEAD_S", 0.05)

    async with serving() as http:
        received = await exchange(http, b"GET / HTTP/1.1\r\nHost: x\r\n")

    assert received == b""


async def test_an_old_connection_ends_with_its_next_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "LIFETIME_S", 0.0)

    async with serving() as http:
        received = await exchange(http, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")

    assert received.startswith(b"HTTP/1.1 200 ")
    assert b"\r\nconnection: close\r\n" in received


async def test_connections_beyond_the_bound_are_closed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MAX_CONNECTIONS", 0)

    async with serving() as http:
        try:
            received = await exchange(http, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        except ConnectionError:
            received = b""

    assert received == b""


async def test_a_request_under_way_is_answered_before_the_server_stops() -> None:
    called, go_on = asyncio.Event(), asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        called.set()
        await go_on.wait()
        await hello(scope, receive, send)

    async with serving(slow) as http, asyncio.TaskGroup() as group:
        asking = group.create_task(exchange(http, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
        await called.wait()
        http.stop()
        go_on.set()

    assert asking.result().endswith(b"hello")


def test_a_taken_port_is_said_plainly() -> None:
    first = HttpServer(hello, "127.0.0.1", 0, drain_s=1)

    with pytest.raises(OSError, match=f"127.0.0.1:{first.port} .*QUIETZONE_GATEWAY_PORT"):
        HttpServer(hello, "127.0.0.1", first.port, drain_s=1)
    first.close()
