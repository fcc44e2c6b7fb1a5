"""`/graphql` as a WebSocket: subscriptions by graphql-transport-ws, on the connections and bounds of live updates.

Only subscriptions: what queries and mutations may take is counted by request.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from graphql import GraphQLError
from starlette.types import Receive, Scope, Send

from quietzone_gateway.graphql.endpoint import PATH
from quietzone_gateway.graphql.errors import told
from quietzone_gateway.graphql.messages import (
    SUBPROTOCOL,
    CompleteMessage,
    InitMessage,
    Malformed,
    PingMessage,
    PongMessage,
    SubscribeMessage,
    message_in,
    said,
)
from quietzone_gateway.graphql.operations import Operation, Refused, begin
from quietzone_gateway.graphql.schema import Schema
from quietzone_gateway.live.authority import SHOWN
from quietzone_gateway.live.connection import LiveConnection
from quietzone_gateway.live.domain import Delivery, Watcher
from quietzone_gateway.live.door import CONNECT_S, Doorway, Shown, Sockets, Visit
from quietzone_gateway.live.endings import NOBODY, Ending
from quietzone_gateway.live.endings import REFUSED as REFUSED_ENDING
from quietzone_gateway.live.metrics import REFUSED as REFUSALS
from quietzone_gateway.live.protocol import filter_of
from quietzone_gateway.live.subscription import Subscription
from quietzone_gateway.live.websocket import SUBSCRIBE_S, Conversation, SocketWire, Subscribing
from quietzone_kit.errors import DeadlineExceeded, FieldViolation, InvalidInput, QuietzoneError, ResourceExhausted, Unauthenticated

# The protocol's own codes.
MALFORMED = Ending("malformed message", 4400)
TWICE = Ending("Subscriber already exists", 4409)
INIT_TWICE = Ending("Too many initialisation requests", 4429)
NO_INIT = Ending("Connection initialisation timeout", 4408)

MAX_CREDENTIALS = 8_192
"""Characters of a token: a JWT has one or two thousand."""


class GraphqlWire(SocketWire):
    """Messages of the protocol; `operations` are those under way, by the client's names."""

    __slots__ = ("operations",)
    transport = "graphql"

    def __init__(self, scope: Scope, send: Send) -> None:
        super().__init__(scope, send)
        self.operations: dict[str, Operation] = {}

    async def accept(self, headers: Mapping[str, str]) -> None:
        """Let the client in."""
        raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
        await self._send({"type": "websocket.accept", "subprotocol": SUBPROTOCOL, "headers": raw})

    async def close(self, ending: Ending, after_ms: int) -> None:  # noqa: ARG002 - the protocol can't say when to come back
        """Close; clients of the protocol come back by themselves after codes that aren't fatal."""
        await self._send({"type": "websocket.close", "code": ending.code, "reason": ending.name})

    def delivery(self, subscription_id: str, delivery: Delivery) -> str:
        """A `next`, as the operation's document asks for it."""
        return said("next", subscription_id, self.operations[subscription_id].shown(delivery))

    def notice(self, text: str) -> str:
        """A `ping`, which may carry what it likes."""
        return said("ping", payload={"notice": text})

    def ping(self, cursors: Mapping[str, str]) -> str:
        """A `ping`, with the newest cursor of each operation for which nothing waits."""
        return said("ping", payload={"cursors": dict(cursors)})


class GraphqlConversation(Conversation):
    """What a client that was let in says, and what it is answered."""

    def __init__(self, connection: LiveConnection, wire: GraphqlWire, talk: "Talk") -> None:
        super().__init__(connection, talk.subscribe, talk.position, most=talk.most)
        self._wire = wire
        self._schema = talk.schema
        self._request_id = talk.request_id

    async def hear(self, text: str | None) -> None:
        """Answer one message."""
        try:
            message = message_in(text)
        except Malformed:
            self._connection.end(MALFORMED)
            return
        match message:
            case SubscribeMessage():
                await self._run(message)
            case CompleteMessage(id=name):
                self._end(name)
            case PingMessage(payload=payload):
                self._connection.say(said("pong", payload=payload))
            case InitMessage():
                self._connection.end(INIT_TWICE)
            case PongMessage():
                return

    async def _run(self, asked: SubscribeMessage) -> None:
        if asked.id in self._wire.operations:
            self._connection.end(TWICE)
            return
        try:
            await self._begun(asked)
        except Refused as error:
            self._say_error(asked.id, error.errors)
        except QuietzoneError as error:
            suggestions = self._schema.limits.introspection
            self._say_error(asked.id, [told(GraphQLError(str(error), original_error=error), self._request_id, suggestions=suggestions)])

    async def _begun(self, asked: SubscribeMessage) -> None:
        if len(self._wire.operations) >= self._most:
            raise ResourceExhausted(f"this connection has {self._most} operations; end one before another begins")
        given = asked.payload
        operation = await begin(self._schema, given.query, given.variables or {}, given.operation_name, self._request_id)
        wanted = filter_of(operation.wanted, self._connection.watcher)
        try:
            async with asyncio.timeout(SUBSCRIBE_S):
                subscription = await self._subscribe(wanted, operation.wanted.cursor)
        except TimeoutError as error:
            raise DeadlineExceeded("the subscription didn't begin in time; try again in a moment") from error
        self._wire.operations[asked.id] = operation
        self._connection.subscriptions[asked.id] = subscription
        self._connection.wake()

    def _end(self, name: str) -> None:
        """End an operation; one that has ended already is none (both sides may have said so at once)."""
        subscription = self._connection.subscriptions.pop(name, None)
        if subscription is not None:
            subscription.close()
            del self._wire.operations[name]

    def _say_error(self, name: str, errors: list[GraphQLError]) -> None:
        self._connection.say(said("error", name, [error.formatted for error in errors]))


