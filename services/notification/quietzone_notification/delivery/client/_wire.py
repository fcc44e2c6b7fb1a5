"""One connection of HTTP/1.1: a request, its answer, the next request (RFC 9112)."""

import asyncio
from dataclasses import dataclass
from typing import cast

import httptools

MAX_READ_BYTES = 65_536
"""Of an answer, its head included: what comes after that isn't read, and the connection is closed."""
MAX_EXCERPT_BYTES = 1_024
BODY_S = 2.0
"""For an answer's body once its status is there: that is what counts, and who streams on has taken what we sent."""


class NoAnswer(Exception):
    """There was no answer, or none of HTTP: says why. `is_unsent`: the connection was closed before anything came back on it."""

    def __init__(self, reason: str, *, is_unsent: bool = False) -> None:
        super().__init__(reason)
        self.is_unsent = is_unsent


@dataclass(frozen=True, slots=True)
class Answer:
    """What a receiver answered: `excerpt` is the beginning of the body, `retry_after` that header as it came."""

    status: int
    excerpt: bytes
    retry_after: str | None


class Wire(asyncio.Protocol):
    """A connection. It is free when an answer has come in whole, and nothing else."""

    def __init__(self, excerpt_bytes: int = MAX_EXCERPT_BYTES) -> None:
        self._excerpt_bytes = excerpt_bytes
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._waiter: asyncio.Future[Answer] | None = None
        self._status = 0
        self._read = 0
        self._is_whole = False
        self._retry_after: str | None = None
        self._excerpt = bytearray()
        self._body_ends: asyncio.TimerHandle | None = None
        self.is_free = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio."""
        self._transport = cast("asyncio.Transport", transport)
        self.is_free = True

    async def ask(self, request: bytes) -> Answer:
        """Send a request and wait for its answer; the caller has a deadline, and closes the connection when that passes.

        Raises:
            NoAnswer: there was none.
        """
        if self._transport is None or not self.is_free:
            raise NoAnswer("the connection was closed", is_unsent=True)
        self.is_free = False
        self._forget()
        self._waiter = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._waiter

    def close(self) -> None:
        """Let go of the connection at once."""
        self._stop_timer()
        self.is_free = False
        if self._transport is not None:
            self._transport.abort()
            self._transport = None

    def data_received(self, data: bytes) -> None:
        """See asyncio."""
        if self._waiter is None or self._waiter.done():
            self.close()  # nobody has asked: what comes after an answer can't be taken for the next one's
            return
        self._read += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._fail("it wants to speak another protocol")
        except httptools.HttpParserError as error:
            self._fail(f"its answer isn't HTTP/1.1: {error}")
        else:
            if self._is_whole:
                return
            if self._read > MAX_READ_BYTES:
                self._end_early(f"its answer's head has more than {MAX_READ_BYTES:,} bytes")
            elif self._status >= 200 and self._body_ends is None:
                self._body_ends = asyncio.get_running_loop().call_later(BODY_S, self._end_early, "")

    def eof_received(self) -> bool:
        """See asyncio."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio."""
        self._transport = None
        self.is_free = False
        if self._waiter is not None and not self._waiter.done():
            if self._read:
                self._end_early("the connection was closed within the answer's head")
            else:
                why = f": {type(exc).__name__}" if exc is not None else ""
                self._waiter.set_exception(NoAnswer(f"the connection was closed without an answer{why}", is_unsent=True))

    # What the parser calls.

    def on_message_begin(self) -> None:
        """An answer begins; one that nobody has asked for can't be taken for the next one's."""
        if self._is_whole:
            self.close()

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or a trailer."""
        if name.lower() == b"retry-after":
            self._retry_after = value.decode("latin-1")[:64]

    def on_headers_complete(self) -> None:
        """The head is there."""
        self._status = self._parser.get_status_code()

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        if len(self._excerpt) < self._excerpt_bytes:
            self._excerpt += body[: self._excerpt_bytes - len(self._excerpt)]

    def on_message_complete(self) -> None:
        """The answer is whole; those of 100 to 199 come before it."""
        if self._status < 200:
            self._excerpt.clear()
            self._status = 0
            self._retry_after = None
            return
        self._is_whole = True
        self._stop_timer()
        is_kept = self._parser.should_keep_alive()
        self._answer()
        if is_kept and self._transport is not None:
            self.is_free = True
        else:
            self.close()

    def _forget(self) -> None:
        self._status = 0
        self._read = 0
        self._is_whole = False
        self._retry_after = None
        self._excerpt = bytearray()

    def _stop_timer(self) -> None:
        if self._body_ends is not None:
            self._body_ends.cancel()
            self._body_ends = None

    def _answer(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(Answer(self._status, bytes(self._excerpt), self._retry_after))

    def _end_early(self, reason: str) -> None:
        """A status is an answer, also when its body never ends."""
        if self._status >= 200:
            self._answer()
            self.close()
        else:
            self._fail(reason)

    def _fail(self, reason: str) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(NoAnswer(reason))
        self.close()
