"""Smaller answers for those who take them."""

import re
from functools import lru_cache

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.gzip import DEFAULT_EXCLUDED_CONTENT_TYPES, GZipMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from quietzone_gateway.rest.etags import tag_of_compressed

MIN_BYTES = 1_024
"""A smaller answer fits into one packet as it is."""

LEVEL = 5
"""JSON of a page: level 9 takes twice the time for 2 % less."""

THREAD_BYTES = 64 * 1024
"""Larger parts are compressed beside the loop: 64 KB take 1 ms."""

OFF = "x-no-compression"

COMPRESSED_ALREADY = (*DEFAULT_EXCLUDED_CONTENT_TYPES, "application/vnd.apache.parquet")

_AS_IT_IS = re.compile(r"/v1/(exports/[^/]+/file|auth/.*)")
"""Files, whose size and digest are told in headers; and what carries secrets, whose size must not tell of them
(BREACH, https://www.breachattack.com)."""


_GZIP = re.compile(r"(x-)?gzip\s*(;\s*q=(?!0(\.0{0,3})?$)[\d.]+)?")
"""One coding with its weight, which isn't 0."""


class Compression:
    """gzip from MIN_BYTES on, for clients that accept it and don't send X-No-Compression."""

    def __init__(self, app: ASGIApp) -> None:
        self._plain = app
        self._smaller = GZipMiddleware(app, MIN_BYTES, LEVEL, thread_minimum_size=THREAD_BYTES, exclude_content_types=COMPRESSED_ALREADY)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http" and self._may_be_smaller(scope["path"], Headers(scope=scope)):
            await self._smaller(scope, receive, _Tagging(send))
        else:
            await self._plain(scope, receive, send)

    def _may_be_smaller(self, path: str, headers: Headers) -> bool:
        if OFF in headers or _AS_IT_IS.fullmatch(path):
            return False
        accepted = ",".join(headers.getlist("accept-encoding"))
        return "gzip" not in accepted or takes_gzip(accepted)  # to whom doesn't name it, the middleware only says Vary


class _Tagging:
    """Passes an answer on; when it was compressed on the way, by the tag of that form."""

    def __init__(self, send: Send) -> None:
        self._send = send

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(raw=message["headers"])
            etag = headers.get("etag", "")
            if etag.startswith('"') and headers.get("content-encoding") == "gzip":
                headers["etag"] = tag_of_compressed(etag.strip('"'))
        await self._send(message)


@lru_cache(1_000)  # clients are of few kinds, and a header has a bound
def takes_gzip(accepted: str) -> bool:
    """Whether `Accept-Encoding` names gzip, other than by `q=0` (RFC 9110, 12.5.3); by `*` alone it doesn't."""
    return any(_GZIP.fullmatch(coding.strip()) for coding in accepted.lower().split(","))
