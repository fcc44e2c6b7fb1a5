"""WebSockets: messages `{type, data}` in both directions, several subscriptions on one connection."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping

from fastapi.exceptions import RequestValidationError
from starlette.types import Receive, Scope, Send

from quietzone_gateway.live.connection import LiveConnection
from quietzone_gateway.live.domain import Delivery, Filter
from quietzone_gateway.live.endings import FLOOD, Ending
from quietzone_gateway.live.protocol import (
    ConnectMessage,
    Message,
    PingMessage,
    Subscribe,
    SubscribeMessage,
    UnsubscribeMessage,
    filter_of,
    message_in,
)
from quietzone_gateway.live.subscription import Subscription
from quietzone_gateway.rest.problems import problem_of
from quietzone_gateway.rest.server import ABORT
from quietzone_gateway.rest.times import rfc3339
from quietzone_kit.errors import DeadlineExceeded, FieldViolation, InvalidInput, NotFound, QuietzoneError, ResourceExhausted
from quietzone_kit.runtime import Clock

MESSAGES_PER_S = 10.0
"""Of a client, on average: it subscribes when somebody opens a page."""

MESSAGES_AT_ONCE = 40.0
"""Of a client that opens everything at once."""

SUBSCRIBE_S = 10.0
"""For one subscription to begin, with all that was missed."""

Subscribing = Callable[[Filter, str | None], Awaitable[Subscription]]


class SocketWire:
    """Messages as JSON."""

    __slots__ = ("_abort", "_send")
    transport = "ws"

    def __init__(self, scope: Scope, send: Send) -> None:
        self._send = send
        self._abort = scope.get("state", {}).get(ABORT)

    async def accept(self, headers: Mapping[str, str]) -> None:
        """Let the client in."""
        raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
        await self._send({"type": "websocket.accept", "headers": raw})

    async def send(self, text: str) -> None:
        """Send one message."""
        await self._send({"type": "websocket.send", "text": text})

    async def close(self, ending: Ending, after_ms: int) -> None:
        """Send `reconnect`, or `bye` to who must not come back as it is; then close."""
        if ending.returns:
            await self.send(said("reconnect", {"reason": ending.name, "after_ms": after_ms}))
        else:
            await self.send(said("bye", {"reason": ending.name}))
        await self._send({"type": "websocket.close", "code": ending.code, "reason": ending.name})

    def abort(self) -> None:
        """End the connection, whatever waits to be sent."""
        if self._abort is not None:
            self._abort()

    def delivery(self, subscription_id: str, delivery: Delivery) -> str:
        """An `event`, with the subscription that it is for, and its cursor."""
        return f'{{"type":"event","data":{{"id":{json.dumps(subscription_id)},"cursor":"{delivery.cursor}","event":{delivery.text}}}}}'

    def notice(self, text: str) -> str:
        """A `notice`."""
        return said("notice", {"text": text})

    def ping(self, cursors: Mapping[str, str]) -> str:
        """A `ping`."""
        return said("ping", {"cursors": dict(cursors)})


class Conversation:
    """What a client that was let in says, and what it is answered."""

    def __init__(self, connection: LiveConnection, subscribe: Subscribing, position: Callable[[Subscription], str], *, most: int) -> None:
        self._connection = connection
        self._subscribe = subscribe
        self._position = position
        self._most = most
        self._named = 0

    async def listen(self, receive: Receive, clock: Clock) -> None:
        """Answer messages until the client is gone; one who says too much is sent away."""
        allowance, seen_at = MESSAGES_AT_ONCE, clock.monotonic()
        while (message := await receive())["type"] != "websocket.disconnect":
            now = clock.monotonic()
            allowance, seen_at = min(MESSAGES_AT_ONCE, allowance + (now - seen_at) * MESSAGES_PER_S) - 1, now
            if allowance < 0:
                self._connection.end(FLOOD)
            elif self._connection.ending is None:
                await self.hear(message.get("text"))

    async def hear(self, text: str | None) -> None:
        """Answer one message."""
        named: str | None = None
        try:
            message = message_of(text)
            named = message.data.id if isinstance(message, SubscribeMessage | UnsubscribeMessage) else None
            await self._answer(message)
        except (QuietzoneError, RequestValidationError) as error:
            self._connection.say(error_message(error, named))

    async def _answer(self, message: Message) -> None:
        match message:
            case SubscribeMessage(data=data):
                await self._begin(data)
            case UnsubscribeMessage(data=data):
                subscription = self._connection.subscriptions.pop(data.id, None)
                if subscription is None:
                    raise NotFound("there is no subscription with this id on this connection")
                subscription.close()
                self._connection.say(said("unsubscribed", {"id": data.id}))
            case PingMessage():
                self._connection.say(said("pong", {}))
            case ConnectMessage():
                raise InvalidInput(FieldViolation("type", "this connection knows already who is there"))

    async def _begin(self, asked: Subscribe) -> None:
        subscriptions = self._connection.subscriptions
        if len(subscriptions) >= self._most:
            raise ResourceExhausted(f"this connection has {self._most} subscriptions; end one before another begins")
        if asked.id in subscriptions:
            raise InvalidInput(FieldViolation("id", "a subscription of this connection has it already"))
        wanted = filter_of(asked, self._connection.watcher)
        try:
            async with asyncio.timeout(SUBSCRIBE_S):
                subscription = await self._subscribe(wanted, asked.cursor)
        except TimeoutError as error:
            raise DeadlineExceeded("the subscription didn't begin in time; try again in a moment") from error
        name = asked.id or self._free_name()
        subscriptions[name] = subscription
        cursor = self._position(subscription) if subscription.is_idle else asked.cursor
        self._connection.say(said("subscribed", {"id": name, "cursor": cursor}))

    def _free_name(self) -> str:
        while True:
            self._named += 1
            if str(self._named) not in self._connection.subscriptions:
                return str(self._named)


def message_of(text: str | None) -> Message:
    """The message in a frame; raises as `message_in`."""
    if text is None:
        raise InvalidInput(FieldViolation("message", "binary; send JSON as text"))
    return message_in(text)


def connected(ends_at_ms: int) -> str:
    """The answer to `connect`: from now on there are answers, until then."""
    return said("connected", {"until": rfc3339(ends_at_ms)})


def said(kind: str, data: Mapping[str, object]) -> str:
    """A message."""
    return json.dumps({"type": kind, "data": data}, ensure_ascii=False, separators=(",", ":"))


def error_message(error: Exception, subscription_id: str | None = None) -> str:
    """An `error`, with the fields of the problem that it is, and the subscription that it is about."""
    problem = problem_of(error)
    if problem is None:
        raise error
    fields = json.loads(problem.body(instance="/v1/ws", request_id=""))
    del fields["request_id"]
    return said("error", fields | ({"id": subscription_id} if subscription_id is not None else {}))
