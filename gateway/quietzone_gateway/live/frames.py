"""uvicorn's WebSockets with bounds on what comes before a message: frames and fragments."""

import asyncio
from typing import Any

from uvicorn._types import ASGISendEvent
from uvicorn.config import Config
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.frames import Frame
from websockets.http11 import Request

from quietzone_gateway.rest.server import ABORT

MAX_FRAMES_PER_S = 100
"""Of all kinds: a client sends a pong in 20 s, and messages are bounded beyond this."""

MAX_FRAGMENTS = 64
"""Of one message: nobody cuts 16 KiB smaller; empty fragments have no bytes that could be counted."""


class BoundedSocket(WebSocketsSansIOProtocol):
    """Refuses floods of frames, and never tells the log what strangers send."""

    def __init__(
        self, config: Config, server_state: ServerState, app_state: dict[str, Any], _loop: asyncio.AbstractEventLoop | None = None
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._frames = 0
        self._second = 0.0

    def handle_connect(self, event: Request) -> None:
        """Begin; the application can end the connection at once."""
        super().handle_connect(event)
        if self.response.status_code == 101:
            self.scope["state"][ABORT] = self.transport.abort

    def start_keepalive(self) -> None:
        """Begin to ping; the handshake is over, and what it said isn't needed any more (4 KB a connection)."""
        super().start_keepalive()
        del self.request, self.response
        self.scope["headers"] = []

    def handle_cont(self, event: Frame) -> None:
        """Take in a further fragment."""
        if self._may_go_on() and len(self.frames) < MAX_FRAGMENTS:
            super().handle_cont(event)
        else:
            self._refuse(1009, "too many fragments")

    def handle_text(self, event: Frame) -> None:
        """Take in a text, or its first fragment."""
        if self._may_go_on():
            super().handle_text(event)

    def handle_bytes(self, event: Frame) -> None:
        """Take in bytes, or their first fragment."""
        if self._may_go_on():
            super().handle_bytes(event)

    def handle_ping(self) -> None:
        """Answer a ping."""
        if self._may_go_on():
            super().handle_ping()

    def handle_pong(self, event: Frame) -> None:
        """Take in the answer to a ping."""
        if self._may_go_on():
            super().handle_pong(event)

    async def send(self, message: ASGISendEvent) -> None:
        """Send; the application can't know yet that we have refused the client, or that it didn't answer a ping."""
        if self.close_sent:
            raise ClientDisconnected
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body"):
            self.handshake_complete = True  # by a refusal; uvicorn would take it for a fault of ours, and say so for each stranger

    def send_receive_event_to_app(self) -> None:
        """Pass a whole message on."""
        if self.curr_msg_data_type == "text":
            try:
                b"".join(self.frames).decode()
            except UnicodeDecodeError:
                self._refuse(1007, "not UTF-8")
                return
        super().send_receive_event_to_app()

    def _may_go_on(self) -> bool:
        """Count a frame; one too many ends the connection."""
        now = self.loop.time()
        if now - self._second >= 1:
            self._second, self._frames = now, 0
        self._frames += 1
        if self._frames > MAX_FRAMES_PER_S:
            self._refuse(1008, "too many frames")
        return not self.close_sent

    def _refuse(self, code: int, reason: str) -> None:
        if self.close_sent:
            return
        self.frames = []
        self.conn.fail(code, reason)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.transport.close()
