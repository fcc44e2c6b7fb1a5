"""The edge: all that is done between a request and its answer.

Requests that come in one turn of the event loop share one append to the spool, and are answered after it. So each turn reads the clock
once, and costs one write, however many requests it has.
"""

import asyncio
import hashlib
from collections import deque
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol
from urllib.parse import unquote

from quietzone_kit.errors import QuietzoneError
from quietzone_kit.http import Request, http_date, response_head
from quietzone_kit.http.clients import Client, Clients
from quietzone_kit.runtime import Clock
from quietzone_kit.telemetry import logger
from quietzone_tracking.decide import SLUG, Link, Outcome, Page, decide, page_of, reserved_page, unavailable_page, wrong_method_page
from quietzone_tracking.edge.metrics import ANSWERS, FLUSH_FAILURES, REDIRECT_SECONDS, SCANS_RECORDED, SCANS_UNRECORDED
from quietzone_tracking.edge.traces import ScanTraces
from quietzone_tracking.spool import MAX_SCANS, NotRecorded, SpooledScan, SpoolWriter
from quietzone_tracking.spool.frames import MAX_LANGUAGE, MAX_REFERRER, MAX_USER_AGENT

log = logger(__name__)

KEPT_HEADERS = ("user-agent", "referer", "accept-language", "x-forwarded-for", "traceparent")
"""What the edge's HttpServer must keep of a request."""

DAY_MS = 86_400_000

MAX_RESOLVES = 256
"""Slugs that are looked up at once: a store answers in milliseconds, so that more of them means that it doesn't."""

_REDIRECT = response_head(302, [(b"Cache-Control", b"no-store")], date=b"%b", size=0).removesuffix(b"\r\n") + b"Location: "


_REDIRECTED = Outcome.REDIRECT  # looking a member of an Enum up is slow


class Links(Protocol):
    """Links by slug."""

    def lookup(self, slug: str) -> Link | None:
        """The link in memory."""

    async def resolve(self, slug: str) -> Link | None:
        """The link, wherever it is; None when nobody knows the slug.

        Raises:
            QuietzoneError: it can't be looked up now.
        """


class Salts(Protocol):
    """Salts of visitor hashes."""

    def salt(self, utc_day: int) -> bytes | None:
        """The salt of a UTC day (days since 1970), 16 to 64 bytes; None when it isn't here."""


@dataclass(frozen=True, slots=True)
class EdgeOptions:
    """`ack`: what a redirect waits for, `spool` (the scan survives the process) or `disk` (and the machine). `trusted_proxies`: networks
    whose X-Forwarded-For is believed. `resolve_timeout_s`: how long a scan may wait for a link that isn't in memory. `traces`: begins
    traces; None where nobody collects them.
    """

    ack: Literal["spool", "disk"] = "spool"
    trusted_proxies: tuple[str, ...] = ()
    resolve_timeout_s: float = 2.0
    traces: ScanTraces | None = None


class _Redirects(NamedTuple):
    """Redirects that are answered together: when their turn began, and of those whose link was looked up elsewhere, when they came."""

    replies: list[tuple[Request, bytes]]
    began: float
    late: list[float]
    trace_id: str


