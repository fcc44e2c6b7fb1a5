"""Around every request: its id, its bounds, its problem when it fails, its trace, metric and log line."""

import asyncio
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from urllib.parse import quote

from opentelemetry.trace import Span
from prometheus_client import Gauge, Histogram
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from quietzone_gateway.plans import Admission
from quietzone_gateway.rest.bounds import Bounds, bounds_of
from quietzone_gateway.rest.classes import class_of
from quietzone_gateway.rest.early import EarlyAnswers
from quietzone_gateway.rest.problems import BODY_TOO_LARGE, Refused, internal, problem_of
from quietzone_kit.errors import DeadlineExceeded
from quietzone_kit.http.clients import UNKNOWN, Client, Clients
from quietzone_kit.ids import uuid7
from quietzone_kit.rpc import deadline
from quietzone_kit.runtime import Clock, Randomness
from quietzone_kit.telemetry import OftenSaid, SpanKind, exemplar, logger, span

log = logger(__name__)

BODY_GRACE_S = 1.0
"""Beyond the deadline, so that the service's own word on it comes first."""

REQUESTS = Histogram(
    "quietzone_gateway_request_seconds",
    "API requests by method, address and status. 5xx: quietzone_rpc_client_seconds says which peer fails. 401s: somebody tries keys.",
    ["method", "route", "status"],
    buckets=(0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0),
)
UNDER_WAY = Gauge(
    "quietzone_gateway_requests_under_way",
    "API requests being answered now, without files and streams. At quietzone_gateway_requests_bound more are refused with 503: more "
    "replicas are needed, or a service hangs.",
)

MAX_KINDS = 1_024
"""Methods, addresses and statuses together, of which there are some 500."""

_REQUEST_ID = re.compile(r"[0-9A-Za-z._-]{1,128}")

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}
"""On every answer that doesn't say it otherwise; the policy lets an SVG that is opened by itself show and do nothing else."""


def request_id_of(given: str, clock: Clock, randomness: Randomness) -> str:
    """What names a request: what its sender gave, if it is one, so that he finds it in our logs."""
    return given if _REQUEST_ID.fullmatch(given) else uuid7(clock, randomness)


def note_request(method: str, route: str, status: int, *, seconds: float, request_id: str, leads_to: dict[str, str] | None = None) -> None:
    """The metric and the log line of an answered request; `leads_to` is its trace as an exemplar."""
    _series(method, route, status).observe(seconds, leads_to)
    _line(method, route, status).say(ms=round(seconds * 1000, 1), request_id=request_id)


@lru_cache(MAX_KINDS)
def _series(method: str, route: str, status: int) -> Histogram:
    return REQUESTS.labels(method, route, status)


@lru_cache(MAX_KINDS)
def _line(method: str, route: str, status: int) -> OftenSaid:
    return OftenSaid(__name__, "request", method=method, route=route, status=status)


def early_answers(clock: Clock, randomness: Randomness) -> EarlyAnswers:
    """What an `Envelope` and the server in front of it share."""

    def refused(method: str, status: int) -> None:
        REQUESTS.labels(method, "none", status).observe(0.0)

    return EarlyAnswers(clock, randomness, headers=HEADERS, refused=refused)


