"""Answers requests for files (`quietzone_kit.http`)."""

import asyncio
from collections.abc import Coroutine, Iterable, Mapping
from contextlib import suppress
from typing import Any

from quietzone_kit.errors import FailedPrecondition, InvalidInput, NotFound, QuietzoneError, ResourceExhausted, Unavailable
from quietzone_kit.http import HttpBodies, Request, http_date, plain_response, response_head
from quietzone_kit.runtime import Clock
from quietzone_kit.telemetry import logger
from quietzone_storage.assets.domain import ORIGINAL, AssetId
from quietzone_storage.metrics import FILES
from quietzone_storage.serving.held import Served
from quietzone_storage.serving.links import GET, PUT, Allowed, Expired, UrlKeys, WrongUrl
from quietzone_storage.serving.ranges import Part, Unsatisfiable, is_known, part_of
from quietzone_storage.serving.use_cases import FOLDER, Finder
from quietzone_storage.uploads.files import Refused
from quietzone_storage.uploads.use_cases import BYTES_TERM, TYPE_TERM, Uploads
from quietzone_storage.uploads.use_cases import FOLDER as UPLOADS

log = logger(__name__)

KEPT_HEADERS = ("if-none-match", "if-range", "range")
"""What the HttpServer must keep of a request."""

ANSWER_S = 20.0
"""For one file: below what clients and load balancers wait, above the deadlines of store and blobs together in all but the worst case."""

MAX_FETCHES = 256
"""Files that are fetched at once: each may have some MB in memory; more of them mean that the blobs don't answer."""

RENEWALS_AT_ONCE = 8
"""A hundred files that came together are due together: all at once would hold up who is served meanwhile. The next who asks is the next
to try.
"""

MAX_AGE_S = 300
"""How long copies are good, at most until the URL expires: a file keeps its name when its code looks different, and purges may fail."""

ASSET_ID_CHARACTERS = 36

_SAFE = (
    (b"X-Content-Type-Options", b"nosniff"),
    (b"Content-Security-Policy", b"default-src 'none'; style-src 'unsafe-inline'; sandbox"),  # an SVG that is opened by itself
    (b"Cross-Origin-Resource-Policy", b"cross-origin"),
)
_NO_STORE = (b"Cache-Control", b"no-store")
ANY_PAGE = (
    (b"Access-Control-Allow-Origin", b"*"),  # a signed URL is all that it takes, and no cookie is looked at
    (b"Access-Control-Expose-Headers", b"Content-Disposition, Content-Range, ETag"),
)
_PREFLIGHT = (
    (b"Access-Control-Allow-Methods", b"GET, HEAD, PUT"),
    (b"Access-Control-Allow-Headers", b"Content-Type, If-None-Match, If-Range, Range"),
    (b"Access-Control-Max-Age", b"7200"),  # as long as Chromium keeps it
)
_STATUS = {InvalidInput: 400, NotFound: 404, FailedPrecondition: 409, ResourceExhausted: 503, Unavailable: 503}


