"""Clients that take their time, or bring too much before they say anything, on real connections: each ends within a bound.

The bounds are made short, so that no test waits for long; none depends on how fast this machine is.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator

import pytest
from contract.gateway.test_server import exchange, serving
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from quietzone_gateway.rest import envelope, server
from quietzone_gateway.rest.bounds import Bounds
from quietzone_gateway.rest.envelope import Envelope, early_answers
from quietzone_gateway.rest.server import HttpServer
from quietzone_kit.http.clients import Clients
from quietzone_kit.runtime import SystemClock, SystemRandomness

SHORT_S = 0.3
PATIENCE_S = 15.0
"""For a server that is to end a connection: what a machine may take that is busy with other things."""

GET = b"GET /v1/codes HTTP/1.1\r\nHost: api\r\n"
POST = b"POST /v1/codes HTTP/1.1\r\nHost: api\r\nContent-Type: application/json\r\n"


@pytest.fixture
async def http() -> AsyncIterator[HttpServer]:
    """The API's outermost layers; what they let pass reads its body to the end."""

    async def reads(scope: Scope, receive: Receive, send: Send) -> None:
        body = await Request(scope, receive).body()
        await PlainTextResponse(str(len(body)))(scope, receive, send)

    clock, randomness = SystemClock(), SystemRandomness()
    app = Envelope(reads, clients=Clients(()), clock=clock, randomness=randomness, early=early_answers(clock, randomness))
    async with serving(app) as http:
        yield http


@pytest.fixture
def short_heads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "HEAD_S", SHORT_S)


@pytest.fixture
def short_bodies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "HEAD_S", SHORT_S)
    monkeypatch.setattr(envelope, "bounds_of", lambda _path: Bounds(within_s=SHORT_S))
    monkeypatch.setattr(envelope, "BODY_GRACE_S", 0.0)


async def dribble(http: HttpServer, sent: bytes, drops: Iterator[bytes]) -> bytes:
    """What is answered to somebody who sends something and then drop after drop, until the server closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", http.port)
    received = bytearray()

    async def drip() -> None:
        with contextlib.suppress(ConnectionError):
            for drop in drops:
                writer.write(drop)
                await writer.drain()
                await asyncio.sleep(SHORT_S / 20)

    try:
        async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as group:
            writer.write(sent)
            dripping = group.create_task(drip())
            with contextlib.suppress(ConnectionError):
                while data := await reader.read(65_536):
                    received += data
            dripping.cancel()
    finally:
        writer.transport.abort()
        await asyncio.sleep(0)  # until it is closed
    return bytes(received)


def for_ever(drop: bytes) -> Iterator[bytes]:
    while True:
        yield drop


@pytest.mark.usefixtures("short_heads")
@pytest.mark.parametrize(
    ("sent", "drop"),
    [(b"", b"G"), (b"GET /", b"a"), (GET, b"X-A: b\r\n"), (GET + b"X-A: ", b"b"), (b"", b"\r\n")],
    ids=["method", "path", "headers", "one header", "empty lines"],
)
async def test_slow_heads_of_slowloris_end_however_steadily_they_come(http: HttpServer, sent: bytes, drop: bytes) -> None:
    received = await dribble(http, sent, for_ever(drop))

    assert received == b"" or received.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 431 "))


@pytest.mark.usefixtures("short_heads")
async def test_slow_heads_behind_an_answered_request_end_too(http: HttpServer) -> None:
    received = await dribble(http, GET + b"\r\n" + GET, for_ever(b"X-A: b\r\n"))

    assert received.count(b"HTTP/1.1 200 ") == 1


@pytest.mark.usefixtures("short_heads")
async def test_idle_connections_end(http: HttpServer) -> None:
    assert await dribble(http, b"", iter(())) == b""


@pytest.mark.usefixtures("short_bodies")
@pytest.mark.parametrize(
    ("head", "drop"),
    [(POST + b"Content-Length: 60000\r\n\r\n", b"x"), (POST + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n")],
    ids=["length", "chunks"],
)
async def test_slow_bodies_end_however_steadily_they_come(http: HttpServer, head: bytes, drop: bytes) -> None:
    received = await dribble(http, head, for_ever(drop))

    assert received.startswith(b"HTTP/1.1 504 ")
    assert b"its body included" in received


@pytest.mark.usefixtures("short_bodies")
async def test_slow_bodies_that_never_begin_end(http: HttpServer) -> None:
    received = await dribble(http, POST + b"Content-Length: 1\r\n\r\n", iter(()))

    assert received.startswith(b"HTTP/1.1 504 ")


async def test_a_body_that_comes_behind_its_answer_in_time_leaves_the_connection_as_it_was() -> None:
    async with serving() as http:  # which answers without looking at it
        reader, writer = await asyncio.open_connection("127.0.0.1", http.port)
        writer.write(POST + b"Content-Length: 60000\r\n\r\n")
        async with asyncio.timeout(PATIENCE_S):
            await reader.readuntil(b"hello")
            writer.write(b"x" * 60_000 + GET + b"Connection: close\r\n\r\n")
            received = await reader.read()
        writer.close()
        await writer.wait_closed()

    assert received.startswith(b"HTTP/1.1 200 ")


@pytest.mark.usefixtures("short_heads")
async def test_slow_bodies_end_though_they_were_answered_before() -> None:
    async with serving() as http:
        received = await dribble(http, POST + b"Transfer-Encoding: chunked\r\n\r\n", for_ever(b"1\r\nx\r\n"))

    assert received.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize("size", [1, 1_000])
async def test_bodies_without_an_end_stop_at_their_bound(http: HttpServer, size: int) -> None:
    chunk = b"%x\r\n" % size + b"x" * size + b"\r\n"

    received = await exchange(http, POST + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * (70_000 // size))

    assert received.startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize(
    "extension", [b"x" * 100_000, b"=".join([b"x"] * 50_000), b'x="' + b"y" * 100_000], ids=["a name", "many", "a text"]
)
async def test_chunk_extensions_without_an_end_take_no_memory(http: HttpServer, extension: bytes) -> None:
    """They are no part of the body's size: a reader that keeps them has no bound on them."""
    received = await dribble(
        http,
        POST + b"Transfer-Encoding: chunked\r\n\r\n1;" + extension,
        iter((b"\r\nx\r\n0\r\n\r\n" + GET + b"Connection: close\r\n\r\n",)),
    )

    assert received.startswith((b"HTTP/1.1 200 ", b"HTTP/1.1 400 ", b"HTTP/1.1 431 "))


