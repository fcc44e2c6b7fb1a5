"""The served API at an address, for clients that need one."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import httpx
from contract.gateway.served import KEY, Api

from quietzone_client import AsyncClient, Client
from quietzone_gateway.rest.server import HttpServer

T = TypeVar("T")


class Addressed:
    """Where the API answers, and clients of it; a blocking one is used in a thread, since the API has this one's loop."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    async def blocking(self, use: Callable[[Client], T]) -> T:
        """What `use` makes of a blocking client."""

        def work() -> T:
            with Client(self.url, KEY) as client:
                return use(client)

        return await asyncio.to_thread(work)

    def on_loop(self) -> AsyncClient:
        return AsyncClient(self.url, KEY)


@asynccontextmanager
async def addressed(api: Api) -> AsyncIterator[Addressed]:
    """`api` on a port, by the server that it has in production."""
    transport = api.http._transport
    assert isinstance(transport, httpx.ASGITransport)
    server = HttpServer(transport.app, "127.0.0.1", 0, drain_s=5)  # type: ignore[arg-type] # httpx has a type of its own for ASGI
    async with asyncio.TaskGroup() as group:
        group.create_task(server.serve())
        while server.not_ready() is not None:
            await asyncio.sleep(0.001)
        yield Addressed(server.port)
        server.stop()
