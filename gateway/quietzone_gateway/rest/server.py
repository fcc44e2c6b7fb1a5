"""The HTTP server: uvicorn without its signals, and with bounds on what comes before a body."""

import asyncio
import contextlib
import errno
import math
import socket
import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import httptools
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from quietzone_gateway.rest.early import EarlyAnswers, PlainRead, Way
from quietzone_gateway.rest.problems import HEAD_TOO_LARGE, MALFORMED_HTTP, MEDIA_TYPE, Problem

MAX_HEAD_BYTES = 16 * 1024
"""Request line and headers: what nginx takes with its defaults in all, and far above what browsers send."""

HEAD_S = 10.0
"""For a request's head to arrive, from its connection or from the request before it; also what an idle connection lives, and what the rest
of a body has when its request is answered already."""

LIFETIME_S = 60.0
"""An older connection ends with its next answer, so that clients that keep theirs come to the processes that there are now."""

MAX_CONNECTIONS = 2_000
"""Open at once beside live ones, 30 KB each; more are closed at once, before they can take memory from the others."""

MAX_MESSAGE_BYTES = 16 * 1024
"""Of a WebSocket: the largest subscription, with 100 codes and a cursor, has 5 KB."""

PING_S = 20.0
"""Between two pings of a WebSocket, and how long the answer may take: who vanished without a word is noticed within this twice."""

ABORT = "quietzone.abort"
"""In a scope's `state`: what ends the connection at once, with all that waits in its buffer."""


class HttpServer:
    """Serves an application on one port, as a task of the process (`serve`) that is asked to end by `stop`."""

    def __init__(
        self,
        app: ASGIApp,
        host: str,
        port: int,
        *,
        drain_s: float,
        websocket: type[asyncio.Protocol] | None = None,
        live: Callable[[], int] = lambda: 0,
        early: EarlyAnswers | None = None,
    ) -> None:
        """Take the port now, so that a taken one is known before anything starts.

        `websocket` is the protocol of connections that become one; `live` is how many connections have bounds of their own. `early`
        answers plain reads that need no waiting before they become requests.

        Raises:
            OSError: it can't be had; says which.
        """
        self._socket = _listen(host, port)
        config = uvicorn.Config(
            app,
            http=partial(_BoundedProtocol, live, early),  # type: ignore[arg-type] # whatever makes one
            ws=websocket or "none",
            ws_max_size=MAX_MESSAGE_BYTES,
            ws_ping_interval=PING_S,
            ws_ping_timeout=PING_S,
            ws_per_message_deflate=False,  # 34 KB a connection, for messages of some hundred bytes
            lifespan="off",
            log_config=None,
            log_level="error",  # anybody can send malformed requests, and would fill the log
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=int(HEAD_S),
            timeout_graceful_shutdown=int(drain_s),
        )
        self._server = _QuietServer(config)

    @property
    def port(self) -> int:
        """The port that was taken."""
        return int(self._socket.getsockname()[1])

    async def serve(self) -> None:
        """Answer requests until `stop` was called and those under way have ended."""
        await self._server.serve(sockets=[self._socket])

    def stop(self) -> None:
        """Accept nothing new, and let `serve` end."""
        self._server.should_exit = True

    def close(self) -> None:
        """Give the port back, when `serve` was never called."""
        self._socket.close()

    def not_ready(self) -> str | None:
        """None when it accepts connections."""
        return None if self._server.started else "not listening yet"


_MEANS_MORE = frozenset({b"content-length", b"transfer-encoding", b"upgrade", b"origin", b"expect"})
"""Headers of reads that have a body, become something else, or come from a page, which may read only what says so."""


