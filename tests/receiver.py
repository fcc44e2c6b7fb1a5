"""A receiver of webhooks on this machine, lean enough not to be what is measured: it counts ids, and answers as each path says.

In a process of its own: `with receiving(…) as receiver`. In the test's: `async with Receiver.serving()`.
"""

import asyncio
import multiprocessing
import multiprocessing.connection
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import cast

import httptools

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@dataclass
class Got:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """What came in, and what is answered. `answers` are raw, by path, one a request, the last for all that follow; None: never. `delays`
    are seconds before an answer, by path.
    """

    port: int = 0
    answers: dict[str, list[bytes | None]] = field(default_factory=dict)
    delays: dict[str, float] = field(default_factory=dict)
    got: list[Got] = field(default_factory=list)
    ids: "Counter[str]" = field(default_factory=Counter)
    paths: "Counter[str]" = field(default_factory=Counter)
    connections: int = 0
    keeps: bool = True

    def answer(self, path: str) -> bytes | None:
        answers = self.answers.get(path)
        if not answers:
            return OK
        return answers.pop(0) if len(answers) > 1 else answers[0]

    @classmethod
    @asynccontextmanager
    async def serving(cls, port: int = 0) -> AsyncIterator["Receiver"]:
        receiver = cls()
        server = await asyncio.get_running_loop().create_server(lambda: _Wire(receiver), "127.0.0.1", port)
        receiver.port = server.sockets[0].getsockname()[1]
        try:
            yield receiver
        finally:
            server.close()


class _Wire(asyncio.Protocol):
    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._parser = httptools.HttpRequestParser(self)
        self._path = ""
        self._headers: dict[str, str] = {}
        self._body = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._receiver.connections += 1

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.close()

    def on_url(self, url: bytes) -> None:
        self._path = url.decode()

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode().lower()] = value.decode()

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        self._receiver.ids[self._headers.get("webhook-id", "")] += 1
        self._receiver.paths[self._path] += 1
        if self._receiver.keeps:
            self._receiver.got.append(Got(self._path, self._headers, self._body))
        answer = self._receiver.answer(self._path)
        self._headers, self._body = {}, b""
        if answer is None:
            return
        if delay_s := self._receiver.delays.get(self._path):
            asyncio.get_running_loop().call_later(delay_s, self._transport.write, answer)
        else:
            self._transport.write(answer)


class Remote:
    """A receiver in a process of its own. It never answers at /hang."""

    def __init__(self, port: int, line: "multiprocessing.connection.Connection[object, object]") -> None:
        self.port = port
        self._line = line

    def different(self) -> int:
        """How many different ids came, so far."""
        self._line.send("different")
        return cast("int", self._line.recv())

    def number(self, path: str = "/") -> int:
        """How many requests came to a path."""
        self._line.send(path)
        return cast("int", self._line.recv())


@contextmanager
def receiving() -> Iterator[Remote]:
    spawn = multiprocessing.get_context("spawn")
    mine, theirs = spawn.Pipe()
    process = spawn.Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    theirs.close()
    try:
        yield Remote(cast("int", mine.recv()), mine)
    finally:
        mine.close()
        process.join()


def _serve(line: "multiprocessing.connection.Connection[object, object]") -> None:
    import uvloop  # noqa: PLC0415 - only this process needs it

    async def serve() -> None:
        async with Receiver.serving() as receiver:
            receiver.keeps = False
            receiver.answers["/hang"] = [None]
            over = asyncio.Event()

            def asked() -> None:
                try:
                    question = line.recv()
                except EOFError:
                    over.set()
                    return
                line.send(len(receiver.ids) if question == "different" else receiver.paths[str(question)])

            asyncio.get_running_loop().add_reader(line.fileno(), asked)
            line.send(receiver.port)
            await over.wait()

    uvloop.run(serve())
