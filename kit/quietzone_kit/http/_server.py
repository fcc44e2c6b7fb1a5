"""The server: it accepts, keeps the limits, and ends in order."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from quietzone_kit.http._connection import CONTENT_LENGTH, HOST, TRANSFER_ENCODING, Connection
from quietzone_kit.http._metrics import CONNECTIONS, LOOP_DELAY
from quietzone_kit.http._request import Request
from quietzone_kit.http._responses import http_date
from quietzone_kit.runtime import Clock

Handler = Callable[[Request], None]
"""Answers a request by `reply`, at once or later; must not block. What it raises ends the connection and is logged by the loop."""

MAX_NAMES = 1024
"""Spellings of header names that are remembered; clients have a few dozen, and hostile ones mustn't fill memory."""

TICK_S = 1.0
"""How often connections are looked at. The limits count these ticks: a test that makes them shorter shortens all limits."""

BACKLOG = 1024
"""Connections that the kernel keeps while the loop is busy; more than the usual bound of the kernel (4096) is cut by it."""


@dataclass(frozen=True, slots=True)
class HttpBodies:
    """Which requests may bring a body, and how large: `room` says it of method, target and kept headers, 0 means none; a status with a
    reason refuses the request before its body is read. Bodies are in memory until their request is answered, `in_all` bytes of them at
    most: who comes then gets 503.
    """

    room: Callable[[bytes, bytes, Mapping[bytes, bytes]], int | tuple[int, str]]
    in_all: int


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """What clients may use up.

    `connections`: some 4 KiB each, and the kernel's buffers; stays below the usual bound of open files. `head_timeout_s`: from a request's
    first byte to its last, for phones on bad networks; `body_timeout_s` if it brings a body. `answer_timeout_s`: for the handler, which has
    deadlines of its own, so that only a fault of it gets here. `idle_timeout_s`: between requests; above the 60 s of common load balancers,
    so that it is them who close. `write_timeout_s`: how long a client may read less than 4 KiB a second of what it was answered.
    `unread_bytes`: of answers that wait in memory for clients that read slowly; further ones above 64 KiB get 503. `lifetime_s`: an older
    connection ends with its next answer, so that clients that keep theirs come to the processes that there are now, after a release, a
    rollback, or a change of scale. Whoever uses up more is told so with `refusal_headers`.
    """

    connections: int = 8192
    head_timeout_s: int = 10
    body_timeout_s: int = 60
    answer_timeout_s: int = 60
    idle_timeout_s: int = 75
    write_timeout_s: int = 30
    lifetime_s: int = 60
    unread_bytes: int = 100_000_000
    refusal_headers: tuple[tuple[bytes, bytes], ...] = ()


class HttpServer:
    """Serves HTTP/1.1 on one address. `keep` names the headers that the handler reads; others are parsed and thrown away.
    With port 0 the kernel chooses one, and `port` says it after `start`.

    Without `bodies` none is taken. With `reuse_port` several processes may have the same address, and the kernel spreads connections
    over them.
    """

    def __init__(
        self,
        handler: Handler,
        clock: Clock,
        *,
        host: str,
        port: int,
        keep: Iterable[str] = (),
        limits: HttpLimits | None = None,
        reuse_port: bool = False,
        bodies: HttpBodies | None = None,
    ) -> None:
        self.handler = handler
        self.bodies = bodies
        self._body_bytes = 0
        self.unread_bytes = 0
        self.limits = limits or HttpLimits()
        self.draining = False
        self.tick = 0
        self.names: dict[bytes, bytes | None] = {}
        self._kept = {HOST, CONTENT_LENGTH, TRANSFER_ENCODING, *(name.lower().encode("ascii") for name in keep)}
        self._clock = clock
        self._host = host
        self.port = port
        self._reuse_port = reuse_port
        self._listener: asyncio.Server | None = None
        self._connections: set[Connection] = set()
        self._gone = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def connections(self) -> int:
        """How many there are."""
        return len(self._connections)

    async def start(self) -> None:
        """Accept from now on.

        Raises:
            OSError: the address is taken or isn't ours.
        """
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(
            lambda: Connection(self), self._host, self.port, backlog=BACKLOG, reuse_port=self._reuse_port or None
        )
        self.port = self._listener.sockets[0].getsockname()[1]
        self._timer = loop.call_later(TICK_S, self._sweep)

    async def stop(self, grace_s: float) -> None:
        """Accept nothing new; return when what is under way is answered, or was cut off after `grace_s`.

        Clients learn of it with their next answer; those that have been idle for a second are closed without one.
        """
        self.draining = True
        if self._listener is not None:
            self._listener.close()
        try:
            async with asyncio.timeout(grace_s):
                while self._connections:
                    self._gone.clear()
                    await self._gone.wait()
        except TimeoutError:
            for connection in list(self._connections):
                connection.abort()
        if self._timer is not None:
            self._timer.cancel()

    def date(self) -> bytes:
        """Now, for the header Date."""
        return http_date(self._clock.now_ms() // 1000)

    def admit(self, connection: Connection) -> bool:
        """Whether there is room for one more."""
        self._connections.add(connection)
        return len(self._connections) <= self.limits.connections

    def forget(self, connection: Connection) -> None:
        """A connection is gone."""
        self._connections.discard(connection)
        if not self._connections:
            self._gone.set()

    def has_room(self, size: int) -> bool:
        """Whether there is room for an answer of so many bytes, should its client read it slowly."""
        return self.unread_bytes + size <= self.limits.unread_bytes

    def take(self, size: int) -> bool:
        """Whether there is room for so many more bytes of bodies; then they count until they are given back."""
        if self.bodies is None or self._body_bytes + size > self.bodies.in_all:
            return False
        self._body_bytes += size
        return True

    def give_back(self, size: int) -> None:
        """So many bytes of bodies are in memory no more."""
        self._body_bytes -= size

    def learn(self, name: bytes) -> bytes | None:
        """What the header `name`, spelt this way for the first time, is kept as; None when nobody reads it."""
        key: bytes | None = name.lower()
        if key not in self._kept:
            key = None
        if len(self.names) < MAX_NAMES:
            self.names[name] = key
        return key

    def _sweep(self) -> None:
        """Each tick: one timer for all connections, since most timers would be set and never fire."""
        loop = asyncio.get_running_loop()
        if self._timer is not None:
            LOOP_DELAY.observe(max(0.0, loop.time() - self._timer.when()))
        self.tick += 1
        for connection in list(self._connections):
            connection.sweep()
        CONNECTIONS.labels(str(self.port)).set(len(self._connections))
        self._timer = loop.call_later(TICK_S, self._sweep)