@dataclass(frozen=True, slots=True)
class Talk:
    """What a conversation stands on; `most` is how many operations it may have."""

    schema: Schema
    subscribe: Subscribing
    position: Callable[[Subscription], str]
    most: int
    request_id: str


class GraphqlVisit(Visit):
    """One who comes to `/graphql` with a WebSocket."""

    __slots__ = ("_schema",)

    def __init__(self, way: Doorway, scope: Scope, receive: Receive, send: Send, *, schema: Schema) -> None:
        super().__init__(way, scope, receive, send)
        self._schema = schema

    def _check_socket(self) -> None:
        if SUBPROTOCOL not in self._scope.get("subprotocols", ()):
            raise InvalidInput(FieldViolation("Sec-WebSocket-Protocol", f"offer {SUBPROTOCOL}"))

    def _wire(self) -> GraphqlWire:
        return GraphqlWire(self._scope, self._send)

    async def _introduced(self, known: tuple[Shown, Watcher] | None) -> tuple[Shown, Watcher]:
        """Every client says `connection_init`; one whom a header has named needn't say who is there."""
        try:
            async with asyncio.timeout(CONNECT_S):
                message = await self._receive()
        except TimeoutError as error:
            raise _Ended(NO_INIT) from error
        if message["type"] == "websocket.disconnect":
            raise Unauthenticated("gone before it said who was there")
        try:
            first = message_in(message.get("text"))
        except Malformed as error:
            raise _Ended(MALFORMED) from error
        if not isinstance(first, InitMessage):
            raise Unauthenticated("say connection_init first")
        if known is not None:
            return known
        shown = _shown_in(first.payload or {})
        return shown, await self._identified(shown)

    async def _talk(self, connection: LiveConnection, wire: SocketWire) -> None:
        if not isinstance(wire, GraphqlWire):
            raise TypeError("a visit talks over its own wire")
        talk = Talk(self._schema, self._subscribing(connection), self._way.hub.position, self._way.subscriptions, self._request_id)
        conversation = GraphqlConversation(connection, wire, talk)
        connection.say(said("connection_ack"))
        await connection.run(lambda: conversation.listen(self._receive, self._way.clock))

    async def _refuse_accepted(self, wire: SocketWire, error: Exception) -> None:
        ending = error.ending if isinstance(error, _Ended) else NOBODY if isinstance(error, Unauthenticated) else REFUSED_ENDING
        REFUSALS.labels(ending.name).inc()
        try:
            await wire.close(ending, 0)
        except OSError:
            return  # it didn't wait for the answer


class _Ended(QuietzoneError):
    """The protocol has a code of its own for it."""

    def __init__(self, ending: Ending) -> None:
        super().__init__(ending.name)
        self.ending = ending


def make_sockets(schema: Schema) -> Sockets:
    """For the door of live updates: who comes to PATH with a WebSocket."""
    return {PATH: partial(GraphqlVisit, schema=schema)}


def _shown_in(payload: Mapping[str, object]) -> Shown:
    """The headers that a client could have sent, had it not been a page; names as it likes to write them."""
    given = {name.lower(): value for name, value in payload.items()}
    shown = {name: value for name in SHOWN if name != "cookie" and isinstance(value := given.get(name), str)}
    if not shown or any(len(value) > MAX_CREDENTIALS for value in shown.values()):
        raise Unauthenticated("say who is there in the payload of connection_init: `Authorization` or `X-Api-Key`, as in a header")
    return shown
