"""Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html): what an EventSource reads."""

import json
from collections.abc import Mapping

from starlette.types import Receive, Scope, Send

from quietzone_gateway.live.connection import LiveConnection
from quietzone_gateway.live.domain import Delivery
from quietzone_gateway.live.endings import Ending
from quietzone_gateway.live.forms import name_of
from quietzone_gateway.live.subscription import Subscription
from quietzone_gateway.rest.server import ABORT

RETRY_MS = 2_000
"""Before an EventSource that lost its connection comes back; the standard leaves it to browsers, which take 3 s to 5 s."""

HEADERS = {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-store, no-transform",
    "X-Accel-Buffering": "no",
    "Connection": "close",
}
"""Nothing on the way may keep, compress or gather events (X-Accel-Buffering is nginx's). The connection ends with the stream: whoever is
sent away would come back on it to the process that ends."""

ONLY = "stream"
"""The name of a stream's one subscription, which nobody hears of."""


class StreamWire:
    """Events as lines."""

    __slots__ = ("_abort", "_send")
    transport = "sse"

    def __init__(self, scope: Scope, send: Send) -> None:
        self._send = send
        self._abort = scope.get("state", {}).get(ABORT)

    async def start(self, headers: Mapping[str, str]) -> None:
        """Send the answer's head."""
        raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
        await self._send({"type": "http.response.start", "status": 200, "headers": raw})

    async def send(self, text: str) -> None:
        """Send one event."""
        await self._send({"type": "http.response.body", "body": text.encode(), "more_body": True})

    async def close(self, ending: Ending, after_ms: int) -> None:
        """Send `reconnect`, or `bye` to who must not come back as it is; then end the answer."""
        data = json.dumps({"reason": ending.name} | ({"after_ms": after_ms} if ending.returns else {}))
        text = f"retry: {after_ms}\nevent: reconnect\ndata: {data}\n\n" if ending.returns else f"event: bye\ndata: {data}\n\n"
        await self._send({"type": "http.response.body", "body": text.encode(), "more_body": False})

    def abort(self) -> None:
        """End the connection, whatever waits to be sent."""
        if self._abort is not None:
            self._abort()

    def delivery(self, subscription_id: str, delivery: Delivery) -> str:  # noqa: ARG002 - there is only one
        """`id` is the cursor, which an EventSource brings back as Last-Event-ID."""
        return f"id: {delivery.cursor}\nevent: {name_of(delivery.told)}\ndata: {delivery.text}\n\n"

    def notice(self, text: str) -> str:
        """An event `notice`."""
        return f"event: notice\ndata: {json.dumps({'text': text}, ensure_ascii=False)}\n\n"

    def ping(self, cursors: Mapping[str, str]) -> str:
        """A comment; and an id without data, which changes what an EventSource comes back with and tells its page nothing."""
        return f": ping\nid: {cursors[ONLY]}\n\n" if ONLY in cursors else ": ping\n\n"


async def serve(connection: LiveConnection, receive: Receive, subscription: Subscription, cursor: str) -> None:
    """Tell what happens until the client is gone; `cursor` is where the stream begins, when nothing was missed."""

    async def listen() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass  # a body that nobody asked for

    begins = f"id: {cursor}\n" if subscription.is_idle else ""
    connection.subscriptions[ONLY] = subscription
    connection.say(f"retry: {RETRY_MS}\n{begins}event: ready\ndata: {{}}\n\n")
    await connection.run(listen)
