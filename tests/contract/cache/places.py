"""Caches as processes have them, and servers that a test may break."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from redis.asyncio import Redis

from quietzone_kit.cache import Cache, open_cache
from quietzone_kit.runtime import SystemClock, SystemRandomness
from servers.packages import Packages
from servers.process import NativeServer, free_port, says

QUIET = ("--save", "", "--appendonly", "no")


def server(folder: Path, *options: str, port: int | None = None, scheme: str = "redis") -> NativeServer:
    """A Redis of one's own that doesn't run yet."""
    own = port or free_port()
    program = Packages().program("redis-server", "redis-server")
    ports = ("--port", "0", "--tls-port", str(own)) if scheme.startswith("rediss") else ("--port", str(own))
    return NativeServer(
        (program, "--bind", "127.0.0.1", *ports, *QUIET, *options),
        folder,
        lambda: says(own, b"" if scheme.startswith("rediss") else b"PING\r\n", b"" if scheme.startswith("rediss") else b"+PONG"),
        url=f"{scheme}://127.0.0.1:{own}",
        label="Redis",
    )


def cluster(folder: Path) -> NativeServer:
    """A cluster of one node that has all slots, once `command` was called with CLUSTER ADDSLOTSRANGE."""
    return server(folder, "--cluster-enabled", "yes", scheme="redis+cluster")


def command(url: str, *words: str) -> str:
    """What a server answers."""
    port = url.rpartition(":")[2].partition("/")[0]
    with socket.create_connection(("127.0.0.1", int(port)), timeout=10) as connection:
        connection.sendall(" ".join(words).encode() + b"\r\n")
        return connection.recv(1_000).decode()


@asynccontextmanager
async def process(url: str) -> AsyncIterator[Cache]:
    """A cache as one process has it, while it runs."""
    cache = open_cache(url, clock=SystemClock(), randomness=SystemRandomness())
    async with asyncio.TaskGroup() as group:
        running = group.create_task(cache.run())
        try:
            await heard(cache)
            yield cache
        finally:
            running.cancel()
            await cache.close()


async def heard(cache: Cache) -> None:
    """Wait until what other processes say is heard."""
    if getattr(cache, "_server", None) is not None:
        with cache.subscribe("test.heard") as messages:
            async with asyncio.timeout(5):
                while cache._memory.trusted_s < 60:  # type: ignore[attr-defined]
                    await asyncio.sleep(0.005)
        del messages


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait for what must become true within 5 s."""
    async with asyncio.timeout(5):
        while not await condition():
            await asyncio.sleep(0.005)


@asynccontextmanager
async def raw(url: str) -> AsyncIterator[Redis]:
    """The server behind a cache's back."""
    client = Redis.from_url(url.replace("+cluster", "").partition("?")[0])
    try:
        yield client
    finally:
        await client.aclose()


class Loads:
    """A `load` that counts, and waits for `go` where a test says so."""

    def __init__(self, value: bytes | None = b"loaded") -> None:
        self.value = value
        self.count = 0
        self.began = asyncio.Event()
        self.go = asyncio.Event()
        self.go.set()

    async def __call__(self) -> bytes | None:
        self.count += 1
        value = self.value
        self.began.set()
        await self.go.wait()
        return value
