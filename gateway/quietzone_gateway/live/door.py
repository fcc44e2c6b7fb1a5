"""The live addresses, in front of the API: who comes in, and how those are refused who don't.

They stand before the API and not within it, because a connection that stays open for an hour must not carry what a request needs: within
FastAPI's layers each costs 36 KB instead of 12, and requests' bounds (5 s, 500 at once) are none for it.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from fastapi.exceptions import RequestValidationError
from starlette.datastructures import Headers, QueryParams
from starlette.types import ASGIApp, Receive, Scope, Send

from quietzone_gateway.live import stream, websocket
from quietzone_gateway.live.authority import ACCOUNT_HEADER, SHOWN, Authority, Comer
from quietzone_gateway.live.connection import LiveConnection
from quietzone_gateway.live.domain import Filter, Watcher
from quietzone_gateway.live.endings import NOBODY, REFUSED
from quietzone_gateway.live.hub import Hub
from quietzone_gateway.live.metrics import REFUSED as REFUSALS
from quietzone_gateway.live.protocol import ConnectMessage, filter_of, wanted_in
from quietzone_gateway.live.registry import Registry
from quietzone_gateway.live.subscription import Subscription
from quietzone_gateway.live.tail import TailConnection, Tails, asked_in
from quietzone_gateway.rest.cross_origin import cross_origin
from quietzone_gateway.rest.envelope import HEADERS, client_behind
from quietzone_gateway.rest.problems import METHOD_NOT_ALLOWED, Refused, problem_of
from quietzone_gateway.rest.tail import TAIL
from quietzone_gateway.rpc.notification import Tailed
from quietzone_kit.errors import (
    DeadlineExceeded,
    FieldViolation,
    InvalidInput,
    NotFound,
    PermissionDenied,
    QuietzoneError,
    Unauthenticated,
    Unavailable,
)
from quietzone_kit.http.clients import Clients
from quietzone_kit.ids import uuid7
from quietzone_kit.rpc import SERVICE_SCOPES, Caller
from quietzone_kit.runtime import Clock, Randomness
from quietzone_kit.telemetry import logger

STREAM, SOCKET = "/v1/stream", "/v1/ws"

OPEN_S = 10.0
"""For who it is to be found out, and what was missed."""

CONNECT_S = 10.0
"""For the first message of who couldn't say it in a header."""

_REQUEST_ID = re.compile(r"[0-9A-Za-z._-]{1,128}")

log = logger(__name__)

Refusal = (QuietzoneError, RequestValidationError, Refused)


Shown: TypeAlias = Mapping[str, str]
"""The headers that say who is there; kept with a connection, to ask anew."""


@dataclass(frozen=True, slots=True)
class Doorway:
    """What the door leads to."""

    hub: Hub
    registry: Registry
    authority: Authority
    clients: Clients
    clock: Clock
    randomness: Randomness
    origins: frozenset[str]
    subscriptions: int
    tails: Tails


class Door:
    """An ASGI application: the live addresses, and `api` for all else."""

    def __init__(self, api: ASGIApp, way: Doorway, pages: Sequence[str], sockets: "Sockets") -> None:
        self._api = api
        self._way = way
        self._sockets = sockets
        self._live = cross_origin(self._visit, pages)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        # OPTIONS is a browser's question about other origins, which the API answers for all addresses.
        if scope["type"] != "websocket" and (scope["path"] not in {STREAM, TAIL} or scope["method"] == "OPTIONS"):
            await self._api(scope, receive, send)
        else:
            await self._live(scope, receive, send)

    async def _visit(self, scope: Scope, receive: Receive, send: Send) -> None:
        make = self._sockets.get(scope["path"], Visit) if scope["type"] == "websocket" else Visit
        visit = make(self._way, scope, receive, send)
        try:
            await visit.run()
        except Refusal as error:
            await visit.refuse(error)