class FileServer:
    """Answers requests by `handle`; `run` must run beside it. Nothing that it says depends on a header but for parts and known versions,
    which caches understand: so there is no Vary, and pages of any origin are told the same.
    """

    def __init__(self, finder: Finder, uploads: Uploads, keys: UrlKeys, clock: Clock) -> None:
        self._finder = finder
        self._uploads = uploads
        self._keys = keys
        self._clock = clock
        self._tasks: asyncio.TaskGroup | None = None
        self._fetches = 0
        self._renewals = 0

    async def run(self) -> None:
        """Fetch files that aren't in memory, until cancelled."""
        async with asyncio.TaskGroup() as self._tasks:
            await asyncio.Event().wait()

    def bodies(self, *, in_all: int) -> HttpBodies:
        """What its HttpServer takes: uploads, each as large as its URL says, `in_all` bytes at once."""
        return HttpBodies(self._room, in_all)

    def handle(self, request: Request) -> None:
        """Answer a request."""
        path, _, query = request.target.decode("latin-1").partition("?")
        is_upload = path.startswith(UPLOADS)
        methods = b"PUT, OPTIONS" if is_upload else b"GET, HEAD, OPTIONS"
        if not is_upload and not path.startswith(FOLDER):
            self._refuse(request, 404, f"Files are under {FOLDER}.")
        elif request.method == b"OPTIONS":
            self._reply(request, 200, _PREFLIGHT, b"", "preflight")
        elif request.method not in methods.split(b", "):
            self._refuse(request, 405, f"Only {methods.decode()} here.", (b"Allow", methods))
        else:
            try:
                allowed = self._keys.check(PUT if is_upload else GET, path, query, self._clock.now_ms() // 1000)
            except Expired as error:
                self._refuse(request, 410, f"{error}.")
            except WrongUrl as error:
                self._refuse(request, 403, f"{error}.")
            else:
                self._act(request, path, allowed)

    def _act(self, request: Request, path: str, allowed: Allowed) -> None:
        if path.startswith(UPLOADS):
            self._later(request, self._receive(request, AssetId(path.removeprefix(UPLOADS)), allowed))
            return
        name = path.removeprefix(FOLDER)
        served = self._finder.at_hand(name)
        if served is not None:
            self._answer(request, served, allowed)
            if self._finder.is_due(served):
                self._renew_later(name)
        else:
            self._later(request, self._fetch(request, name, allowed))

    def _later(self, request: Request, work: Coroutine[Any, Any, None]) -> None:
        if self._tasks is None or self._fetches >= MAX_FETCHES:
            work.close()
            self._refuse(request, 503, "Too many files at once; try again in a moment.", (b"Retry-After", b"1"))
            return
        self._fetches += 1
        self._tasks.create_task(self._told(request, work))

    def _renew_later(self, name: str) -> None:
        if self._tasks is not None and self._renewals < RENEWALS_AT_ONCE:
            self._renewals += 1
            self._tasks.create_task(self._renew(name))

    async def _renew(self, name: str) -> None:
        """Whoever asks when it is good no more is told what is wrong."""
        try:
            async with asyncio.timeout(ANSWER_S):
                with suppress(QuietzoneError, TimeoutError):
                    await self._finder.renew(name)
        except Exception:  # a fault with one file must not end the server
            log.exception("a file can't be read anew", path=FOLDER + name)
        finally:
            self._renewals -= 1

    async def _told(self, request: Request, work: Coroutine[Any, Any, None]) -> None:
        """Do it, and answer what went wrong."""
        try:
            async with asyncio.timeout(ANSWER_S):
                await work
        except Refused as error:
            self._refuse(request, 422, f"{error}.")
        except (QuietzoneError, TimeoutError) as error:
            status = 503 if isinstance(error, TimeoutError) else _STATUS.get(type(error), 500)
            then = [(b"Retry-After", b"1")] if status == 503 else []
            self._refuse(request, status, str(error) or "The place of files doesn't answer; try again.", *then)
        except Exception:  # a fault with one file must not end the server
            log.exception("a request for a file fails", path=request.target.decode("latin-1").partition("?")[0])
            self._refuse(request, 500, "Something is wrong here; it was noted.")
        finally:
            self._fetches -= 1

    async def _fetch(self, request: Request, name: str, allowed: Allowed) -> None:
        self._answer(request, await self._finder.find(name), allowed)

    async def _receive(self, request: Request, asset_id: AssetId, allowed: Allowed) -> None:
        if not request.body:
            raise Refused("the request has no body: send the file by PUT")
        asset = await self._uploads.receive(asset_id, request.body, allowed.term(TYPE_TERM))
        said = f"{asset.asset_id} is looked at; then its files are there."
        head, body = plain_response(202, said, [_NO_STORE, *ANY_PAGE], date=self._date())
        request.reply(head, body)
        FILES.labels("upload").inc()

    def _room(self, method: bytes, target: bytes, _headers: Mapping[bytes, bytes]) -> int | tuple[int, str]:
        """How large a body may be: what its URL says, if that holds; else why it doesn't."""
        path, _, query = target.decode("latin-1").partition("?")
        if method != b"PUT" or not path.startswith(UPLOADS):
            return 0
        try:
            return int(self._keys.check(PUT, path, query, self._clock.now_ms() // 1000).term(BYTES_TERM))
        except Expired as error:
            return 410, f"{error}."
        except WrongUrl as error:
            return 403, f"{error}."

    def _answer(self, request: Request, served: Served, allowed: Allowed) -> None:
        left_s = min(MAX_AGE_S, max(0, allowed.until_s - self._clock.now_ms() // 1000))
        # What took too long to come may be of a file that is purged by now: nobody would purge the copy.
        is_good = served.is_good(self._clock.monotonic())
        headers = [
            (b"ETag", served.etag.encode()),
            (b"Cache-Tag", _tag(served)),
            (b"Cache-Control", b"public, max-age=%d" % left_s) if is_good else _NO_STORE,
            (b"Accept-Ranges", b"bytes"),
            *_SAFE,
        ]
        if is_known(request.headers.get(b"if-none-match", b"").decode("latin-1"), served.etag):
            request.reply(response_head(304, [*headers, *ANY_PAGE], date=self._date(), size=len(served.data)))
            FILES.labels("known").inc()
            return
        headers += [(b"Content-Type", served.media_type.encode()), (b"Content-Disposition", _disposition(served))]
        try:
            part = self._part(request, served)
        except Unsatisfiable as error:
            self._refuse(request, 416, f"{error}.", (b"Content-Range", b"bytes */%d" % len(served.data)))
            return
        if part is None:
            self._reply(request, 200, headers, served.data, "whole")
            return
        headers.append((b"Content-Range", b"bytes %d-%d/%d" % (part.start, part.end - 1, len(served.data))))
        self._reply(request, 206, headers, served.data[part.start : part.end], "part")

    def _part(self, request: Request, served: Served) -> Part | None:
        if request.headers.get(b"if-range", served.etag.encode()) != served.etag.encode():
            return None  # of another version than the one that he has the rest of
        return part_of(request.headers.get(b"range", b"").decode("latin-1"), len(served.data)) if request.method == b"GET" else None

    def _refuse(self, request: Request, status: int, reason: str, *headers: tuple[bytes, bytes]) -> None:
        head, body = plain_response(status, reason, [_NO_STORE, *headers, *ANY_PAGE], date=self._date())
        request.reply(head, body)
        FILES.labels(str(status)).inc()

    def _reply(self, request: Request, status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes, outcome: str) -> None:
        request.reply(response_head(status, [*headers, *ANY_PAGE], date=self._date(), size=len(body)), body)
        FILES.labels(outcome).inc()

    def _date(self) -> bytes:
        return http_date(self._clock.now_ms() // 1000)


def _tag(served: Served) -> bytes:
    """The asset's id, by which caches forget all of its files."""
    return served.name[:ASSET_ID_CHARACTERS].encode()


def _disposition(served: Served) -> bytes:
    """An upload as it came is for keeping, not for showing."""
    kind = "attachment" if ORIGINAL in served.name else "inline"
    return f'{kind}; filename="{served.name}"'.encode()
