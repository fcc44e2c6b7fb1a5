"""Live updates on a real port, over a bus in memory; who may come in is chosen by the test."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import websockets.asyncio.client
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send
from unit.gateway.live_world import NOON_MS, Services, memory_bus, until

from quietzone_gateway.graphql.schema import Schema
from quietzone_gateway.graphql.settings import Limits as GraphqlLimits
from quietzone_gateway.graphql.socket import make_sockets
from quietzone_gateway.live.authority import Comer, Concerns
from quietzone_gateway.live.domain import Watcher
from quietzone_gateway.live.frames import BoundedSocket
from quietzone_gateway.live.notices import Notices
from quietzone_gateway.live.service import Live
from quietzone_gateway.live.settings import LiveSettings
from quietzone_gateway.rest.server import HttpServer
from quietzone_gateway.rpc.notification import Tailed
from quietzone_kit.bus import Bus
from quietzone_kit.cache import Cache, open_cache
from quietzone_kit.errors import Unauthenticated
from quietzone_kit.http.clients import Clients
from quietzone_kit.rpc import Caller
from quietzone_kit.runtime import SystemClock, SystemRandomness
from quietzone_topics import TOPICS

SCOPES = frozenset({"codes:read", "analytics:read"})
SOCKETS = make_sockets(Schema(GraphqlLimits()))
PAGE = "https://app.example.com"


class Clock(SystemClock):
    """Real seconds, from noon on; tests move it."""

    def __init__(self) -> None:
        self.began = super().monotonic()
        self.moved_s = 0.0

    def now_ms(self) -> int:
        return NOON_MS + int((self.monotonic() - self.began) * 1000)

    def monotonic(self) -> float:
        return super().monotonic() + self.moved_s


@dataclass
class Known:
    """Tokens and cookies by who brings them; a token of an account's own users by both, `account/token`."""

    watchers: dict[str, Watcher] = field(default_factory=dict)
    listeners: list[Callable[[Concerns], None]] = field(default_factory=list)

    def listen(self, listener: Callable[[Concerns], None]) -> None:
        self.listeners.append(listener)

    def revoke(self, token: str = "secret") -> None:  # noqa: S107 - the example
        """From now on it is nobody's."""
        gone = self.watchers.pop(token)
        for listener in self.listeners:
            listener(lambda watcher: watcher == gone)

    async def identify(self, headers: Mapping[str, str], comer: Comer) -> Watcher:  # noqa: ARG002
        token = headers.get("authorization", "").removeprefix("Bearer ") or headers.get("cookie", "").removeprefix("session=")
        token = "/".join(filter(None, (headers.get("x-quietzone-account"), token)))
        if token not in self.watchers:
            raise Unauthenticated("nobody known")
        return self.watchers[token]

    async def enter(self, headers: Mapping[str, str], comer: Comer) -> Watcher:
        return await self.identify(headers, comer)


class Tailing:
    """The notification service's tails, which a test tells what happens; None ends them."""

    def __init__(self) -> None:
        self.asked: list[tuple[Caller, str, str | None]] = []
        self.told: asyncio.Queue[Tailed | None] = asyncio.Queue()
        self.refusal: Exception | None = None
        self.open = 0

    async def tail(self, caller: Caller, bus: str, pattern: str | None) -> AsyncGenerator[Tailed | None, None]:
        self.asked.append((caller, bus, pattern))
        if self.refusal is not None:
            raise self.refusal
        self.open += 1
        try:
            yield None
            while (told := await self.told.get()) is not None:
                yield told
        finally:
            self.open -= 1


async def api(scope: Scope, receive: Receive, send: Send) -> None:
    """All else."""
    await PlainTextResponse("the API")(scope, receive, send)


Message = dict[str, Any]


class Stream:
    """An EventSource, without coming back by itself."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.status = 0
        self.headers: dict[str, str] = {}
        self.last_id = ""

    async def head(self) -> None:
        """Read the answer's head."""
        lines = (await asyncio.wait_for(self._reader.readuntil(b"\r\n\r\n"), 5)).decode().split("\r\n")
        self.status = int(lines[0].split()[1])
        self.headers = dict(line.lower().split(": ", 1) for line in lines[1:] if line)

    async def block(self) -> str:
        """The next block, which most often is a chunk of its own; empty at the end."""
        async with asyncio.timeout(5):
            size = int(await self._reader.readuntil(b"\r\n"), 16)
            return (await self._reader.readexactly(size + 2))[:-2].decode()

    async def event(self) -> tuple[str, Message]:
        """The next event's name and data."""
        while True:
            block = await self.block()
            assert block, "the stream has ended"
            fields = dict(line.split(": ", 1) for line in block.strip().split("\n") if not line.startswith(":"))
            self.last_id = fields.get("id", self.last_id)
            if "event" in fields:
                return fields["event"], json.loads(fields["data"])

    async def problem(self) -> Message:
        """The body of a refusal."""
        body: Message = json.loads(await asyncio.wait_for(self._reader.readexactly(int(self.headers["content-length"])), 5))
        return body

    async def rest(self) -> bytes:
        """What comes until the server closes the connection."""
        return await asyncio.wait_for(self._reader.read(), 5)

    async def close(self) -> None:
        """Be gone."""
        self._writer.close()
        await self._writer.wait_closed()