@pytest.mark.parametrize("trailers", [b"X: y\r\n" * 20_000, b"X: " + b"y" * 120_000 + b"\r\n"], ids=["many", "huge"])
async def test_huge_headers_behind_a_body_are_refused(http: HttpServer, trailers: bytes) -> None:
    received = await dribble(http, POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n" + trailers, iter((b"\r\n",)))

    assert received.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 431 "))


HUGE = {
    "huge header": GET + b"X: " + b"a" * 17_000 + b"\r\n\r\n",
    "huge name of a header": GET + b"a" * 17_000 + b": x\r\n\r\n",
    "huge path": b"GET /" + b"a" * 17_000 + b" HTTP/1.1\r\n\r\n",
    "huge query": b"GET /v1/codes?" + b"a" * 17_000 + b" HTTP/1.1\r\n\r\n",
    "huge cookie": GET + b"Cookie: " + b"a=b; " * 4_000 + b"\r\n\r\n",
    "huge key": GET + b"Authorization: Bearer " + b"a" * 17_000 + b"\r\n\r\n",
    "many headers": GET + b"".join(b"X-%d: y\r\n" % number for number in range(2_000)) + b"\r\n",
    "many empty headers": GET + b"X:\r\n" * 4_000 + b"\r\n",
    "many proxies": GET + b"X-Forwarded-For: " + b"10.0.0.1, " * 2_000 + b"\r\n\r\n",
    "huge header behind a request": GET + b"\r\n" + GET + b"X: " + b"a" * 17_000 + b"\r\n\r\n",
}


@pytest.mark.parametrize("sent", HUGE.values(), ids=HUGE.keys())
async def test_huge_headers_are_refused(http: HttpServer, sent: bytes) -> None:
    received = await dribble(http, sent, iter(()))

    assert received.count(b"HTTP/1.1 431 ") == 1


@pytest.mark.usefixtures("short_heads")
async def test_huge_methods_are_refused(http: HttpServer) -> None:
    assert (await dribble(http, b"G" * 17_000, iter(()))).startswith(b"HTTP/1.1 400 ")
