"""The API, put together."""

from collections.abc import Iterable

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import PlainTextResponse
from fastapi.telemetry import TelemetryConfig
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import ASGIApp

from quietzone_gateway.mail_pages import routes as mail_pages
from quietzone_gateway.rest import (
    account,
    analytics,
    assets,
    audit,
    auth,
    authoriser,
    bulk,
    codes,
    dead_letters,
    deliveries,
    devices,
    events,
    exports,
    facets,
    flags,
    health,
    keys,
    mail_looks,
    mail_readers,
    me,
    members,
    operations,
    operator,
    plans,
    reconcile,
    rules,
    tail,
    tasks,
    topics,
    usage,
    webhooks,
)
from quietzone_gateway.rest.compression import Compression
from quietzone_gateway.rest.cross_origin import cross_origin
from quietzone_gateway.rest.description import describer
from quietzone_gateway.rest.early import EarlyAnswers
from quietzone_gateway.rest.envelope import Envelope, early_answers
from quietzone_gateway.rest.fast_reads import FastReads
from quietzone_gateway.rest.mapping import NO_MAPPINGS, Mappings, read_mappings
from quietzone_gateway.rest.operation_ids import operation_id
from quietzone_gateway.rest.problems import ALL_KINDS
from quietzone_gateway.rest.route import Parts
from quietzone_gateway.rest.settings import RestSettings
from quietzone_kit.errors import NotFound
from quietzone_kit.http.clients import Clients
from quietzone_kit.runtime import Randomness
from quietzone_kit.settings import setting
from quietzone_kit.telemetry import release

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
"""That the API has; `Envelope` answers HEAD as GET."""

NOTIFYING = (
    *(events.router, rules.router, *topics.ROUTERS, *webhooks.ROUTERS, *deliveries.ROUTERS, devices.router),
    *(mail_looks.router, *mail_readers.ROUTERS),
)
"""What the notification service answers."""

NO_TELEMETRY: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}
"""FastAPI's own would say again what `Envelope` says in the house's terms."""


def make_api(
    parts: Parts,
    clients: Clients,
    randomness: Randomness,
    *,
    settings: RestSettings,
    early: EarlyAnswers | None = None,
    others: Iterable[APIRouter] = (),
) -> ASGIApp:
    """The API as an ASGI application, with the addresses of `others`; no page of it loads anything, from here or elsewhere.

    `early` is shared with its server.
    """
    app = FastAPI(
        title="Quietzone",
        version=release(),
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry=NO_TELEMETRY,
        generate_unique_id_function=operation_id,
    )
    app.state.parts = parts
    app.state.bulk_under_way = 0
    for module in (
        bulk,
        facets,
        codes,
        health,
        analytics,
        exports,
        tasks,
        keys,
        me,
        reconcile,
        account,
        audit,
        authoriser,
        plans,
        flags,
        usage,
        dead_letters,
    ):
        app.include_router(module.router)
    for router in (*auth.ROUTERS, *members.ROUTERS, *operator.ROUTERS, *operations.ROUTERS, *assets.ROUTERS, *NOTIFYING, *others):
        app.include_router(router)
    for pages in mail_pages.ROUTERS:
        app.include_router(pages)
    app.add_api_route("/problems/{name}", _explain, include_in_schema=False)
    for error in (HTTPException, RequestValidationError):
        app.add_exception_handler(error, _leave_to_envelope)
    app.openapi = describer(app, {tail.TAIL: tail.DESCRIBED})  # type: ignore[method-assign] # FastAPI's documented way
    app.state.mappings = _mappings(app, settings)
    app.add_middleware(Compression)
    early = early or early_answers(parts.clock, randomness)
    app.add_middleware(Envelope, clients=clients, clock=parts.clock, randomness=randomness, early=early, answered=parts.plans.used_bytes)
    fast = FastReads(app, parts=parts, clients=clients, clock=parts.clock, randomness=randomness)
    early.keep(fast)
    return cross_origin(fast, settings.gateway_cors_origins)  # the outermost: pages may read problems too


def _mappings(app: FastAPI, settings: RestSettings) -> Mappings:
    if settings.gateway_mappings is None:
        return NO_MAPPINGS
    addresses = [(method.upper(), path) for path, methods in app.openapi()["paths"].items() for method in methods]
    with setting("gateway_mappings"):
        return read_mappings(settings.gateway_mappings, addresses)


async def _explain(name: str) -> PlainTextResponse:
    """What a problem's type means."""
    if name not in ALL_KINDS:
        raise NotFound("there is no such kind of problem")
    kind = ALL_KINDS[name]
    return PlainTextResponse(f"{kind.title} ({kind.status})\n\n{kind.advice}\n")


async def _leave_to_envelope(request: Request, error: Exception) -> PlainTextResponse:
    if isinstance(error, HTTPException) and error.status_code == 405:
        error.headers = {"Allow": ", ".join(_methods_of(request))}  # Starlette names only the methods of the first route that fits
    raise error


def _methods_of(request: Request) -> list[str]:
    routes, scope = request.app.router.routes, request.scope
    found = [name for name in METHODS if any(route.matches({**scope, "method": name})[0] is Match.FULL for route in routes)]
    return ["GET", "HEAD", *found[1:]] if "GET" in found else found
