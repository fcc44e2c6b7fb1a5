"""Request smuggling, on real connections: where two readers could disagree about where a request ends, ours stops reading.

Each attack hides `GET /smuggled` where a proxy in front of the API would see the body of its own request. It must never be answered as a
request; and what could be read in two ways ends the connection, so that nothing behind it is taken for anybody's (RFC 9112, 11.2).
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
import pytest_asyncio
from contract.gateway.test_server import exchange, serving
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from quietzone_gateway.rest.server import HttpServer

pytestmark = pytest.mark.asyncio(loop_scope="module")

SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: api\r\n\r\n"
AFTER = b"GET /after HTTP/1.1\r\nHost: api\r\nConnection: close\r\n\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"


@dataclass
class House:
    """A server, and the requests that its application was given, with their bodies."""

    http: HttpServer
    asked: list[tuple[str, bytes]] = field(default_factory=list)

    async def tell(self, sent: bytes) -> list[bytes]:
        """The statuses of the answers on one connection, until it is closed."""
        received = await exchange(self.http, sent)
        return [line.split(b" ")[1] for line in received.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]

    @property
    def paths(self) -> list[str]:
        return [path for path, _ in self.asked]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served() -> AsyncIterator[House]:
    """One for all: its requests are told apart by their connections."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            body = await Request(scope, receive).body()
        except ClientDisconnect:
            return
        found.asked.append((scope["path"], body))
        await PlainTextResponse("")(scope, receive, send)

    async with serving(app) as http:
        found = House(http)
        yield found


@pytest.fixture
def house(served: House) -> House:
    served.asked.clear()
    return served


def post(headers: bytes, body: bytes = b"") -> bytes:
    """A request to /first."""
    return b"POST /first HTTP/1.1\r\nHost: api\r\n" + headers + b"\r\n" + body


AMBIGUOUS = {
    "cl_te": post(b"Content-Length: %d\r\n" % (len(SMUGGLED) + 5) + CHUNKED, b"0\r\n\r\n" + SMUGGLED),
    "cl_te, the other way round": post(CHUNKED + b"Content-Length: %d\r\n" % (len(SMUGGLED) + 5), b"0\r\n\r\n" + SMUGGLED),
    "te_cl": post(CHUNKED + b"Content-Length: 4\r\n", b"%x\r\n" % len(SMUGGLED) + SMUGGLED + b"\r\n0\r\n\r\n"),
    "te_te by an unknown coding": post(CHUNKED + b"Transfer-Encoding: cow\r\n", b"0\r\n\r\n" + SMUGGLED),
    "te by another name": post(b"Transfer-Encoding: xchunked\r\n", b"0\r\n\r\n" + SMUGGLED),
    "te where chunked isn't last": post(b"Transfer-Encoding: chunked, identity\r\n", b"0\r\n\r\n" + SMUGGLED),
    "te twice": post(b"Transfer-Encoding: chunked, chunked\r\n", b"0\r\n\r\n" + SMUGGLED),
    "te with a space before the colon": post(b"Transfer-Encoding : chunked\r\n", b"0\r\n\r\n" + SMUGGLED),
    "te with a vertical tab": post(b"Transfer-Encoding:\x0bchunked\r\n", b"0\r\n\r\n" + SMUGGLED),
    "te behind a bare LF": post(b"X: x\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n" + SMUGGLED),
    "te behind a bare CR": post(b"X: x\rTransfer-Encoding: chunked\r\n", b"0\r\n\r\n" + SMUGGLED),
    "te behind a null": post(b"X: x\x00\r\n" + CHUNKED, b"0\r\n\r\n" + SMUGGLED),
    "a length in trailers": post(CHUNKED, b"0\r\nContent-Length: %d\r\n\r\n" % len(SMUGGLED) + SMUGGLED),
    "a tunnel that isn't made": b"CONNECT api:80 HTTP/1.1\r\nHost: api\r\nContent-Length: %d\r\n\r\n" % len(SMUGGLED) + SMUGGLED,
    "obs-fold of a coding": post(b"Transfer-Encoding:\r\n chunked\r\n", b"0\r\n\r\n" + SMUGGLED),
    "obs-fold of a length": post(b"Content-Length: 0\r\n %d\r\n" % len(SMUGGLED), SMUGGLED),
    "obs-fold that hides a length": post(b"X: x\r\n Content-Length: %d\r\n" % len(SMUGGLED), SMUGGLED),
    "two lengths": post(b"Content-Length: 0\r\nContent-Length: %d\r\n" % len(SMUGGLED), SMUGGLED),
    "the same length twice": post(b"Content-Length: %d\r\n" % len(SMUGGLED) * 2, SMUGGLED),
    "a list of lengths": post(b"Content-Length: 0, %d\r\n" % len(SMUGGLED), SMUGGLED),
    "a length with a sign": post(b"Content-Length: +%d\r\n" % len(SMUGGLED), SMUGGLED),
    "a negative length": post(b"Content-Length: -1\r\n", SMUGGLED),
    "a length in hexadecimal": post(b"Content-Length: 0x%x\r\n" % len(SMUGGLED), SMUGGLED),
    "a length that overflows": post(b"Content-Length: %d\r\n" % 2**64, SMUGGLED),
    "an empty length": post(b"Content-Length:\r\n", SMUGGLED),
    "a length with a space before the colon": post(b"Content-Length : %d\r\n" % len(SMUGGLED), SMUGGLED),
    "a chunk's length that overflows": post(CHUNKED, b"10000000000000000\r\n" + SMUGGLED),
    "a chunk's length with 0x": post(CHUNKED, b"0x%x\r\n" % len(SMUGGLED) + SMUGGLED + b"\r\n0\r\n\r\n"),
    "a chunk's length with a space before it": post(CHUNKED, b" 0\r\n\r\n" + SMUGGLED),
    "a chunk's negative length": post(CHUNKED, b"-1\r\n" + SMUGGLED),
    "a chunk's line that ends with a bare LF": post(CHUNKED, b"0\n\n" + SMUGGLED),
    "a chunk's extension with a bare LF": post(CHUNKED, b"0;\nx\r\n\r\n" + SMUGGLED),
    "a chunk without its line's end": post(CHUNKED, b"1\r\nab\r\n0\r\n\r\n" + SMUGGLED),
    "a bare LF at the head's end": b"POST /first HTTP/1.1\nHost: api\nContent-Length: 0\n\n" + SMUGGLED,
    "a line without a colon": post(b"Content-Length\r\n", SMUGGLED),
    "a name with a space": post(b"Content Length: 0\r\n", SMUGGLED),
    "a first line that is folded": b"POST /first HTTP/1.1\r\n Content-Length: 0\r\nHost: api\r\n\r\n" + SMUGGLED,
}


