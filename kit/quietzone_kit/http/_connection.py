"""One connection: requests in, replies out in the same order.

The parser's callbacks only collect; a request is handed out when the parser has returned. One request is handed out at a time, and those
that a client sent ahead wait, so the connection itself stands for the request: only its headers are made anew.
"""

import asyncio
from collections import deque
from typing import TYPE_CHECKING, cast

import httptools

from quietzone_kit.http._metrics import REFUSED
from quietzone_kit.http._responses import closing, plain_response

if TYPE_CHECKING:
    from collections.abc import Callable

    from quietzone_kit.http._server import HttpServer

MAX_TARGET = 8 * 1024
"""Bytes of a request's target: what common servers take (nginx: 8 KiB for the request line)."""

MAX_HEAD = 24 * 1024
"""Bytes of a target and headers of 16 KiB in all. Browsers send 1 to 2 KiB. Checked every SLICE bytes."""

MAX_HEADERS = 100
"""Headers of a request; browsers send 10 to 25, proxies add a few."""

MAX_AHEAD = 64
"""Requests that a client may send before it has its answers; browsers send none ahead, load balancers a few."""

SLICE = 4 * 1024
"""Bytes that are parsed at once: above what ordinary requests have, so that they are parsed in one go."""

SLOWEST_BYTES_S = 4 * 1024
"""Who reads his answer more slowly than that, over `write_timeout_s`, doesn't read: phones of the second generation had as much."""

ANY_ROOM = 64 * 1024
"""Answers up to this are never refused: as much as sockets take at once, so that hardly anything waits in memory."""

LEAVING_S = 1
"""How long a connection is kept without a request while the server stops, in whole ticks: the first tick after a request may be a moment
later, and who asks again then would find it closed.
"""
LINGER_S = 2
"""How long what a refused client still sends is read and thrown away: closing at once would reset the answer on its way."""

TOO_MUCH_UNREAD = "Too much waits for clients that read slowly; try again in a moment."

CONTENT_LENGTH = b"content-length"
TRANSFER_ENCODING = b"transfer-encoding"
HOST = b"host"


