"""Too much for all at once, on real connections: what is refused, how, and what of the connection is left."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from quietzone_gateway.rest.early import EarlyAnswers, Header, PlainRead, Way
from quietzone_gateway.rest.envelope import Envelope, early_answers
from quietzone_gateway.rest.server import HttpServer
from quietzone_kit.http.clients import Clients
from quietzone_kit.runtime import SystemClock, SystemRandomness

READ = b"GET /v1/codes/1 HTTP/1.1\r\nHost: api\r\n\r\n"
WRITE = b"POST /v1/codes HTTP/1.1\r\nHost: api\r\nContent-Length: %d\r\n\r\n"


@dataclass
class House:
    """The API's outermost layers, with requests that take as many places as a test says."""

    http: HttpServer
    early: EarlyAnswers
    asked: list[str] = field(default_factory=list)
    connections: list["Connection"] = field(default_factory=list)

    def take(self, share: float) -> None:
        """Have this share of all places taken."""
        self.early.shedder.under_way = int(self.early.shedder.bound * share)

    async def open(self) -> "Connection":
        self.connections.append(Connection(*await asyncio.open_connection("127.0.0.1", self.http.port)))
        return self.connections[-1]


class Kept:
    """Keeps the answer about one code."""

    def understood(self, path: str, query: bytes, _headers: Sequence[Header]) -> PlainRead | None:
        read = PlainRead(path, query, "", None, "", None, takes_gzip=False, takes_small=True)
        return read if path == "/v1/codes/1" else None

    def answer(self, read: PlainRead, way: Way) -> bytes:
        assert (read.path, way.peer) == ("/v1/codes/1", "127.0.0.1")
        return b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"


