"""Web servers that behave as the web does, on this machine; and name servers that lead to them."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

Behave = Callable[[str, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Site:
    """A server on this machine that takes down the requests that it gets."""

    port: int = 0
    scheme: str = "http"
    requests: list[str] = field(default_factory=list)

    def url(self, path: str = "/", *, host: str = "127.0.0.1") -> str:
        return f"{self.scheme}://{host}:{self.port}{path}"

    def header(self, name: str) -> str | None:
        """A header of the last request."""
        lines = [line.partition(": ") for line in self.requests[-1].split("\r\n")[1:]]
        return next((value for found, _, value in lines if found.lower() == name), None)

    @property
    def paths(self) -> list[str]:
        return [request.split(" ")[1] for request in self.requests]


@asynccontextmanager
async def site(behave: Behave, *, tls: ssl.SSLContext | None = None, address: str = "127.0.0.1") -> AsyncIterator[Site]:
    """A site whose every request is answered by `behave(path, writer)`."""
    found = Site(scheme="https" if tls else "http")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = (await reader.readuntil(b"\r\n\r\n")).decode()
            found.requests.append(request)
            await behave(request.split(" ")[1], writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    server = await asyncio.start_server(serve, address, 0, ssl=tls)
    found.port = server.sockets[0].getsockname()[1]
    try:
        yield found
    finally:
        server.close()


def answer(status: int, headers: Mapping[str, str] | None = None, body: bytes = b"") -> bytes:
    lines = [f"HTTP/1.1 {status} Said", *(f"{name}: {value}" for name, value in (headers or {}).items()), f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


def always(reply: bytes) -> Behave:
    async def behave(_path: str, writer: asyncio.StreamWriter) -> None:
        writer.write(reply)
        await writer.drain()

    return behave


def pages(replies: Mapping[str, bytes]) -> Behave:
    async def behave(path: str, writer: asyncio.StreamWriter) -> None:
        writer.write(replies[path])
        await writer.drain()

    return behave


class Names:
    """A name server: for each name a list of addresses; the last one of `changing` names stays."""

    def __init__(self, *addresses: str, changing: Sequence[Sequence[str]] = ()) -> None:
        self._answers = [list(each) for each in changing] or [list(addresses)]
        self.asked: list[str] = []

    async def resolve(self, host: str, port: int) -> Sequence[str]:  # noqa: ARG002 - the port's
        self.asked.append(host)
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


class NoNames:
    async def resolve(self, host: str, port: int) -> Sequence[str]:
        raise OSError(f"{host}:{port} is unknown")