class _QuietServer(uvicorn.Server):
    """Leaves signals to the process's life cycle."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _BoundedProtocol(HttpToolsProtocol):
    """Refuses heads that are too large or too slow, malformed requests with a problem, and connections beyond the bound."""

    _head_bytes = 0
    _unparsed_bytes = 0
    _head_timer: asyncio.TimerHandle | None = None
    _rest_timer: asyncio.TimerHandle | None = None
    _refusal = MALFORMED_HTTP
    _old_at = math.inf

    _part = b""
    """What is parsed now."""
    _again = b""
    """A request that asked for another protocol, without having asked, and what came with it."""

    _is_answered = False
    _is_between = True
    """Nothing of the next request has come."""
    _begun = 0
    """Requests in the bytes that came last."""

    def __init__(self, live: Callable[[], int], early: EarlyAnswers | None, **given: Any) -> None:
        super().__init__(**given)
        self._live = live
        self._early = early
        self._reads: list[PlainRead] = []  # of those requests, what was given a kept answer

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        super().connection_made(transport)
        if len(self.connections) - self._live() > MAX_CONNECTIONS:
            transport.abort()
            return
        self._way = Way(self.client[0] if self.client else "", self.server_state.default_headers)
        self._old_at = self.loop.time() + LIFETIME_S
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_arrived()
        self._rest_arrived()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._early is None or not self._is_between or not self._can_answer():
            self._parse(data)
            return
        answer = self._early.again(data, self._way)
        if answer is not None:
            self._give(answer)
            return
        self._begun, self._reads = 0, []
        self._parse(data)
        if self._begun == len(self._reads) == 1 and self._is_between:
            self._early.remember(data, self._reads[0])

    def _parse(self, data: bytes) -> None:
        # httptools keeps a header to itself until its end has come, so what has come without an end is counted here.
        for at in range(0, len(data), MAX_HEAD_BYTES):
            self._part = data[at : at + MAX_HEAD_BYTES]
            self._unparsed_bytes += len(self._part)
            super().data_received(self._part)
            while self._again and not self.transport.is_closing():
                self._part, self._again = self._again, b""
                super().data_received(self._part)
            if self.transport.is_closing() or self.transport.get_protocol() is not self:
                return  # what comes behind the head of a WebSocket comes too early, and isn't HTTP
            if self._head_timer is not None and self._unparsed_bytes > 2 * MAX_HEAD_BYTES:
                self._refusal = HEAD_TOO_LARGE
                self.send_400_response("")
                return

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._is_between = False
        self._begun += 1
        self.scope["state"][ABORT] = self.transport.abort
        self._head_bytes = self._unparsed_bytes = 0
        if self._head_timer is None:
            self._await_head()

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value) + 4)  # ": " and the line's end
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._unparsed_bytes = 0
        self._head_arrived()
        if self._asks_in_vain():
            return
        self._check_host()
        if self._early is not None and self._is_plain_read():
            found = self._early.of_read(self.url, self.headers, self._way)
            if found is not None:
                answer, read = found
                self._is_answered = True
                self._reads += [read] if read is not None else []
                self._give(answer)
                return
        super().on_headers_complete()
        if self.cycle is not None and self.loop.time() >= self._old_at:
            self.cycle.keep_alive = False  # as `shutdown` ends connections

    def on_message_complete(self) -> None:
        if self._asks_in_vain():
            return
        self._is_between = True
        self._rest_arrived()
        if self._is_answered:
            self._is_answered = False
        else:
            super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if not self._is_between and self._rest_timer is None:  # nobody waits for the rest of the body any more
            self._rest_timer = self.loop.call_later(HEAD_S, self.transport.close)

    def _check_host(self) -> None:
        """See that all who read the request take it for the same host's (RFC 9112, 3.2); HTTP/1.0 needs to name none."""
        hosts = sum(name == b"host" for name, _ in self.headers)
        if hosts > 1 or (not hosts and self.parser.get_http_version() == "1.1"):
            raise ValueError("not one Host")  # as in `_count`

    def _asks_in_vain(self) -> bool:
        """Whether it asks for a protocol that we don't speak."""
        return bool(self.parser.should_upgrade()) and not self._should_upgrade()

    def _unsupported_upgrade_warning(self) -> None:
        """Have the request read again as if it hadn't asked (RFC 9110, 7.8).

        httptools stops at the end of its head: its body would be lost, or taken for the next request.
        """
        error = sys.exception()
        if self.parser.get_method() == b"CONNECT" or not isinstance(error, httptools.HttpParserUpgrade):
            self.send_400_response("")
            return
        version = self.parser.get_http_version().encode()
        head = [self.parser.get_method(), b" ", self.url, b" HTTP/", version, b"\r\n"]
        head += [part for name, value in self.headers if name != b"upgrade" for part in (name, b": ", value, b"\r\n")]
        self._again = b"".join([*head, b"\r\n", self._part[error.args[0] :]])
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does

    def _is_plain_read(self) -> bool:
        """Whether it is a GET that can be answered by itself: nothing before it is under way, nothing follows, its reader keeps up."""
        return (
            self.parser.get_method() == b"GET"
            and self.parser.get_http_version() == "1.1"
            and self.parser.should_keep_alive()
            and _MEANS_MORE.isdisjoint(name for name, _ in self.headers)
            and self._can_answer()
        )

    def _can_answer(self) -> bool:
        return (self.cycle is None or self.cycle.response_complete) and not self.flow.write_paused and self.loop.time() < self._old_at

    def _give(self, answer: bytes) -> None:
        self.transport.write(answer)
        self._unset_keepalive_if_required()  # uvicorn's own, set by the last answer that it gave
        self._head_arrived()
        self._await_head()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn says the same whatever was wrong
        kind = self._refusal
        problem = Problem(kind, kind.advice, {}).body(instance="", request_id="")
        headers = (f"Content-Type: {MEDIA_TYPE}", f"Content-Length: {len(problem)}", "Connection: close")
        self.transport.write("\r\n".join((f"HTTP/1.1 {kind.status} {kind.title}", *headers, "", "")).encode() + problem)
        self.transport.close()

    def _count(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > MAX_HEAD_BYTES:
            self._refusal = HEAD_TOO_LARGE
            raise ValueError("head too large")  # httptools stops parsing, and `send_400_response` is called

    def _await_head(self) -> None:
        self._head_timer = self.loop.call_later(HEAD_S, self.transport.close)

    def _head_arrived(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _rest_arrived(self) -> None:
        if self._rest_timer is not None:
            self._rest_timer.cancel()
            self._rest_timer = None


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen()  # bound alone, two could have it
    except OSError as error:
        listening.close()
        taken = error.errno == errno.EADDRINUSE
        advice = "choose another QUIETZONE_GATEWAY_PORT, or stop what has it"
        other = "QUIETZONE_GATEWAY_HOST is to be an address of this machine, and the port one that this user may take"
        raise OSError(f"can't listen on {host}:{port} ({error.strerror}): {advice if taken else other}") from error
    return listening