@dataclass
class Connection:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def answer(self, sent: bytes = b"") -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of the next answer."""
        self.writer.write(sent)
        async with asyncio.timeout(5):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
            status, *lines = head.strip().split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
            return int(status.split()[1]), headers, await self.reader.readexactly(int(headers["content-length"]))


@pytest.fixture
async def house() -> AsyncIterator[House]:
    clock, randomness = SystemClock(), SystemRandomness()

    async def hello(scope: Scope, receive: Receive, send: Send) -> None:
        found.asked.append(scope["path"])
        await PlainTextResponse("hello")(scope, receive, send)

    early = early_answers(clock, randomness)
    envelope = Envelope(hello, clients=Clients(()), clock=clock, randomness=randomness, early=early)
    found = House(HttpServer(envelope, "127.0.0.1", 0, drain_s=5, early=early), early)
    async with asyncio.TaskGroup() as group:
        group.create_task(found.http.serve())
        while found.http.not_ready() is not None:
            await asyncio.sleep(0.001)
        yield found
        for connection in found.connections:
            connection.writer.close()
            await connection.writer.wait_closed()
        found.http.stop()


async def test_a_read_without_room_is_told_so_and_when_to_come_back(house: House) -> None:
    house.take(1.0)
    status, headers, body = await (await house.open()).answer(READ)

    assert (status, headers["retry-after"], headers["content-type"]) == (503, "1", "application/problem+json")
    assert (headers["x-content-type-options"], headers["cache-control"]) == ("nosniff", "no-store")
    assert json.loads(body) == {
        "type": "/problems/overloaded",
        "title": "Too much at once",
        "status": 503,
        "detail": "more comes in than can be answered now: nothing was done; send it again in a moment",
        "instance": "/v1/codes/1",
        "request_id": headers["x-request-id"],
        "retryAfter": 1,
    }
    assert house.asked == []


async def test_a_refused_read_leaves_its_connection_as_it_was(house: House) -> None:
    connection = await house.open()
    house.take(1.0)
    refused = [(await connection.answer(READ))[0] for _ in range(3)]
    house.take(0.0)

    assert (refused, (await connection.answer(READ))[2]) == ([503, 503, 503], b"hello")


async def test_reads_that_are_sent_ahead_are_answered_one_by_one(house: House) -> None:
    house.take(1.0)
    connection = await house.open()
    first = await connection.answer(READ * 5)

    assert [first[0], *[(await connection.answer())[0] for _ in range(4)]] == [503] * 5


async def test_a_request_smuggled_in_the_body_of_a_refused_write_is_not_read(house: House) -> None:
    house.take(1.0)
    connection = await house.open()
    refused, _, _ = await connection.answer(WRITE % len(READ) + READ)
    house.take(0.0)

    assert (refused, (await connection.answer(READ))[2], house.asked) == (503, b"hello", ["/v1/codes/1"])


async def test_a_request_smuggled_in_the_body_of_a_refused_read_is_not_read(house: House) -> None:
    house.take(1.0)
    connection = await house.open()
    refused, _, _ = await connection.answer(READ.replace(b"\r\n\r\n", b"\r\nContent-Length: %d\r\n\r\n" % len(READ)) + READ)
    house.take(0.0)

    assert (refused, (await connection.answer(READ))[2], house.asked) == (503, b"hello", ["/v1/codes/1"])


async def test_writes_go_before_reads(house: House) -> None:
    house.take(0.95)
    connection = await house.open()

    assert [(await connection.answer(sent))[0] for sent in (WRITE % 0, READ)] == [503, 200]


async def test_reads_whose_answer_is_kept_are_not_refused_before_they_are_looked_for(house: House) -> None:
    house.early.keep(Kept())
    house.take(1.0)
    connection = await house.open()

    assert [(await connection.answer(READ.replace(b"codes/1", code)))[0] for code in (b"codes/2", b"codes/1")] == [503, 200]


async def test_a_flood_of_refused_reads_takes_no_place(house: House) -> None:
    house.take(1.0)
    connection = await house.open()
    for _ in range(100):
        await connection.answer(READ)

    assert house.early.shedder.under_way == house.early.shedder.bound


async def test_places_are_free_again_when_requests_have_ended(house: House) -> None:
    connection = await house.open()
    for _ in range(20):
        await connection.answer(READ)

    assert house.early.shedder.under_way == 0


async def test_a_file_that_takes_an_hour_holds_no_place(house: House) -> None:
    seen: list[int] = []

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(house.early.shedder.under_way)
        await PlainTextResponse("file")(scope, receive, send)

    clock, randomness = SystemClock(), SystemRandomness()
    envelope = Envelope(slow, clients=Clients(()), clock=clock, randomness=randomness, early=house.early)
    scope = {"type": "http", "method": "GET", "path": "/v1/exports/1/file", "headers": [], "client": None, "query_string": b""}

    async def nothing(*_: object) -> dict[str, object]:
        return {"type": "http.request"}

    await envelope(scope, nothing, nothing)  # type: ignore[arg-type] # as little as ASGI can be

    assert seen == [0]


async def test_a_connection_that_is_polled_stays_open_however_long_ago_its_last_whole_answer_was(house: House) -> None:
    house.early.keep(Kept())
    house.http._server.config.timeout_keep_alive = 1  # as long as a connection may be idle
    connection = await house.open()
    await connection.answer(OTHER)
    until = time.monotonic() + 1.5
    while time.monotonic() < until:
        assert (await connection.answer(READ))[0] == 200

    assert (await connection.answer(OTHER))[2] == b"hello"


ONE, TWO, OTHER = READ, READ + READ, READ.replace(b"codes/1", b"codes/2")


@pytest.mark.parametrize(
    "cuts",
    [
        [ONE, ONE, ONE],
        [TWO, TWO, ONE, TWO],
        [ONE + OTHER, ONE, ONE + OTHER],
        [OTHER + ONE, OTHER + ONE],
        [ONE[:9], ONE[9:], ONE, ONE[:-2], ONE[-2:], ONE],
        [ONE + ONE[:9], ONE[9:], ONE + ONE[:9], ONE[9:] + ONE],
        [b"\r\n" + ONE, ONE, b"\r\n" + ONE, b"\r\n", ONE],
        [ONE, ONE, WRITE % 3 + b"abc", ONE, WRITE % len(ONE) + ONE, ONE],
    ],
)
async def test_however_reads_are_cut_each_is_answered_once_in_order(house: House, cuts: list[bytes]) -> None:
    house.early.keep(Kept())
    connection = await house.open()
    for cut in cuts:
        connection.writer.write(cut)
        await connection.writer.drain()
        await asyncio.sleep(0)
    connection.writer.write(OTHER)
    sent = b"".join(cuts).replace(WRITE % len(ONE) + ONE, WRITE % 3 + b"abc") + OTHER
    paths = re.findall(rb"(?:GET|POST) (/v1/codes[/12]*)", sent)
    bodies = [(await connection.answer())[2] for _ in paths]

    assert [body for path, body in zip(paths, bodies, strict=True) if path != b"/v1/codes/1" and body != b"hello"] == []
    assert len(house.asked) + bodies.count(b"") == len(paths)
    assert bodies[-1] == b"hello"
