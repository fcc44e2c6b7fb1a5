"""Reads of codes whose answer is kept, given without the machinery that makes answers.

The most frequent requests of programs ask again what they have asked before. Everything else, and whatever isn't plain (a failure, a
cookie, a trace), goes the whole way, which answers the same: a test compares the two.
"""

from collections import OrderedDict
from functools import lru_cache

from starlette.types import ASGIApp, Receive, Scope, Send

from quietzone_gateway.identity.authentication import Credentials
from quietzone_gateway.plans import MethodClass
from quietzone_gateway.rest.compression import OFF
from quietzone_gateway.rest.envelope import HEADERS, REQUESTS, note_request, request_id_of
from quietzone_gateway.rest.etags import matches_any, tag
from quietzone_gateway.rest.reads import Kept
from quietzone_gateway.rest.route import Parts
from quietzone_kit.errors import QuietzoneError
from quietzone_kit.http.clients import Clients
from quietzone_kit.rpc import CODES_READ
from quietzone_kit.runtime import Clock, Randomness
from quietzone_kit.telemetry import is_tracing

MAX_QUESTIONS = 10_000
"""Addresses with their queries that are known to have kept answers; 0.3 KB each. The one that was asked longest ago makes room."""

MAX_QUERY_BYTES = 1_000
"""Longer ones are rarely asked twice."""

MAX_ADDRESSES = 4_096
"""Of clients that call now: finding one out takes 10 µs."""

_FIXED = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
_WHOLE_WAY = frozenset({b"cookie", b"x-quietzone-account", b"origin", b"range"})
"""Headers that mean more than a plain read."""


class FastReads:
    """Around the whole API."""

    def __init__(self, app: ASGIApp, *, parts: Parts, clients: Clients, clock: Clock, randomness: Randomness) -> None:
        self._app = app
        self._parts = parts
        self._clients = clients
        self._clock = clock
        self._randomness = randomness
        self._address = lru_cache(MAX_ADDRESSES)(self._address_of)
        self._questions: OrderedDict[tuple[str, bytes], tuple[str, str]] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["method"] != "GET" or not scope["path"].startswith("/v1/codes"):
            await self._app(scope, receive, send)
            return
        place = (scope["path"], scope["query_string"])
        known = self._questions.get(place)
        if known is None or is_tracing() or not await self._answered(scope, send, *known):
            await self._app(scope, receive, send)
            self._learn(place, scope)

    def knows(self, path: str, query: bytes) -> bool:
        """Whether the answer to this read may be kept."""
        return (path, query) in self._questions

    def _learn(self, place: tuple[str, bytes], scope: Scope) -> None:
        """What the whole way says that this address asks for."""
        question = scope.get("state", {}).get("question")
        if question is None or len(place[1]) > MAX_QUERY_BYTES:
            return
        self._questions[place] = (question, scope["route"].path)
        self._questions.move_to_end(place)
        if len(self._questions) > MAX_QUESTIONS:
            self._questions.popitem(last=False)

    async def _answered(self, scope: Scope, send: Send, question: str, route: str) -> bool:
        """Whether the answer was kept, and given; else nothing was sent."""
        started = self._clock.monotonic()
        headers = dict(scope["headers"])
        if len(headers) != len(scope["headers"]) or not _WHOLE_WAY.isdisjoint(headers):
            return False
        try:
            principal = await self._parts.identity.authentication.principal_of(self._credentials(scope, headers))
        except QuietzoneError:
            return False
        if not principal.account_id or CODES_READ not in principal.scopes:
            return False
        kept = await self._parts.reads.kept(principal.account_id, question)
        if kept is None:
            return False
        try:  # only now: what goes the whole way is admitted there
            admission = await self._parts.plans.admit(principal.account_id, principal.plan, MethodClass.READ, None)
        except QuietzoneError:
            return False
        request_id = request_id_of(headers.get(b"x-request-id", b"").decode("latin-1"), self._clock, self._randomness)
        status, told, body = _answer(kept, headers)
        told += [(name.lower().encode(), value.encode()) for name, value in admission.headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": [*told, (b"x-request-id", request_id.encode()), *_FIXED]})
        await send({"type": "http.response.body", "body": body})
        self._parts.plans.used_bytes(admission, len(body))
        seconds = self._clock.monotonic() - started
        REQUESTS.labels("GET", route, status).observe(seconds)
        note_request("GET", route, status, seconds=seconds, request_id=request_id)
        return True

    def _address_of(self, peer: str, hops: bytes | None) -> str:
        client = self._clients.peer(peer)
        address = (self._clients.forwarded(client, hops) if client.is_proxy and hops is not None else client).address
        return "" if address is None else str(address)

    def _credentials(self, scope: Scope, headers: dict[bytes, bytes]) -> Credentials:
        scheme, _, credentials = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        return Credentials(
            address=self._address(scope["client"][0], headers.get(b"x-forwarded-for")),
            bearer=credentials.strip() if scheme.lower() == "bearer" else "",
            api_key=headers.get(b"x-api-key", b"").decode("latin-1").strip(),
        )


def _answer(kept: Kept, headers: dict[bytes, bytes]) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    told = [(b"etag", tag(kept.tag).encode()), (b"cache-control", b"private, no-cache")]
    if kept.link:
        told.append((b"link", kept.link.encode()))
    given = headers.get(b"if-none-match")
    if given is not None and matches_any(given.decode("latin-1"), kept.tag):
        return 304, told, b""
    told.append((b"content-type", b"application/json"))
    smaller = kept.small and OFF.encode() not in headers
    if smaller:
        told.append((b"vary", b"Accept-Encoding"))
    if smaller and b"gzip" in headers.get(b"accept-encoding", b""):
        told += [(b"content-encoding", b"gzip"), (b"content-length", b"%d" % len(kept.small))]
        return 200, told, kept.small
    told.append((b"content-length", b"%d" % len(kept.body)))
    return 200, told, kept.body