class Envelope:
    """The outermost middleware."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        clients: Clients,
        clock: Clock,
        randomness: Randomness,
        early: EarlyAnswers,
        answered: Callable[[Admission, int], None] = lambda _admission, _size: None,
    ) -> None:
        """`answered` is told how many bytes a request, which left its admission in `request.state.admission`, was answered with."""
        self._app = app
        self._clients = clients
        self._clock = clock
        self._randomness = randomness
        self._answered = answered
        self._early = early
        self._shedder = early.shedder

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            raise ValueError(f"the API speaks HTTP, not {scope['type']}")
        if scope["method"] == "HEAD":
            scope = {**scope, "method": "GET"}  # the server, which has the original, leaves the body out
        if not self._shedder.begin(class_of(scope["method"], scope["path"])):
            await self._early.refuse(scope, send)
            return
        headers = Headers(scope=scope)
        request_id = request_id_of(headers.get("x-request-id", ""), self._clock, self._randomness)
        scope["state"] = {"client": client_behind(self._clients, scope, headers), "request_id": request_id}
        answer = _Answer(send, request_id, scope["state"])
        bounds = bounds_of(scope["path"])
        if bounds.is_long:
            self._shedder.end(None)
        started = self._clock.monotonic()
        leads_to = None
        UNDER_WAY.set(self._shedder.under_way)
        try:
            with span(f"{scope['method']} {scope['path'][:64]}", kind=SpanKind.SERVER, parent=headers.get("traceparent")) as trace:
                await self._answer(scope, receive, answer, bounds)
                _describe(trace, scope, answer.status)
                leads_to = exemplar()
        finally:
            seconds = self._clock.monotonic() - started
            if not bounds.is_long:
                self._shedder.end(seconds)
            UNDER_WAY.set(self._shedder.under_way)
            if answer.admission is not None:
                self._answered(answer.admission, answer.size)
            note_request(scope["method"], _route(scope), answer.status, seconds=seconds, request_id=request_id, leads_to=leads_to)

    async def _answer(self, scope: Scope, receive: Receive, answer: "_Answer", bounds: Bounds) -> None:
        try:
            with deadline(bounds.within_s):
                async with asyncio.timeout(bounds.within_s + BODY_GRACE_S):
                    await self._app(scope, _Body(receive, Headers(scope=scope), bounds.body_bytes), answer)
        except TimeoutError:
            await answer.fail(scope, receive, DeadlineExceeded(f"the request took longer than {bounds.within_s:.0f} s, its body included"))
        except Exception as error:
            if problem_of(error) is None:
                log.exception("request failed", request_id=answer.request_id, method=scope["method"], route=_route(scope))
            await answer.fail(scope, receive, error)


class _Body:
    """The request's body, refused as soon as it is too large."""

    def __init__(self, receive: Receive, headers: Mapping[str, str], most: int) -> None:
        self._receive = receive
        self._most = self._left = most
        length = headers.get("content-length", "0")
        if length.isdigit():
            self._check(int(length))

    async def __call__(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            size = len(message.get("body", b""))
            self._check(size)
            self._left -= size
        return message

    def _check(self, size: int) -> None:
        if size > self._left:
            # What follows of the body would be read as the next request.
            raise Refused(BODY_TOO_LARGE, f"the body has more than {self._most // 1024:,} KiB", headers={"Connection": "close"})


class _Answer:
    """The answer on its way out, with the headers that every answer has."""

    def __init__(self, send: Send, request_id: str, state: Mapping[str, object]) -> None:
        self._send = send
        self._state = state
        self.request_id = request_id
        self.status = 500
        self.started = False
        self.size = 0

    @property
    def admission(self) -> Admission | None:
        """What the request passed on its way, if it came so far."""
        found = self._state.get("admission")
        return found if isinstance(found, Admission) else None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            self.status = message["status"]
            headers = MutableHeaders(raw=message["headers"])
            headers["X-Request-Id"] = self.request_id
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            if self.admission is not None:
                headers.update(self.admission.headers)
            headers.setdefault("Cache-Control", "no-store")
            message["headers"] = headers.raw
        self.size += len(message.get("body", b""))
        await self._send(message)

    async def fail(self, scope: Scope, receive: Receive, error: Exception) -> None:
        """Answer with the error's problem, unless an answer is under way: then the connection breaks, which can't be taken for success."""
        if self.started:
            raise error
        problem = problem_of(error) or internal()
        await problem.response(instance=quote(scope["path"]), request_id=self.request_id)(scope, receive, self)


def client_behind(clients: Clients, scope: Scope, headers: Headers) -> Client:
    """Who is at the other end, behind proxies of our own."""
    peer = clients.peer(scope["client"][0]) if scope.get("client") else UNKNOWN
    if not peer.is_proxy:
        return peer
    hops = headers.getlist("x-forwarded-for")  # of several lines the last are the nearest
    return clients.forwarded(peer, ",".join(hops).encode("latin-1") if hops else None)


def _route(scope: Scope) -> str:
    """The address's template: paths themselves would make a metric each."""
    return str(getattr(scope.get("route"), "path", "none"))


def _describe(trace: Span, scope: Scope, status: int) -> None:
    trace.update_name(f"{scope['method']} {_route(scope)}")
    trace.set_attribute("http.response.status_code", status)