@pytest.mark.parametrize("sent", AMBIGUOUS.values(), ids=AMBIGUOUS.keys())
async def test_smuggling_by_an_ambiguous_end_closes_the_connection(house: House, sent: bytes) -> None:
    statuses = await house.tell(sent + AFTER)

    assert "/smuggled" not in house.paths
    assert "/after" not in house.paths
    assert statuses[-1] == b"400"


IN_BODIES = {
    "a length": post(b"Content-Length: %d\r\n" % len(SMUGGLED), SMUGGLED),
    "a chunk": post(CHUNKED, b"%x\r\n" % len(SMUGGLED) + SMUGGLED + b"\r\n0\r\n\r\n"),
    "a chunk with an extension": post(CHUNKED, b'%x;name="value"\r\n' % len(SMUGGLED) + SMUGGLED + b"\r\n0;last\r\n\r\n"),
    "a coding in capitals": post(CHUNKED.replace(b"chunked", b"CHUNKED"), b"%x\r\n" % len(SMUGGLED) + SMUGGLED + b"\r\n0\r\n\r\n"),
    "a read with a body": post(b"Content-Length: %d\r\n" % len(SMUGGLED), SMUGGLED).replace(b"POST", b"GET", 1),
    "an upgrade that isn't taken": post(b"Connection: upgrade\r\nUpgrade: h2c\r\nContent-Length: %d\r\n" % len(SMUGGLED), SMUGGLED),
}


@pytest.mark.parametrize("sent", IN_BODIES.values(), ids=IN_BODIES.keys())
async def test_smuggling_in_a_body_is_a_body(house: House, sent: bytes) -> None:
    statuses = await house.tell(sent + AFTER)

    assert house.asked == [("/first", SMUGGLED), ("/after", b"")]
    assert statuses == [b"200", b"200"]


@pytest.mark.parametrize("sent", [*AMBIGUOUS.values(), *IN_BODIES.values()], ids=[*AMBIGUOUS.keys(), *IN_BODIES.keys()])
async def test_smuggling_byte_by_byte_gets_no_further(house: House, sent: bytes) -> None:
    """Where a packet ends changes nothing of how it is read."""
    reader, writer = await asyncio.open_connection("127.0.0.1", house.http.port)
    sent += AFTER
    with contextlib.suppress(ConnectionError):  # closed before all was sent
        for at in range(len(sent)):
            writer.write(sent[at : at + 1])
            await writer.drain()
            await asyncio.sleep(0)
        async with asyncio.timeout(5):
            await reader.read()
    writer.transport.abort()

    assert "/smuggled" not in house.paths


async def test_smuggling_in_trailers_changes_no_request(house: House) -> None:
    await house.tell(post(CHUNKED, b"1\r\na\r\n0\r\nAuthorization: Bearer qz_evil\r\nX: x\r\n\r\n") + AFTER)

    assert house.asked == [("/first", b"a"), ("/after", b"")]


async def test_smuggling_by_a_coding_that_http_1_0_lacks_ends_with_its_answer(house: House) -> None:
    """RFC 9112, 6.1: it is read as chunked, and the connection is closed behind it."""
    await house.tell(post(CHUNKED, b"0\r\n\r\n" + SMUGGLED).replace(b"HTTP/1.1", b"HTTP/1.0", 1) + AFTER)

    assert house.asked == [("/first", b"")]


async def test_smuggling_by_many_upgrades_in_one_packet_reads_each_once(house: House) -> None:
    upgrade = b"GET /first HTTP/1.1\r\nHost: api\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n"

    await house.tell(upgrade * 200 + AFTER)

    assert house.paths == ["/first"] * 200 + ["/after"]


async def test_smuggling_behind_a_refused_head_is_not_read(house: House) -> None:
    statuses = await house.tell(b"GET /first HTTP/1.1\r\nHost: api\r\nX: " + b"x" * 20_000 + b"\r\n\r\n" + SMUGGLED + AFTER)

    assert (statuses, house.asked) == ([b"431"], [])


async def test_smuggling_in_the_body_that_a_client_is_asked_to_send_is_a_body(house: House) -> None:
    statuses = await house.tell(post(b"Expect: 100-continue\r\nContent-Length: %d\r\n" % len(SMUGGLED), SMUGGLED) + AFTER)

    assert house.asked == [("/first", SMUGGLED), ("/after", b"")]
    assert statuses == [b"100", b"200", b"200"]