class Visit:
    """One who comes to a live address; `/v1/ws`, if with a WebSocket. Others, which speak another protocol, say what they do otherwise."""

    __slots__ = ("_comer", "_receive", "_request_id", "_scope", "_send", "_started", "_way")

    def __init__(self, way: Doorway, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        self._way = way
        self._scope = scope
        self._receive = receive
        self._send = send
        self._request_id = given if _REQUEST_ID.fullmatch(given) else uuid7(way.clock, way.randomness)
        self._comer = Comer(client_behind(way.clients, scope, headers), scope["path"], self._request_id)

    async def run(self) -> None:
        """Be there until one side ends it; raises what the visitor is refused for."""
        if self._scope["type"] == "websocket":
            await self._socket()
        elif self._scope["path"] == TAIL:
            await self._tail()
        else:
            await self._stream()

    async def refuse(self, error: Exception) -> None:
        """Answer with the problem."""
        problem = problem_of(error)
        if problem is None:
            raise error
        REFUSALS.labels(problem.kind.name).inc()
        log.info("live connection refused", problem=problem.kind.name, request_id=self._request_id)
        response = problem.response(instance=self._scope["path"], request_id=self._request_id)
        response.headers.update(self._headers({"Cache-Control": "no-store"}))
        await response(self._scope, self._receive, self._send)

    # Streams

    async def _stream(self) -> None:
        shown, watcher, wanted, cursor = await self._stream_asked()
        wire = stream.StreamWire(self._scope, self._send)
        connection = self._connection(shown, watcher, wire)
        with self._way.registry.entered(connection):
            subscription = await self._subscribed(connection, wanted, cursor)
            try:
                await wire.start(self._headers(stream.HEADERS))
                if self._scope["method"] != "HEAD":
                    position = self._way.hub.position(subscription)
                    await self._told(stream.serve(connection, self._receive, subscription, position), connection)
                else:
                    await self._send({"type": "http.response.body", "body": b""})
            finally:
                subscription.close()

    async def _stream_asked(self) -> tuple[Shown, Watcher, Filter, str | None]:
        headers = self._check_read()
        wanted = wanted_in(self._query())
        shown, watcher = await self._reader(headers)
        return shown, watcher, filter_of(wanted, watcher), headers.get("last-event-id") or wanted.cursor

    def _check_read(self) -> Headers:
        """The headers of who reads a stream; raises what he is refused for, whoever he is."""
        headers = Headers(scope=self._scope)
        if self._scope["method"] not in {"GET", "HEAD"}:
            raise Refused(METHOD_NOT_ALLOWED, "a stream is read by GET", headers={"Allow": "GET, HEAD"})
        if headers.get("content-length", "0") != "0" or "transfer-encoding" in headers:
            raise InvalidInput(FieldViolation("body", "a stream takes none"))
        return headers

    def _query(self) -> list[tuple[str, str]]:
        return QueryParams(self._scope["query_string"]).multi_items()

    async def _reader(self, headers: Headers) -> tuple[Shown, Watcher]:
        """Who reads a stream."""
        if "origin" in headers:
            self._check_origin(headers)
        shown = _shown(headers)
        return shown, await self._identified(shown)

    # Tails

    async def _tail(self) -> None:
        headers = self._check_read()
        bus, pattern = asked_in(self._query())
        shown, watcher = await self._reader(headers)
        wire, way = stream.StreamWire(self._scope, self._send), self._way
        again = partial(way.authority.identify, shown, self._comer)
        connection = TailConnection(watcher, wire, again, since_ms=way.clock.now_ms(), ends_at_ms=way.registry.lives_until(watcher))
        caller = Caller(watcher.account_id, watcher.scopes & SERVICE_SCOPES, watcher.subject)
        with way.registry.entered(connection):
            async with aclosing(way.tails(caller, bus, pattern)) as told:
                await self._begun(told)
                await wire.start(self._headers(stream.HEADERS))
                if self._scope["method"] != "HEAD":
                    await self._told(connection.run(told, self._receive), connection)
                else:
                    await self._send({"type": "http.response.body", "body": b""})

    async def _begun(self, told: AsyncGenerator[Tailed | None, None]) -> None:
        """Wait until the service hears; raises what it refuses the tail for."""
        try:
            async with asyncio.timeout(OPEN_S):
                await anext(told)
        except TimeoutError as error:
            raise DeadlineExceeded("the tail didn't begin in time; try again in a moment") from error
        except StopAsyncIteration as error:
            raise Unavailable("the notification service is being replaced; try again in a moment") from error

    # WebSockets

    async def _socket(self) -> None:
        self._check_socket()
        await self._receive()  # `websocket.connect`
        known = await self._socket_watcher()
        wire = self._wire()
        if known is not None:
            self._way.registry.check_room(known[1].account_id)
        await wire.accept(self._headers({}))
        try:
            shown, watcher = await self._introduced(known)
            connection = self._connection(shown, watcher, wire)
            with self._way.registry.entered(connection):
                await self._told(self._talk(connection, wire), connection)
        except Refusal as error:
            await self._refuse_accepted(wire, error)

    def _check_socket(self) -> None:
        """Raises what a WebSocket is refused for, whoever it is."""
        if self._scope["path"] != SOCKET:
            raise NotFound("there is no WebSocket at this address; live updates are at /v1/ws")

    def _wire(self) -> websocket.SocketWire:
        """How messages are said."""
        return websocket.SocketWire(self._scope, self._send)

    async def _socket_watcher(self) -> tuple[Shown, Watcher] | None:
        """Who it is by what came with the handshake; None: it will have to say."""
        headers = Headers(scope=self._scope)
        shown = _shown(headers)
        if not shown:
            return None
        self._check_origin(headers)
        try:
            return shown, await self._identified(shown)
        except Unauthenticated:
            if list(shown) == ["cookie"]:  # it may be of something else
                return None
            raise

    async def _introduced(self, known: tuple[Shown, Watcher] | None) -> tuple[Shown, Watcher]:
        """Who it is by its first message, unless the handshake has said so."""
        if known is not None:
            return known
        try:
            async with asyncio.timeout(CONNECT_S):
                message = await self._receive()
        except TimeoutError as error:
            raise Unauthenticated(f"say who is there within {CONNECT_S:.0f} s: send connect with a token") from error
        if message["type"] == "websocket.disconnect":
            raise Unauthenticated("gone before it said who was there")
        said = websocket.message_of(message.get("text"))
        if not isinstance(said, ConnectMessage):
            raise Unauthenticated("say who is there first: send connect with a token")
        shown = {"authorization": f"Bearer {said.data.token}"}
        if said.data.account is not None:
            shown[ACCOUNT_HEADER] = said.data.account
        return shown, await self._identified(shown)

    async def _talk(self, connection: LiveConnection, _wire: websocket.SocketWire) -> None:
        """Say that it is in, and answer what it says."""
        way = self._way
        conversation = websocket.Conversation(connection, self._subscribing(connection), way.hub.position, most=way.subscriptions)
        connection.say(websocket.connected(connection.ends_at_ms))
        await connection.run(lambda: conversation.listen(self._receive, self._way.clock))

    def _subscribing(self, connection: LiveConnection) -> websocket.Subscribing:
        """How its subscriptions begin."""
        hub, account_id = self._way.hub, connection.watcher.account_id

        async def subscribe(wanted: Filter, cursor: str | None) -> Subscription:
            return await hub.subscribe(account_id, wanted, cursor, wake=connection.wake)

        return subscribe

    async def _refuse_accepted(self, wire: websocket.SocketWire, error: Exception) -> None:
        ending = NOBODY if isinstance(error, Unauthenticated) else REFUSED
        REFUSALS.labels(ending.name).inc()
        try:
            await wire.send(websocket.error_message(error))
            await wire.close(ending, 0)
        except OSError:
            return  # it didn't wait for the answer

    # Both

    def _connection(self, shown: Shown, watcher: Watcher, wire: stream.StreamWire | websocket.SocketWire) -> LiveConnection:
        way = self._way
        return LiveConnection(
            watcher,
            wire,
            way.hub.position,
            partial(way.authority.identify, shown, self._comer),
            since_ms=way.clock.now_ms(),
            ends_at_ms=way.registry.lives_until(watcher),
        )

    async def _subscribed(self, connection: LiveConnection, wanted: Filter, cursor: str | None) -> Subscription:
        account_id = connection.watcher.account_id
        try:
            async with asyncio.timeout(OPEN_S):
                return await self._way.hub.subscribe(account_id, wanted, cursor, wake=connection.wake)
        except TimeoutError as error:
            raise DeadlineExceeded("the stream didn't begin in time; try again in a moment") from error

    async def _identified(self, shown: Shown) -> Watcher:
        try:
            async with asyncio.timeout(OPEN_S):
                return await self._way.authority.enter(shown, self._comer)
        except TimeoutError as error:
            raise DeadlineExceeded("who this is couldn't be found out in time; try again in a moment") from error

    def _check_origin(self, headers: Headers) -> None:
        """A page of anybody's can open a connection with its reader's cookie: only those that we know may (RFC 6455, 10.2)."""
        if "cookie" in headers and not {"authorization", "x-api-key"} & set(headers) and headers.get("origin") not in self._way.origins:
            raise PermissionDenied("pages of this origin may not use a session here; QUIETZONE_GATEWAY_LIVE_ORIGINS names those that may")

    def _headers(self, more: Mapping[str, str]) -> dict[str, str]:
        return {**HEADERS, "X-Request-Id": self._request_id, **more}

    async def _told(self, serving: Coroutine[None, None, None], connection: LiveConnection | TailConnection) -> None:
        """Serve, and say in the log when it begins and ends."""
        said = {"transport": connection.transport, "account_id": connection.watcher.account_id, "request_id": self._request_id}
        log.info("live connection opened", **said)
        try:
            await serving
        finally:
            reason = connection.ending.name if connection.ending else "gone"
            seconds = (self._way.clock.now_ms() - connection.since_ms) / 1000
            log.info("live connection closed", reason=reason, seconds=round(seconds, 1), **said)


def _shown(headers: Headers) -> Shown:
    shown = {name: headers[name] for name in SHOWN if name in headers}
    return {} if list(shown) == [ACCOUNT_HEADER] else shown  # an account alone is nobody


Sockets: TypeAlias = Mapping[str, Callable[[Doorway, Scope, Receive, Send], Visit]]
"""WebSockets that speak another protocol than ours, by their addresses."""
