"""A proxy before a document server that loses, keeps and stops what goes through it, message by message."""

import asyncio
import contextlib
import ssl
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import bson
from contract.documents.stores import RANDOMNESS

from quietzone_kit.documents import Documents, open_documents
from quietzone_kit.runtime import Executor

HEADER = struct.Struct("<iiii")  # length, request, response to, operation
MESSAGE = 2013


@dataclass
class Proxy:
    """Forwards to a server; a field each for what goes wrong."""

    host: str
    port: int
    lose: list[str] = field(default_factory=list)
    """Commands that are done, and whose answer is lost with the connection; each entry is for one."""
    keep: list[str] = field(default_factory=list)
    """Commands that stay on the way, while their connection ends, until `deliver`."""
    meanwhile: Callable[[], Awaitable[object]] | None = None
    """What happens before the connection ends."""
    password: str | None = None
    """What AUTHENTICATE by PLAIN asks for."""
    seen: list[dict[str, Any]] = field(default_factory=list)
    """Every command that came."""

    def __post_init__(self) -> None:
        self._kept: list[bytes] = []
        self._moving = asyncio.Event()
        self._moving.set()
        self._open: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.address = ("127.0.0.1", 0)

    async def start(self, tls: ssl.SSLContext | None = None) -> None:
        """Listen; after `cut` on the same port."""
        self._server = await asyncio.start_server(self._serve, *self.address, ssl=tls)
        self.address = self._server.sockets[0].getsockname()[:2]

    async def cut(self) -> None:
        """End all connections and take no new ones."""
        if self._server is not None:
            self._server.close()
        for writer in list(self._open):
            writer.transport.abort()

    async def close(self) -> None:
        """End everything."""
        await self.cut()
        self.resume()
        await asyncio.gather(*self._serving)

    def stall(self) -> None:
        """Forward nothing any more; connections stay open, and new ones are taken."""
        self._moving.clear()

    def resume(self) -> None:
        """End a stall."""
        self._moving.set()

    def half_close(self) -> None:
        """Say the end to all clients, and go on listening to them."""
        for writer in list(self._open):
            writer.write_eof()

    async def deliver(self) -> list[dict[str, Any]]:
        """Bring what was kept to the server now; its answers."""
        reader, writer = await asyncio.open_connection(self.host, self.port)
        answers = []
        while self._kept:
            writer.write(self._kept.pop(0))
            answers.append(_document(await _read(reader)))
        writer.close()
        await writer.wait_closed()
        return answers

    async def _serve(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        server, to_server = await asyncio.open_connection(self.host, self.port)
        self._open |= {to_client, to_server}
        try:
            while True:
                asked = await _read(client)
                await self._moving.wait()
                if not await self._forward(asked, server, to_server, to_client):
                    break
        except (asyncio.IncompleteReadError, ConnectionError, BrokenPipeError):
            pass
        finally:
            self._open -= {to_client, to_server}
            for writer in (to_server, to_client):
                writer.close()
                with contextlib.suppress(ConnectionError, ssl.SSLError):
                    await writer.wait_closed()

    async def _forward(
        self, asked: bytes, server: asyncio.StreamReader, to_server: asyncio.StreamWriter, to_client: asyncio.StreamWriter
    ) -> bool:
        """Whether the connection goes on."""
        command = _document(asked) if HEADER.unpack_from(asked)[3] == MESSAGE else {"hello": 1}
        name = next(iter(command))
        self.seen.append(command)
        if name == "saslStart":
            to_client.write(_answer(asked, self._authenticated(command)))
            return True
        if name in self.keep:
            self.keep.remove(name)
            self._kept.append(asked)
            return False
        to_server.write(asked)
        answered = await _read(server)
        if name in self.lose:
            self.lose.remove(name)
            if self.meanwhile is not None:
                await self.meanwhile()
            return False
        await self._moving.wait()
        to_client.write(answered)
        await to_client.drain()
        return True

    def _authenticated(self, command: dict[str, Any]) -> dict[str, Any]:
        if command["payload"].split(b"\0")[-1].decode() == self.password:
            return {"ok": 1.0, "conversationId": 1, "done": True, "payload": b""}
        return {"ok": 0.0, "code": 18, "codeName": "AuthenticationFailed", "errmsg": "Authentication failed."}


def through(proxy: Proxy, database_url: str, executor: Executor, options: str = "", user: str = "") -> Documents:
    name = urlsplit(database_url).path
    url = f"mongodb://{user}{proxy.address[0]}:{proxy.address[1]}{name}{options}"
    return open_documents(url, executor=executor, randomness=RANDOMNESS)


async def _read(reader: asyncio.StreamReader) -> bytes:
    header = await reader.readexactly(HEADER.size)
    return header + await reader.readexactly(HEADER.unpack(header)[0] - HEADER.size)


def _document(message: bytes) -> dict[str, Any]:
    """The body of a message: after the header, flags of 4 bytes and a kind of 1."""
    start = HEADER.size + 5
    (length,) = struct.unpack_from("<i", message, start)
    return bson.decode(message[start : start + length])


def _answer(asked: bytes, document: dict[str, Any]) -> bytes:
    body = b"\0\0\0\0\0" + bson.encode(document)
    return HEADER.pack(HEADER.size + len(body), 0, HEADER.unpack_from(asked)[1], MESSAGE) + body