class Connection(asyncio.Protocol):
    """A client's connection, and as a `Request` the one that is to be answered on it."""

    def __init__(self, server: "HttpServer") -> None:
        self.method = b""
        self.target = b""
        self.headers: dict[bytes, bytes] = {}
        self.body = b""
        self.peer = ""
        self.memo: object = None
        self._server = server
        self._handler = server.handler
        self._names = server.names
        self._transport: asyncio.Transport | None = None
        parser = httptools.HttpRequestParser(self)
        self._feed: Callable[[bytes | memoryview], None] = parser.feed_data
        self._parser: httptools.HttpRequestParser | None = parser
        self._may_persist: bool | None = None  # known with the first request: HTTP/1.0 gets one answer
        # The request that is being parsed
        self._partial = False
        self._partial_size = 0
        self._target = b""
        self._fields: dict[bytes, bytes] = {}
        self._header_count = 0
        self._head_done = False
        self._room = 0
        self._body = bytearray()
        self._taken = 0  # bytes of bodies that the server counts for this connection
        # The request in `method`, `target`, `headers`, and those behind it
        self._waiting = False
        self._keep_alive = True
        self._ahead: deque[tuple[bytes, bytes, dict[bytes, bytes], bytes, bool]] = deque()
        self._refusal: tuple[int, str] | None = None
        self._pumping = False
        # The transport
        self._born = server.tick
        self._old = False
        self._since = server.tick
        self._ended = False
        self._unwritable = False
        self._unread = 0  # bytes of answers that wait for the client, when that was looked at
        self._reading = True

    def reply(self, head: bytes, body: bytes = b"") -> None:
        """Answer the request."""
        transport = self._transport
        if transport is None or not self._waiting:
            return
        if body and self.method != b"HEAD":
            if len(body) > ANY_ROOM and not self._server.has_room(len(body)):
                REFUSED.labels("503").inc()
                head, body = plain_response(503, TOO_MUCH_UNREAD, self._server.limits.refusal_headers, date=self._server.date())
            head += body
        self._waiting = False
        if self.body:
            self._give_back(len(self.body))
            self.body = b""
        if self._keep_alive and not self._server.draining and (self._ahead or not self._old):
            transport.write(head)
            if (self._ahead or self._refusal is not None) and not self._pumping:
                self._pump()
        else:
            transport.write(closing(head))
            self._close(transport)

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, unless there are too many."""
        self._transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        if isinstance(peer, tuple):
            self.peer = peer[0]
        if not self._server.admit(self):
            self._refusal = (503, "Too many connections; try again in a moment.")
            self._refuse()
            self._transport.close()  # not even to linger: there is no room

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget everything: the parser and this object hold each other."""
        self._transport = None
        self._parser = None
        self._feed = _drop
        self._waiting = False
        self._ahead.clear()
        self.body, self._body = b"", bytearray()
        self._give_back(self._taken)
        self._note_unread(0)
        self._server.forget(self)
        del exc

    def eof_received(self) -> bool:
        """A client that has only ended its sending gets its answers."""
        self._mark_last()
        return self._waiting

    def data_received(self, data: bytes) -> None:
        """Parse, and hand out what came."""
        if self._ended or self._refusal is not None:
            return
        if not self._partial:
            self._partial = True
            self._since = self._server.tick
        waited = self._waiting
        try:
            if len(data) <= SLICE:
                self._feed(data)
                if self._partial:
                    self._check_partial(len(data))
            else:
                self._feed_slices(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail(error)
        if self._waiting and not waited:
            self._handler(self)
        if self._refusal is not None or self._ahead:
            self._pump()

    def pause_writing(self) -> None:
        """The client doesn't read: don't read from it either."""
        self._unwritable = True
        self._since = self._server.tick
        if self._transport is not None:
            self._note_unread(self._transport.get_write_buffer_size())
        self._throttle()

    def resume_writing(self) -> None:
        """The client reads again."""
        self._unwritable = False
        self._note_unread(0)
        self._pump()

    # What the server asks for once a second

    def sweep(self) -> None:
        """End the connection if nothing has happened on it for too long; let it end with its next answer when it is old."""
        self._old = self._server.tick - self._born >= self._server.limits.lifetime_s
        transport = self._transport
        if transport is None or self._server.tick - self._since <= self._patience(transport):
            return
        if (self._unwritable or self._ended) and self._is_read(transport):
            self._since = self._server.tick
        elif self._ended or self._unwritable or self._waiting:
            transport.abort()
        elif self._partial:
            self._refusal = (408, "The request didn't come in time.")
            self._refuse()
        else:
            self._close(transport)

    def _is_read(self, transport: asyncio.Transport) -> bool:
        """Whether the client has read its answer since the last look, if slowly."""
        before, left = self._unread, transport.get_write_buffer_size()
        self._note_unread(left)
        return before - left >= SLOWEST_BYTES_S * self._server.limits.write_timeout_s

    def _note_unread(self, size: int) -> None:
        """So much waits for the client now."""
        self._server.unread_bytes += size - self._unread
        self._unread = size

    def _patience(self, transport: asyncio.Transport) -> int:
        """Seconds that the connection may stay as it is."""
        limits = self._server.limits
        if self._unwritable or (self._ended and transport.get_write_buffer_size()):
            return limits.write_timeout_s
        if self._ended:
            return LINGER_S
        if self._waiting:
            return limits.answer_timeout_s
        if self._partial:
            return limits.body_timeout_s if self._room else limits.head_timeout_s
        return LEAVING_S if self._server.draining else limits.idle_timeout_s

    def abort(self) -> None:
        """End the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    def _close(self, transport: asyncio.Transport) -> None:
        """End the connection when all is sent."""
        self._ended = True
        self._since = self._server.tick
        transport.close()

    # Parsing

    def _feed_slices(self, data: bytes) -> None:
        view = memoryview(data)
        for start in range(0, len(data), SLICE):
            self._feed(view[start : start + SLICE])
            if self._partial:
                self._check_partial(SLICE)
            if self._refusal is not None:
                return

    def _fail(self, error: Exception) -> None:
        """What came is no request. It is refused after those before it are answered, unless one of them ends the connection."""
        if isinstance(error, httptools.HttpParserUpgrade):  # answered as if it hadn't asked; what follows may be of another protocol
            self._mark_last()
        self._refusal = self._refusal or (400, f"Malformed request: {error}.")

    def on_url(self, target: bytes) -> None:
        """A part of the target, mostly all of it."""
        self._target += target
        if len(self._target) > MAX_TARGET:
            self._refusal = (414, f"The target has more than {MAX_TARGET} bytes.")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep what is wanted."""
        self._header_count += 1
        try:
            key = self._names[name]
        except KeyError:
            key = self._server.learn(name)
        if key is not None:
            if key in self._fields:
                self._repeat(key, value)
            else:
                self._fields[key] = value

    def on_headers_complete(self) -> None:
        """See whether a body may follow, and how long it may be."""
        self._head_done = True
        bodies = self._server.bodies
        if bodies is not None and self._parser is not None and self._refusal is None:
            room = bodies.room(self._parser.get_method(), self._target, self._fields)
            if isinstance(room, tuple):
                self._refusal = room
                return
            self._room = room
            declared = self._fields.get(CONTENT_LENGTH, b"0")
            if declared.isdigit() and int(declared[:15]) > self._room:
                self._refusal = _too_large(self._room)

    def on_body(self, body: bytes) -> None:
        """Take a part of the body, if it may be."""
        if self._refusal is not None:
            return
        if len(self._body) + len(body) > self._room:
            self._refusal = _too_large(self._room)
        elif not self._server.take(len(body)):
            self._refusal = (503, "Too much is being sent at once; try again in a moment.")
        else:
            self._taken += len(body)
            self._body += body

    def on_message_complete(self) -> None:
        """The request is whole: hand it out, or let it wait."""
        assert self._parser is not None  # noqa: S101 - it is the one that calls
        self._partial = False
        self._partial_size = 0
        target, fields, body = self._target, self._fields, bytes(self._body)
        self._target, self._fields, self._body = b"", {}, bytearray()
        self._head_done, self._room = False, 0
        if self._may_persist is None:
            self._may_persist = self._parser.get_http_version() != "1.0"
        if self._header_count > MAX_HEADERS:
            self._refusal = (431, f"More than {MAX_HEADERS} headers.")
        elif HOST not in fields and self._may_persist:
            self._refusal = (400, "The header Host is missing.")
        self._header_count = 0
        if self._refusal is not None:
            return
        keep_alive = self._may_persist and self._parser.should_keep_alive()
        if not self._waiting:
            self._waiting = True
            self.method = self._parser.get_method()
            self.target = target
            self.headers = fields
            self.body = body
            self._keep_alive = keep_alive
        elif len(self._ahead) < MAX_AHEAD:
            self._ahead.append((self._parser.get_method(), target, fields, body, keep_alive))
        else:
            self._refusal = (429, f"More than {MAX_AHEAD} requests without waiting for an answer.")

    def _repeat(self, key: bytes, value: bytes) -> None:
        if key == HOST:
            self._refusal = (400, "The header Host came twice.")
        self._fields[key] += b", " + value

    def _check_partial(self, size: int) -> None:
        """Don't wait for the end of what will be refused anyway."""
        self._partial_size += size
        if self._partial_size > MAX_HEAD and not self._room:
            self._refusal = self._refusal or (431, f"Target and headers have more than {MAX_HEAD} bytes.")
        elif self._server.bodies is not None and not (self._head_done and not self._room):
            return  # a body may come, or is coming: `on_body` keeps it within bounds
        elif TRANSFER_ENCODING in self._fields or self._fields.get(CONTENT_LENGTH, b"0") != b"0":
            self._refusal = self._refusal or (413, "No body is taken here.")

    def _give_back(self, size: int) -> None:
        self._taken -= size
        self._server.give_back(size)

    def _mark_last(self) -> None:
        """The newest request ends the connection."""
        if self._ahead:
            method, target, fields, body, _ = self._ahead.pop()
            self._ahead.append((method, target, fields, body, False))
        else:
            self._keep_alive = False

    # Order of answers

    def _pump(self) -> None:
        """Hand out what waits, as long as it is answered at once and the client reads."""
        self._pumping = True
        while self._ahead and not self._waiting and not self._unwritable and not self._ended:
            self.method, self.target, self.headers, self.body, self._keep_alive = self._ahead.popleft()
            self._waiting = True
            self._since = self._server.tick
            self._handler(self)
        self._pumping = False
        self._throttle()
        if self._refusal is not None and not self._waiting and not self._ahead and not self._ended:
            self._refuse()

    def _refuse(self) -> None:
        """Say why, and end; what still comes is thrown away for LINGER_S."""
        if self._transport is None or self._refusal is None:
            return
        status, reason = self._refusal
        REFUSED.labels(str(status)).inc()
        head, body = plain_response(status, reason, self._server.limits.refusal_headers, date=self._server.date())
        self._ended = True
        self._since = self._server.tick
        self._transport.write(closing(head) + body)
        if self._transport.can_write_eof():
            self._transport.write_eof()

    def _throttle(self) -> None:
        """Read only from a client that reads and that has no requests waiting."""
        reading = not self._unwritable and not self._ahead
        if self._transport is None or self._ended or reading == self._reading:
            return
        self._reading = reading
        if reading:
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()


def _too_large(room: int) -> tuple[int, str]:
    return 413, f"A body of at most {room} bytes is taken here." if room else "No body is taken here."


def _drop(_data: object) -> None:
    """In place of the parser when the connection is gone."""
