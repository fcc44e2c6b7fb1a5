"""What pages of other origins may do (CORS, https://fetch.spec.whatwg.org): read and write with a key or token of their own."""

from collections.abc import Sequence

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")

SENT = (
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "If-Match",
    "If-None-Match",
    "Last-Event-ID",
    "Traceparent",
    "X-Api-Key",
    "X-No-Compression",
    "X-Quietzone-Account",
    "X-Request-Id",
)

SHOWN = (
    "ETag",
    "Idempotent-Replayed",
    "Link",
    "Location",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
    "X-Request-Id",
)

REMEMBERED_S = 600
"""What a browser needn't ask again; Chromium takes no more than two hours."""


def cross_origin(app: ASGIApp, origins: Sequence[str]) -> ASGIApp:
    """`app` for pages of these origins too (`*`: of all). Cookies never count from elsewhere: sessions are for the house's own pages."""
    if not origins:
        return app
    return CORSMiddleware(
        app,
        allow_origins=origins,
        allow_methods=METHODS,
        allow_headers=SENT,
        expose_headers=SHOWN,
        allow_credentials=False,
        max_age=REMEMBERED_S,
    )
