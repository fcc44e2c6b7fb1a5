"""The client of webhooks, against answers as strangers give them."""

import asyncio
import contextlib
import ipaddress
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import pytest
import uvloop
from ports import Hands, Inline
from receiver import Receiver

from quietzone_kit.outside import SystemResolver
from quietzone_notification.delivery.client import Answer, Client, Connector, NoAnswer, Target, _wire, proxy_of
from quietzone_notification.delivery.client._connect import LOOK_UP_HOLDS_S
from quietzone_notification.delivery.client._wire import MAX_EXCERPT_BYTES, MAX_READ_BYTES
from quietzone_notification.delivery.reach import Place, Reach, place_of

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)


class Names:
    """A resolver; `answers` are its next ones, the last for ever."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def resolve(self, host: str, port: int) -> Sequence[str]:  # noqa: ARG002
        self.asked += 1
        return [self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]]


class Site:
    """A receiver, and a client that may reach it."""

    def __init__(self, receiver: Receiver, names: Names | None = None, **more: float) -> None:
        self.receiver = receiver
        self.clock = Hands()
        self.reach = Reach(frozenset({receiver.port}), LOOPBACK)
        self.client = Client(Connector(names or SystemResolver(Inline()), self.reach, self.clock), self.clock, **more)

    async def post(self, path: str = "/", host: str = "127.0.0.1") -> Answer:
        place = place_of(f"http://{host}:{self.receiver.port}{path}", self.reach)
        return await self.client.post(Target.of(place, ()), (("X-A", "1"),), b"{}")


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with Receiver.serving() as receiver:
        site = Site(receiver, total_s=5.0)
        yield site
        site.client.close()


@asynccontextmanager
async def server(answer: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]) -> AsyncIterator[int]:
    """A server that answers so."""
    over: list[asyncio.Event] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        over.append(asyncio.Event())
        try:
            await answer(reader, writer)
        finally:
            writer.close()
            over[-1].set()

    serving = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield serving.sockets[0].getsockname()[1]
    serving.close()
    for each in over:
        await each.wait()
    await asyncio.sleep(0.01)  # sockets close in the next turns of the loop


async def test_an_answer_has_status_beginning_and_retry_after(site: Site) -> None:
    site.receiver.answers["/"] = [b"HTTP/1.1 503 Slow\r\nretry-AFTER: 7\r\nContent-Length: 4\r\n\r\nbusy"]

    assert await site.post() == Answer(503, b"busy", "7")


async def test_the_next_request_goes_over_the_same_connection(site: Site) -> None:
    for _ in range(5):
        await site.post()

    assert (site.receiver.connections, len(site.receiver.got)) == (1, 5)


async def test_a_kept_connection_ends_with_the_look_up_that_it_was_made_by() -> None:
    async with Receiver.serving() as receiver:
        names = Names("127.0.0.1")
        site = Site(receiver, names)
        await site.post(host="hook.example")
        site.clock.seconds += LOOK_UP_HOLDS_S
        await site.post(host="hook.example")
        site.client.close()

    assert (receiver.connections, names.asked) == (2, 2)


async def test_a_name_that_is_bound_anew_to_the_house_is_not_followed_there() -> None:
    async with Receiver.serving() as receiver:
        site = Site(receiver, Names("127.0.0.1", "10.0.0.1"))
        await site.post(host="hook.example")
        site.clock.seconds += LOOK_UP_HOLDS_S

        with pytest.raises(NoAnswer, match=r"isn't asked: 10\.0\.0\.1"):
            await site.post(host="hook.example")
        site.client.close()


@pytest.mark.parametrize(
    "end",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno",
    ],
    ids=["close", "HTTP/1.0", "an answer nobody asked for"],
)
async def test_such_a_connection_is_not_used_again(site: Site, end: bytes) -> None:
    site.receiver.answers["/"] = [end]
    await site.post()
    await asyncio.sleep(0.01)
    await site.post()

    assert site.receiver.connections == 2


async def test_what_comes_before_the_answer_is_passed_over(site: Site) -> None:
    site.receiver.answers["/"] = [
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: a\r\n\r\nHTTP/1.1 201 Yes\r\nContent-Length: 0\r\n\r\n"
    ]

    assert (await site.post()).status == 201


async def test_chunks_and_trailers_are_understood(site: Site) -> None:
    site.receiver.answers["/"] = [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nX-T: 1\r\n\r\n"]

    assert (await site.post()).excerpt == b"abcde"


async def test_of_a_long_answer_the_beginning_is_kept(site: Site) -> None:
    site.receiver.answers["/"] = [b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n" + b"a" * 60_000]

    assert (await site.post()).excerpt == b"a" * MAX_EXCERPT_BYTES


async def test_an_answer_that_never_ends_is_read_to_a_bound() -> None:
    sent = 0

    async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        try:
            while True:
                writer.write(b"a" * 10_000)
                sent += 10_000
                await writer.drain()
        except ConnectionError:
            writer.close()

    async with server(pour) as port:
        clock, reach = Hands(), Reach(frozenset({port}), LOOPBACK)
        client = Client(Connector(SystemResolver(Inline()), reach, clock), clock, total_s=5.0)
        answer = await client.post(Target.of(Place("http", "127.0.0.1", port, "/"), ()), (), b"")
        await asyncio.sleep(0.05)

    assert answer.status == 200
    assert sent < 200 * MAX_READ_BYTES  # what sockets hold, not what would come in 5 s


@pytest.mark.parametrize("drops", [b"", b"a"], ids=["nothing more", "a drop now and then"])
async def test_a_status_whose_body_never_ends_is_an_answer(drops: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has taken a delivery and streams something back isn't sent it ten times."""

    monkeypatch.setattr(_wire, "BODY_S", 0.05)

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nbeginning")
        with contextlib.suppress(ConnectionError):
            while not reader.at_eof():
                writer.write(drops)
                await writer.drain()
                await asyncio.sleep(0.01)

    async with server(drip) as port:
        clock, reach = Hands(), Reach(frozenset({port}), LOOPBACK)
        client = Client(Connector(SystemResolver(Inline()), reach, clock), clock, total_s=5.0)
        answer = await client.post(Target.of(Place("http", "127.0.0.1", port, "/"), ()), (), b"")

    assert (answer.status, answer.excerpt[:9]) == (200, b"beginning")


