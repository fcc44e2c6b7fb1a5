"""Refusals while there is too much for all, as cheap as they can be: at five times what can be answered, four in five requests are refused,
and others wait for what each refusal costs. So they are neither traced nor logged, and those of reads don't even become requests.
"""

from collections.abc import Callable

from starlette.types import Scope, Send

from quietzone_gateway.plans import Shedder
from quietzone_gateway.rest.classes import class_of
from quietzone_gateway.rest.problems import MEDIA_TYPE, overloaded
from quietzone_kit.ids import uuid7
from quietzone_kit.runtime import Clock, Randomness


class Refusals:
    """Refuses what the shedder has no room for. `headers` are those of every answer, `refused` is told of each refusal by its method."""

    def __init__(self, clock: Clock, randomness: Randomness, *, headers: dict[str, str], refused: Callable[[str, int], None]) -> None:
        self.shedder = Shedder(clock)
        self._clock = clock
        self._randomness = randomness
        self._refused = refused
        self._kept: Callable[[str, bytes], bool] = lambda _path, _query: False
        self._problem = overloaded()
        told = {**headers, **self._problem.headers, "Content-Type": MEDIA_TYPE, "Cache-Control": "no-store"}
        self._headers = [(name.lower().encode(), value.encode()) for name, value in told.items()]
        status = f"HTTP/1.1 {self._problem.kind.status} Service Unavailable\r\n"
        self._head = status.encode() + b"".join(name + b": " + value + b"\r\n" for name, value in self._headers)

    def spare(self, kept: Callable[[str, bytes], bool]) -> None:
        """Don't refuse reads whose answers are kept (by path and query): to answer them costs no more than to refuse them."""
        self._kept = kept

    def of_read(self, url: bytes) -> bytes | None:
        """The whole answer to a GET without a body for which there is no room, as HTTP/1.1 has it; None: it goes the usual way."""
        if not url.startswith(b"/") or b"%" in url:
            return None
        raw, _, query = url.partition(b"?")
        path = raw.decode("latin-1")
        if self._kept(path, query) or not self.shedder.refuses(class_of("GET", path)):
            return None
        request_id, body = self._told(path)
        self._refused("GET", self._problem.kind.status)
        return b"%sx-request-id: %s\r\ncontent-length: %d\r\n\r\n%s" % (self._head, request_id, len(body), body)

    async def send(self, scope: Scope, send: Send) -> None:
        """Refuse a request."""
        request_id, body = self._told(scope["path"])
        told = [*self._headers, (b"x-request-id", request_id), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": self._problem.kind.status, "headers": told})
        await send({"type": "http.response.body", "body": body})
        self._refused(scope["method"], self._problem.kind.status)

    def _told(self, path: str) -> tuple[bytes, bytes]:
        """A request's id, and its problem."""
        request_id = uuid7(self._clock, self._randomness)
        return request_id.encode(), self._problem.body(instance=path, request_id=request_id)