class Socket:
    """A WebSocket's client."""

    def __init__(self, connection: websockets.asyncio.client.ClientConnection) -> None:
        self.raw = connection

    async def say(self, kind: str, **data: object) -> None:
        """Send a message."""
        await self.raw.send(json.dumps({"type": kind, "data": data}))

    async def hear(self) -> tuple[str, Message]:
        """The next message but pings."""
        while True:
            said = json.loads(await asyncio.wait_for(self.raw.recv(), 5))
            if said["type"] != "ping":
                return said["type"], said["data"]

    async def closed(self) -> int | None:
        """The code with which the server closes; what is said until then is dropped."""
        async with asyncio.timeout(5):
            while self.raw.close_code is None:
                try:
                    await self.raw.recv()
                except websockets.ConnectionClosed:
                    break
        return self.raw.close_code


class Served:
    """A replica of the gateway, its live addresses in use."""

    def __init__(self, bus: Bus, cache: Cache, settings: LiveSettings, clock: Clock) -> None:
        self.services = Services(bus)
        self.clock = clock
        self.cache = cache
        self.notices = Notices(cache)
        self.known = Known({"secret": Watcher("first", "key:1", SCOPES), "other": Watcher("other", "key:2", SCOPES)})
        self.tails = Tailing()
        clients = Clients(())
        self.live = Live(
            bus, cache, self.known, settings, clients=clients, clock=clock, randomness=SystemRandomness(), tails=self.tails.tail
        )
        door = self.live.door(api, [PAGE], SOCKETS)
        self.http = HttpServer(door, "127.0.0.1", 0, drain_s=5, websocket=BoundedSocket, live=lambda: len(self.live))

    @asynccontextmanager
    async def stream(
        self,
        query: str = "",
        token: str | None = "secret",  # noqa: S107
        method: str = "GET",
        *,
        path: str = "/v1/stream",
        **headers: str,
    ) -> AsyncIterator[Stream]:
        """Read `/v1/stream`, or another; its head was read."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.http.port)
        lines = [
            f"{method} {path}{query} HTTP/1.1",
            "Host: api",
            *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items()),
        ]
        if token is not None:
            lines.append(f"Authorization: Bearer {token}")
        writer.write("\r\n".join([*lines, "", ""]).encode())
        stream = Stream(reader, writer)
        await stream.head()
        yield stream
        await stream.close()

    @asynccontextmanager
    async def socket(self, token: str | None = "secret", path: str = "/v1/ws", **headers: str) -> AsyncIterator[Socket]:  # noqa: S107
        """Open `/v1/ws`; what it says first was heard when there is a token."""
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        if token is not None:
            more["Authorization"] = f"Bearer {token}"
        address = f"ws://127.0.0.1:{self.http.port}{path}"
        async with websockets.asyncio.client.connect(address, additional_headers=more, compression=None, ping_interval=None) as connection:
            socket = Socket(connection)
            if token is not None:
                assert (await socket.hear())[0] == "connected"
            yield socket

    async def until_gone(self) -> None:
        """Wait until nobody is connected."""
        await until(lambda: len(self.live) == 0)


@asynccontextmanager
async def serving(bus: Bus | None = None, cache: Cache | None = None, **settings: Any) -> AsyncIterator[Served]:
    """A replica at work; on a bus of its own unless one is given."""
    clock = Clock()
    own, kept = memory_bus()
    used = bus or own
    await used.ensure(TOPICS)
    cache = cache or open_cache("memory://", clock=clock, randomness=SystemRandomness())
    served = Served(used, cache, LiveSettings(**settings), clock)
    async with asyncio.TaskGroup() as group:
        server = group.create_task(served.http.serve())
        live = group.create_task(served.live.run())
        while served.http.not_ready() is not None:
            await asyncio.sleep(0.001)
        yield served
        served.live.stop()
        await live
        served.http.stop()
        await server
    await cache.close()
    await own.close()
    kept.close()