async def test_a_head_that_drips_is_given_up_in_time() -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n")
        with contextlib.suppress(ConnectionError):
            while not reader.at_eof():
                writer.write(b"X-A: 1\r\n")
                await writer.drain()
                await asyncio.sleep(0.01)

    async with server(drip) as port:
        clock, reach = Hands(), Reach(frozenset({port}), LOOPBACK)
        client = Client(Connector(SystemResolver(Inline()), reach, clock), clock, total_s=0.1)
        with pytest.raises(NoAnswer, match="no answer within"):
            await client.post(Target.of(Place("http", "127.0.0.1", port, "/"), ()), (), b"")


@pytest.mark.parametrize(
    "nonsense",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\n" + b"X-A: " + b"a" * MAX_READ_BYTES,
        b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
        b"\x15\x03\x01\x00\x02\x02\x46",
    ],
    ids=["SSH", "no status", "a negative length", "two lengths", "an endless head", "another protocol", "TLS"],
)
async def test_what_is_no_answer_of_http_is_a_failure(site: Site, nonsense: bytes) -> None:
    site.receiver.answers["/"] = [nonsense]

    with pytest.raises(NoAnswer):
        await site.post()


async def test_a_receiver_that_says_nothing_is_given_up_in_time() -> None:
    async with Receiver.serving() as receiver:
        receiver.answers["/"] = [None]
        with pytest.raises(NoAnswer, match=r"no answer within 0.05 s"):
            await Site(receiver, total_s=0.05).post()


async def test_a_receiver_that_closes_without_a_word_has_not_answered() -> None:
    async def close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    async with server(close) as port:
        clock, reach = Hands(), Reach(frozenset({port}), LOOPBACK)
        client = Client(Connector(SystemResolver(Inline()), reach, clock), clock)
        with pytest.raises(NoAnswer, match="without an answer"):
            await client.post(Target.of(Place("http", "127.0.0.1", port, "/"), ()), (), b"")