class Edge:
    """Answers requests by `handle`; `run` must run beside it."""

    def __init__(self, links: Links, spool: SpoolWriter, clock: Clock, salts: Salts, options: EdgeOptions) -> None:
        self._lookup = links.lookup
        self._resolve = links.resolve
        self._spool = spool
        self._clock = clock
        self._monotonic = clock.monotonic
        self._salts = salts
        self._options = options
        self._clients = Clients(options.trusted_proxies)
        self._traces = options.traces
        self._tasks: asyncio.TaskGroup | None = None
        self._resolving = 0
        self._in_turn = False
        self._began = 0.0
        self._now_ms = 0
        self._second = -1
        self._complained = -1
        self._date = b""
        self._redirect = b""
        self._day = -1
        self._hash: hashlib.blake2b | None = None
        self._scans: list[SpooledScan] = []
        self._replies: list[tuple[Request, bytes]] = []
        self._late: list[float] = []
        # Appended and not flushed, with `ack="disk"`; a connection has one request at a time, so the server's limit is the bound.
        self._unflushed: deque[tuple[int, _Redirects]] = deque()
        self._failed_flushes = 0
        self._redirects = ANSWERS.labels(Outcome.REDIRECT.value)
        self._heads = ANSWERS.labels("head")
        spool.on_flush(self._flushed, at_once=options.ack == "disk")

    async def run(self) -> None:
        """Look up links that aren't in memory, until cancelled."""
        async with asyncio.TaskGroup() as self._tasks:
            await asyncio.Event().wait()

    def handle(self, request: Request) -> None:
        """Answer a request."""
        if not self._in_turn:
            self._begin_turn()
        try:
            link = self._lookup(request.target[1:].decode())
        except UnicodeDecodeError:
            link = None
        if link is not None:
            self._answer(request, link)
        else:
            self._find(request)

    def _answer(self, request: Request, link: Link | None) -> None:
        outcome = decide(link)
        if link is None or outcome is not _REDIRECTED:
            self._show(request, page_of(outcome), outcome.value)
            return
        head = self._redirect + link.destination.encode("ascii") + b"\r\n\r\n"
        if request.method == b"GET":
            self._scans.append(self._scan(request, link))
            self._replies.append((request, head))
            if len(self._scans) >= MAX_SCANS:
                self._record()
        elif request.method == b"HEAD":
            request.reply(head)
            self._heads.inc()
        else:
            self._show(request, wrong_method_page(), "wrong_method")

    def _scan(self, request: Request, link: Link) -> SpooledScan:
        headers = request.headers
        client = request.memo
        if not isinstance(client, Client):
            client = request.memo = self._clients.peer(request.peer)
        is_trusted = client.is_proxy
        if is_trusted:
            client = self._clients.forwarded(client, headers.get(b"x-forwarded-for"))
        agent = headers.get(b"user-agent", b"")[:MAX_USER_AGENT]
        visitor = 0
        if self._hash is not None:
            hashed = self._hash.copy()
            hashed.update(link.account_id.encode() + client.key + agent)
            visitor = int.from_bytes(hashed.digest(), "little") or 1  # 0 says that there was no salt
        return SpooledScan(
            link.code_id,
            link.account_id,
            self._now_ms,
            visitor,
            client.truncated,
            agent,
            headers.get(b"referer", b"")[:MAX_REFERRER],
            headers.get(b"accept-language", b"")[:MAX_LANGUAGE],
            "" if self._traces is None else self._traces.begin(link, headers.get(b"traceparent") if is_trusted else None),
        )

    # Turns

    def _begin_turn(self) -> None:
        self._in_turn = True
        asyncio.get_running_loop().call_soon(self._end_turn)
        self._began = self._monotonic()
        self._now_ms = now_ms = self._clock.now_ms()
        if now_ms // 1000 != self._second:
            self._second = now_ms // 1000
            self._date = http_date(self._second)
            self._redirect = _REDIRECT % self._date
        if now_ms // DAY_MS != self._day or self._hash is None:
            self._day = now_ms // DAY_MS
            salt = self._salts.salt(self._day)
            self._hash = None if salt is None else hashlib.blake2b(key=salt, digest_size=8)

    def _end_turn(self) -> None:
        self._in_turn = False
        if self._scans:
            self._record()

    def _record(self) -> None:
        """Append the turn's scans, then answer; whatever happens to the scans, the redirects are served."""
        scans, replies, late = self._scans, self._replies, self._late
        self._scans, self._replies, self._late = [], [], []
        last_seq = None
        try:
            last_seq = self._spool.append(scans)
        except NotRecorded as error:
            self._spool.count_unrecorded(len(scans))
            SCANS_UNRECORDED.labels(error.reason).inc(len(scans))
        else:
            SCANS_RECORDED.inc(len(scans))
        finally:
            trace_id = "" if self._traces is None else self._traces.end()
        if last_seq is not None and self._options.ack == "disk":
            self._unflushed.append((last_seq, _Redirects(replies, self._began, late, trace_id)))
        else:
            self._serve(replies, self._began, late, trace_id)

    def _serve(self, replies: list[tuple[Request, bytes]], began: float, late: list[float], trace_id: str) -> None:
        for request, head in replies:
            request.reply(head)
        self._redirects.inc(len(replies))
        now = self._monotonic()
        REDIRECT_SECONDS.observe(now - began, len(replies) - len(late), trace_id)
        for came in late:
            REDIRECT_SECONDS.observe(now - came)

    def _flushed(self, last_seq: int) -> None:
        """A flush was tried: with `ack="disk"` it is time to answer, also when it failed, since the redirect comes first."""
        if self._spool.failed_flushes != self._failed_flushes:
            FLUSH_FAILURES.inc(self._spool.failed_flushes - self._failed_flushes)
            self._failed_flushes = self._spool.failed_flushes
        while self._unflushed and self._unflushed[0][0] <= last_seq:
            self._serve(*self._unflushed.popleft()[1])

    # What isn't in memory under the target as it came

    def _find(self, request: Request) -> None:
        path = _path(request.target)
        page = reserved_page(path)
        slug = path[1:]
        if page is not None:
            self._show(request, page, "reserved")
        elif request.method not in {b"GET", b"HEAD"}:
            self._show(request, wrong_method_page(), "wrong_method")
        elif not SLUG.fullmatch(slug):
            self._answer(request, None)
        elif (link := self._lookup(slug)) is not None:
            self._answer(request, link)
        elif self._tasks is None or self._resolving >= MAX_RESOLVES:
            self._show(request, unavailable_page(), "unavailable")
        else:
            self._resolving += 1
            self._tasks.create_task(self._find_elsewhere(request, slug, self._began))

    async def _find_elsewhere(self, request: Request, slug: str, came: float) -> None:
        link: Link | None = None
        problem: Exception | None = None
        try:
            async with asyncio.timeout(self._options.resolve_timeout_s):
                link = await self._resolve(slug)
        except Exception as error:  # noqa: BLE001 - a fault in looking links up must not end the edge, which serves those in memory
            problem = error
        finally:
            self._resolving -= 1
        if not self._in_turn:
            self._begin_turn()
        if problem is None:
            taken = len(self._scans)
            self._answer(request, link)
            if len(self._scans) > taken:
                self._late.append(came)
        else:
            self._complain(problem)
            self._show(request, unavailable_page(), "unavailable")

    def _complain(self, problem: Exception) -> None:
        """Once a second at most: while a store is down, every scan of a slug that isn't in memory comes here."""
        if self._complained == self._second:
            return
        self._complained = self._second
        expected = isinstance(problem, (QuietzoneError, TimeoutError))
        reason = str(problem) or type(problem).__name__
        log.warning("links can't be looked up; those in memory are served", reason=reason, exc_info=None if expected else problem)

    def _show(self, request: Request, page: Page, outcome: str) -> None:
        cache = f"public, max-age={page.cache_s}" if page.cache_s else "no-store"
        headers = [("Content-Type", page.content_type), ("Cache-Control", cache), *page.headers]
        encoded = [(name.encode("ascii"), value.encode("ascii")) for name, value in headers]
        request.reply(response_head(page.status, encoded, date=self._date, size=len(page.body)), page.body)
        ANSWERS.labels(outcome).inc()


def _path(target: bytes) -> str:
    """The path of a target in origin-form or absolute-form (RFC 9112, 3.2), without its query; `%5F` is `_` (RFC 3986, 2.3)."""
    path = target.decode("latin-1").partition("?")[0]
    if path[:8].lower().startswith(("http://", "https://")):
        path = "/" + path.partition("://")[2].partition("/")[2]
    return unquote(path, "latin-1")
