"""A client of graphql-transport-ws."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import websockets.asyncio.client
from contract.gateway.live_served import Served

Message = dict[str, Any]

TOKEN = {"Authorization": "Bearer secret"}


class GraphqlSocket:
    """What is said and heard."""

    def __init__(self, connection: websockets.asyncio.client.ClientConnection) -> None:
        self.raw = connection

    async def say(self, kind: str, **message: object) -> None:
        """Send a message."""
        await self.raw.send(json.dumps({"type": kind, **message}))

    async def hear(self) -> Message:
        """The next message but pings."""
        while True:
            said: Message = json.loads(await asyncio.wait_for(self.raw.recv(), 5))
            if said["type"] != "ping":
                return said

    async def subscribe(self, query: str, name: str = "1", **variables: object) -> None:
        """Begin an operation."""
        await self.say("subscribe", id=name, payload={"query": query, "variables": variables})

    async def settled(self) -> None:
        """Wait until all that was said so far has been answered; what is heard meanwhile is dropped."""
        await self.say("ping", payload={"is": "settled"})
        while (await self.hear()).get("payload") != {"is": "settled"}:
            pass

    async def news(self, name: str = "1") -> Message:
        """What is told next, of the field that was asked for."""
        message = await self.hear()
        assert (message["type"], message["id"]) == ("next", name), message
        assert "errors" not in message["payload"], message
        (told,) = message["payload"]["data"].values()
        return dict(told)

    async def error(self, name: str = "1") -> str:
        """The code of why an operation wasn't begun."""
        message = await self.hear()
        assert (message["type"], message["id"]) == ("error", name), message
        return str(message["payload"][0]["extensions"]["code"])

    async def closed(self) -> int | None:
        """The code with which the server closes; what is said until then is dropped."""
        async with asyncio.timeout(5):
            while self.raw.close_code is None:
                try:
                    await self.raw.recv()
                except websockets.ConnectionClosed:
                    break
        return self.raw.close_code


@asynccontextmanager
async def opened(served: Served, protocol: str | None = "graphql-transport-ws", **headers: str) -> AsyncIterator[GraphqlSocket]:
    """A connection on which nothing was said."""
    protocols = None if protocol is None else [websockets.Subprotocol(protocol)]
    async with websockets.asyncio.client.connect(
        f"ws://127.0.0.1:{served.http.port}/graphql",
        subprotocols=protocols,
        additional_headers={name.replace("_", "-"): value for name, value in headers.items()},
        compression=None,
        ping_interval=None,
    ) as connection:
        yield GraphqlSocket(connection)


@asynccontextmanager
async def connected(served: Served, payload: object = TOKEN, **headers: str) -> AsyncIterator[GraphqlSocket]:
    """A connection that was acknowledged."""
    async with opened(served, **headers) as socket:
        await socket.say("connection_init", **({} if payload is None else {"payload": payload}))
        assert await socket.hear() == {"type": "connection_ack"}
        yield socket