async def test_nobody_there_is_said_so(site: Site) -> None:
    place = Place("http", "127.0.0.1", 1, "/")
    client = Client(Connector(SystemResolver(Inline()), Reach(frozenset({1}), LOOPBACK), site.clock), site.clock)

    with pytest.raises(NoAnswer, match="no connection"):
        await client.post(Target.of(place, ()), (), b"")


async def test_a_receiver_without_a_certificate_that_we_trust_gets_nothing(site: Site) -> None:
    place = Place("https", "127.0.0.1", site.receiver.port, "/")

    with pytest.raises(NoAnswer, match="no connection"):
        await site.client.post(Target.of(place, ()), (), b"")

    assert site.receiver.got == []


@pytest.mark.parametrize("value", ["1\r\nHost: inside", "1\n", "\r", "\0", "é"])
async def test_a_header_that_would_end_its_line_is_never_sent(site: Site, value: str) -> None:
    place = place_of(f"http://127.0.0.1:{site.receiver.port}/", site.reach)
    with pytest.raises(NoAnswer, match="ended its line"):
        await site.client.post(Target.of(place, ()), (("X-A", value),), b"")
    with pytest.raises(NoAnswer, match="ended its line"):
        Target.of(place, (("X-A", value),))

    assert site.receiver.connections == 0


async def test_through_a_proxy_the_checked_address_is_named_and_not_the_host() -> None:
    asked: list[bytes] = []

    async def tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    async with server(tunnel) as port:
        clock = Hands()
        connector = Connector(Names("93.184.215.14"), Reach(), clock, proxy=proxy_of(f"http://127.0.0.1:{port}"))
        client = Client(connector, clock, total_s=5.0)
        answer = await client.post(Target.of(Place("http", "hook.example", 80, "/a"), ()), (), b"")
        client.close()

    assert answer.status == 200
    assert asked[0].startswith(b"CONNECT 93.184.215.14:80 HTTP/1.1\r\n")
    assert asked[1].startswith(b"POST /a HTTP/1.1\r\nHost: hook.example\r\n")


async def test_a_proxy_opens_no_way_into_the_house() -> None:
    clock = Hands()
    connector = Connector(Names("10.0.0.1"), Reach(), clock, proxy=proxy_of("http://127.0.0.1:1"))

    with pytest.raises(NoAnswer, match="isn't asked"):
        await Client(connector, clock).post(Target.of(Place("http", "hook.example", 80, "/"), ()), (), b"")


async def test_a_proxy_that_refuses_is_named() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n")

    async with server(refuse) as port:
        clock = Hands()
        connector = Connector(Names("93.184.215.14"), Reach(), clock, proxy=proxy_of(f"http://127.0.0.1:{port}"))
        with pytest.raises(NoAnswer, match=r"proxy for webhooks answers 'HTTP/1\.1 403 No'"):
            await Client(connector, clock).post(Target.of(Place("http", "hook.example", 80, "/"), ()), (), b"")


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_hangs_up_when_it_has_connected_is_no_answer(new_loop: Callable[[], asyncio.AbstractEventLoop], scheme: str) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
        writer.close()

    async def post() -> None:
        async with server(hang_up) as port:
            clock = Hands()
            connector = Connector(Names("93.184.215.14"), Reach(), clock, proxy=proxy_of(f"http://127.0.0.1:{port}"))
            for _ in range(20):  # whether the end comes before or after we speak is chance
                with pytest.raises(NoAnswer):
                    await Client(connector, clock, total_s=5.0).post(
                        Target.of(Place(scheme, "hook.example", {"http": 80, "https": 443}[scheme], "/"), ()), (), b""
                    )

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(post())


@pytest.mark.parametrize("url", ["proxy:3128", "https://proxy:3128", "http://proxy", "http://a@proxy:1", "http://proxy:1/x"])
def test_a_proxy_is_written_in_one_way(url: str) -> None:
    with pytest.raises(ValueError, match="egress"):
        proxy_of(url)
