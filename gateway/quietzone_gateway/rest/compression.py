"""Smaller answers for those who take them."""

import re

from starlette.datastructures import Headers
from starlette.middleware.gzip import DEFAULT_EXCLUDED_CONTENT_TYPES, GZipMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

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


class Compression:
    """gzip from MIN_BYTES on, for clients that accept it and don't send X-No-Compression."""

    def __init__(self, app: ASGIApp) -> None:
        self._plain = app
        self._smaller = GZipMiddleware(app, MIN_BYTES, LEVEL, thread_minimum_size=THREAD_BYTES, exclude_content_types=COMPRESSED_ALREADY)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or OFF in Headers(scope=scope) or _AS_IT_IS.fullmatch(scope["path"]):
            await self._plain(scope, receive, send)
        else:
            await self._smaller(scope, receive, send)
