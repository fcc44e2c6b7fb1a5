"""A client's side of kit.http without sockets."""

import asyncio
from collections.abc import Callable

from quietzone_kit.http import HttpBodies, HttpLimits, HttpServer, Request, response_head
from quietzone_kit.http._connection import Connection

GET = b"GET /abc HTTP/1.1\r\nHost: q.example\r\n\r\n"


class StillClock:
    """A clock that stands at Fri, 13 Feb 2009 23:31:30 GMT."""

    def now_ms(self) -> int:
        return 1_234_567_890_000

    def monotonic(self) -> float:
        return 0.0


class Wire(asyncio.Transport):
    """The client's side of a connection: what it got, and what became of the connection."""

    def __init__(self) -> None:
        super().__init__()
        self.got = b""
        self.closed = False
        self.aborted = False
        self.ended = False
        self.reading = True
        self.unsent = 0

    def get_extra_info(self, name: str, default: object = None) -> object:
        return ("192.0.2.7", 40_000) if name == "peername" else default

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.closed
        assert not self.ended
        self.got += data

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.ended = True

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.aborted = True

    def pause_reading(self) -> None:
        assert self.reading
        self.reading = False

    def resume_reading(self) -> None:
        assert not self.reading
        self.reading = True

    def get_write_buffer_size(self) -> int:
        return self.unsent

    @property
    def statuses(self) -> list[int]:
        """Statuses of the answers, in order."""
        return [int(part[:3]) for part in self.got.split(b"HTTP/1.1 ")[1:]]

    @property
    def over(self) -> bool:
        """Whether the client sees the end of the connection."""
        return self.closed or self.aborted or self.ended


Handle = Callable[[Request], None]


def echo(request: Request) -> None:
    """Answers with the request's target."""
    request.reply(response_head(200, [], date=b"now", size=len(request.target)), request.target)


class Scene:
    """A server without sockets, and connections to it."""

    def __init__(
        self, handler: Handle = echo, *, keep: tuple[str, ...] = (), limits: HttpLimits | None = None, bodies: HttpBodies | None = None
    ) -> None:
        self.server = HttpServer(handler, StillClock(), host="", port=0, keep=keep, limits=limits, bodies=bodies)

    def connect(self) -> tuple[Connection, Wire]:
        connection, wire = Connection(self.server), Wire()
        connection.connection_made(wire)
        return connection, wire

    def ask(self, data: bytes) -> "Wire":
        """A new connection on which `data` was sent."""
        connection, wire = self.connect()
        connection.data_received(data)
        return wire

    def wait(self, seconds: int) -> None:
        """What the server does when time passes, without its timer."""
        for _ in range(seconds):
            self.server.tick += 1
            for connection in list(self.server._connections):
                connection.sweep()


class Later:
    """Answers when it is told to."""

    def __init__(self) -> None:
        self.seen: list[bytes] = []
        self.open: list[Request] = []

    def __call__(self, request: Request) -> None:
        self.seen.append(request.target)
        self.open.append(request)

    def answer(self) -> None:
        echo(self.open.pop(0))


def sent(data: bytes, scene: Scene | None = None) -> Wire:
    """What becomes of a connection on which `data` is sent at once."""
    return (scene or Scene()).ask(data)
