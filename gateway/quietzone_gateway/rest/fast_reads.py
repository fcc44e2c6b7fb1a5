"""Reads of codes whose answer is kept, given without the machinery that makes answers.

The most frequent requests of programs ask again what they have asked before. Everything else, and whatever isn't plain (a failure, a
cookie, a trace), goes the whole way, which answers the same: a test compares the two.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from starlette.types import ASGIApp, Receive, Scope, Send

from quietzone_gateway.identity.authentication import Credentials, key_hash
from quietzone_gateway.plans import Admission, MethodClass
from quietzone_gateway.rest.compression import OFF, takes_gzip
from quietzone_gateway.rest.early import Header, PlainRead, Way, head_of
from quietzone_gateway.rest.envelope import HEADERS, note_request, request_id_of
from quietzone_gateway.rest.etags import named, tag, tag_of_compressed
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


@dataclass(frozen=True, slots=True)
class Answer:
    """What is given."""

    status: int
    headers: list[Header]
    body: bytes
    request_id: str

    @property
    def head(self) -> bytes:
        """The headers as HTTP/1.1 has them."""
        return b"".join([b"%s: %s\r\n" % header for header in self.headers])


class FastReads:
    """Around the whole API, and before it (`answer`) where nobody must be waited for."""

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
        place = _place(scope)
        known = self._questions.get(place)
        if known is None or is_tracing() or not await self._answered(scope, send, *known):
            await self._app(scope, receive, send)
            self._learn(place, scope)

    def _learn(self, place: tuple[str, bytes], scope: Scope) -> None:
        """What the whole way says that this address asks for."""
        question = scope.get("state", {}).get("question")
        if question is None or len(place[1]) > MAX_QUERY_BYTES:
            return
        self._questions[place] = (question, scope["route"].path)
        self._questions.move_to_end(place)
        if len(self._questions) > MAX_QUESTIONS:
            self._questions.popitem(last=False)

    def understood(self, path: str, query: bytes, headers: Sequence[Header]) -> PlainRead | None:
        """See KeptAnswers."""
        found = _plain(headers) if (path, query) in self._questions else None
        return None if found is None else _read_of(path, query, found, key_hash(_shown(found)))

    def answer(self, read: PlainRead, way: Way) -> bytes | None:
        """See KeptAnswers."""
        known = self._questions.get((read.path, read.query))
        if known is None or not read.key_hash or is_tracing():
            return None
        started, (question, route) = self._clock.monotonic(), known
        try:
            principal = self._parts.identity.authentication.at_once(read.key_hash, self._address(way.peer, read.hops))
        except QuietzoneError:
            return None
        if principal is None or CODES_READ not in principal.scopes:
            return None
        kept = self._parts.reads.held(principal.account_id, question)
        admission = None if kept is None else self._parts.plans.admit_at_once(principal.account_id, principal.plan, MethodClass.READ)
        if kept is None or admission is None:
            return None
        answer = self._answer(kept, read, admission)
        self._note(route, answer, started)
        return b"%s%s\r\n%s" % (head_of(answer.status, way.always), answer.head, answer.body)

    async def _answered(self, scope: Scope, send: Send, question: str, route: str) -> bool:
        """Whether the answer was kept, and given; else nothing was sent."""
        started, headers = self._clock.monotonic(), _plain(scope["headers"])
        if headers is None:
            return False
        address = self._address(scope["client"][0], headers.get(b"x-forwarded-for"))
        try:
            principal = await self._parts.identity.authentication.principal_of(_shown(headers, address))
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
        answer = self._answer(kept, _read_of(*_place(scope), headers), admission)
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
        await send({"type": "http.response.body", "body": answer.body})
        self._note(route, answer, started)
        return True

    def _answer(self, kept: Kept, read: PlainRead, admission: Admission) -> Answer:
        status, told, body = _told(kept, read)
        request_id = request_id_of(read.request_id, self._clock, self._randomness)
        told += [(name.lower().encode(), value.encode()) for name, value in admission.headers.items()]
        self._parts.plans.used_bytes(admission, len(body))
        return Answer(status, [*told, *_FIXED, (b"x-request-id", request_id.encode())], body, request_id)

    def _note(self, route: str, answer: Answer, started: float) -> None:
        seconds = self._clock.monotonic() - started
        note_request("GET", route, answer.status, seconds=seconds, request_id=answer.request_id)

    def _address_of(self, peer: str, hops: bytes | None) -> str:
        client = self._clients.peer(peer)
        address = (self._clients.forwarded(client, hops) if client.is_proxy and hops is not None else client).address
        return "" if address is None else str(address)


def _place(scope: Scope) -> tuple[str, bytes]:
    return scope["path"], scope["query_string"]


def _shown(headers: Mapping[bytes, bytes], address: str = "") -> Credentials:
    scheme, _, credentials = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
    return Credentials(
        address=address,
        bearer=credentials.strip() if scheme.lower() == "bearer" else "",
        api_key=headers.get(b"x-api-key", b"").decode("latin-1").strip(),
    )


def _plain(headers: Sequence[Header]) -> dict[bytes, bytes] | None:
    """Headers by name; None when they say more than a plain read does."""
    found = dict(headers)
    return found if len(found) == len(headers) and _WHOLE_WAY.isdisjoint(found) else None


def _read_of(path: str, query: bytes, headers: Mapping[bytes, bytes], hashed: str = "") -> PlainRead:
    given = headers.get(b"if-none-match")
    return PlainRead(
        path,
        query,
        hashed,
        headers.get(b"x-forwarded-for"),
        headers.get(b"x-request-id", b"").decode("latin-1"),
        None if given is None else given.decode("latin-1"),
        takes_gzip=takes_gzip(headers.get(b"accept-encoding", b"").decode("latin-1")),
        takes_small=OFF.encode() not in headers,
    )


def _told(kept: Kept, read: PlainRead) -> tuple[int, list[Header], bytes]:
    had, smaller = named(read.if_none_match, kept.tag), kept.small and read.takes_small
    compressed = smaller and read.takes_gzip
    etag = had or (tag_of_compressed(kept.tag) if compressed else tag(kept.tag))  # making it takes less than keeping it: it is decoded too
    told = [(b"etag", etag.encode()), (b"cache-control", b"private, no-cache")]
    if kept.link:
        told.append((b"link", kept.link.encode()))
    if had is not None:
        return 304, told, b""
    told.append((b"content-type", b"application/json"))
    if smaller:
        told.append((b"vary", b"Accept-Encoding"))
    if compressed:
        told += [(b"content-encoding", b"gzip"), (b"content-length", b"%d" % len(kept.small))]
        return 200, told, kept.small
    told.append((b"content-length", b"%d" % len(kept.body)))
    return 200, told, kept.body
