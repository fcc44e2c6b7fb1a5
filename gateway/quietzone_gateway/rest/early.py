"""Answers to plain reads before they become requests: those that are kept, and refusals while there is too much for all.

A request costs ten times what it takes to give a kept answer. And at five times what can be answered, four in five requests are refused,
and others wait for what each refusal costs: so these are neither traced nor logged.

Programs that poll send the same bytes each time. So what was read out of the bytes of a plain read is remembered by their hash: nothing of
a secret is, and bytes that are the same mean the same when they come between two requests.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from starlette.types import Scope, Send

from quietzone_gateway.plans import Shedder
from quietzone_gateway.rest.classes import class_of
from quietzone_gateway.rest.problems import MEDIA_TYPE, overloaded
from quietzone_kit.ids import uuid7
from quietzone_kit.runtime import Clock, Randomness

MAX_REMEMBERED = 4_096
"""Reads, 1 KB each: of as many programs as ask now, a few each. The one that came longest ago makes room."""

MAX_READ_BYTES = 2_048
"""Of reads that are remembered: larger ones are rare, and cost more than to be parsed."""

Header = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class PlainRead:
    """A GET of HTTP/1.1 without a body on a connection that stays open, as it was understood: nothing of it is secret.

    `key_hash` is the hash of the API key that it shows; `hops` is X-Forwarded-For.
    """

    path: str
    query: bytes
    key_hash: str
    hops: bytes | None
    request_id: str
    if_none_match: str | None
    takes_gzip: bool
    takes_small: bool


@dataclass(frozen=True, slots=True)
class Way:
    """The connection that a read came on: the other end's address, and the headers that the server adds to every answer."""

    peer: str
    always: Sequence[Header]


class KeptAnswers(Protocol):
    """What knows reads whose answers are kept."""

    def understood(self, path: str, query: bytes, headers: Sequence[Header]) -> PlainRead | None:
        """The read, if its answer may be kept."""

    def answer(self, read: PlainRead, way: Way) -> bytes | None:
        """The whole answer, if nobody must be asked for it."""


class EarlyAnswers:
    """Refuses what the shedder has no room for. `headers` are those of every answer, `refused` is told of each refusal by its method."""

    def __init__(self, clock: Clock, randomness: Randomness, *, headers: dict[str, str], refused: Callable[[str, int], None]) -> None:
        self.shedder = Shedder(clock)
        self._clock = clock
        self._randomness = randomness
        self._refused = refused
        self._kept: KeptAnswers | None = None
        self._reads: OrderedDict[bytes, PlainRead] = OrderedDict()
        self._problem = overloaded()
        told = {**headers, **self._problem.headers, "Content-Type": MEDIA_TYPE, "Cache-Control": "no-store"}
        self._headers = [(name.lower().encode(), value.encode()) for name, value in told.items()]
        self._head = head_of(self._problem.kind.status, self._headers)

    def keep(self, kept: KeptAnswers) -> None:
        """Give kept answers; such reads are never refused, since to answer them costs no more."""
        self._kept = kept

    def again(self, data: bytes, way: Way) -> bytes | None:
        """The whole answer to bytes that were a plain read before (`remember`), and nothing else."""
        if self._kept is None or len(data) > MAX_READ_BYTES:
            return None
        read = self._reads.get(hashlib.sha256(data).digest())
        return None if read is None else self._kept.answer(read, way)

    def remember(self, data: bytes, read: PlainRead) -> None:
        """That these bytes are this read."""
        if len(data) > MAX_READ_BYTES:
            return
        self._reads[hashlib.sha256(data).digest()] = read
        if len(self._reads) > MAX_REMEMBERED:
            self._reads.popitem(last=False)

    def of_read(self, target: bytes, headers: Sequence[Header], way: Way) -> tuple[bytes, PlainRead | None] | None:
        """The whole answer to a read, and what it was understood as if it is kept; None: it is to become a request."""
        if not target.startswith(b"/") or b"%" in target:
            return None
        raw, _, query = target.partition(b"?")
        path = raw.decode("latin-1")
        if self._kept is not None and (read := self._kept.understood(path, query, headers)) is not None:
            answer = self._kept.answer(read, way)
            return None if answer is None else (answer, read)
        if self.shedder.is_full and self.shedder.refuses(class_of("GET", path)):
            return self._refusal(path), None
        return None

    async def refuse(self, scope: Scope, send: Send) -> None:
        """Refuse a request."""
        request_id, body = self._told(scope["path"])
        told = [*self._headers, (b"x-request-id", request_id), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": self._problem.kind.status, "headers": told})
        await send({"type": "http.response.body", "body": body})
        self._refused(scope["method"], self._problem.kind.status)

    def _refusal(self, path: str) -> bytes:
        request_id, body = self._told(path)
        self._refused("GET", self._problem.kind.status)
        return b"%sx-request-id: %s\r\ncontent-length: %d\r\n\r\n%s" % (self._head, request_id, len(body), body)

    def _told(self, path: str) -> tuple[bytes, bytes]:
        """A request's id, and its problem."""
        request_id = uuid7(self._clock, self._randomness)
        return request_id.encode(), self._problem.body(instance=path, request_id=request_id)


_REASONS = {200: b"OK", 304: b"Not Modified", 503: b"Service Unavailable"}


def head_of(status: int, headers: Iterable[Header]) -> bytes:
    """The beginning of an answer in HTTP/1.1, to which more headers can be added."""
    return b"HTTP/1.1 %d %s\r\n%s" % (status, _REASONS[status], b"".join([b"%s: %s\r\n" % header for header in headers]))
