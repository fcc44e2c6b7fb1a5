"""The operators' port of every role: is it alive, is it ready, what does it count."""

from collections.abc import Callable

from prometheus_client import REGISTRY, CollectorRegistry

from quietzone_kit.http._request import Request
from quietzone_kit.http._responses import http_date, plain_response, response_head
from quietzone_kit.http._server import HttpServer
from quietzone_kit.runtime import Clock
from quietzone_kit.telemetry import exposition

NO_STORE = (b"Cache-Control", b"no-store")


def ops_server(
    clock: Clock, *, host: str, port: int, not_ready: Callable[[], list[str]], registry: CollectorRegistry = REGISTRY
) -> HttpServer:
    """A server of GET /healthz (200 while the loop runs), /readyz (503 and the reasons of `not_ready`, if there are any) and /metrics."""

    def handle(request: Request) -> None:
        request.reply(*_answer(request, not_ready, registry, http_date(clock.now_ms() // 1000)))

    return HttpServer(handle, clock, host=host, port=port, keep=["accept"])


def _answer(request: Request, not_ready: Callable[[], list[str]], registry: CollectorRegistry, date: bytes) -> tuple[bytes, bytes]:
    if request.method not in {b"GET", b"HEAD"}:
        return plain_response(405, "Only GET and HEAD.", [(b"Allow", b"GET, HEAD")], date=date)
    match request.target.partition(b"?")[0]:
        case b"/healthz":
            return plain_response(200, "alive", [NO_STORE], date=date)
        case b"/readyz":
            reasons = not_ready()
            return plain_response(503 if reasons else 200, "\n".join(reasons) or "ready", [NO_STORE], date=date)
        case b"/metrics":
            text, media_type = exposition(request.headers.get(b"accept", b"").decode("latin-1"), registry)
            return response_head(200, [(b"Content-Type", media_type.encode("ascii")), NO_STORE], date=date, size=len(text)), text
        case _:
            return plain_response(404, "Here are /healthz, /readyz and /metrics.", date=date)
