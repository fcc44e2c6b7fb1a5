"""What each address of the API does before its own code: who calls, and is the body JSON?"""

import asyncio
import re
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Header, Request, Security
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from fastapi.security import APIKeyHeader, HTTPBearer
from starlette.responses import Response

from quietzone_gateway.dead_letters import DeadLetterDesk
from quietzone_gateway.idempotency import Repeats
from quietzone_gateway.identity.authentication import Credentials
from quietzone_gateway.identity.build import Identity
from quietzone_gateway.identity.domain import NO_ACCOUNT, OPERATOR, Principal, Visitor
from quietzone_gateway.live.notices import Notices
from quietzone_gateway.plans import Admission, Flags, Plans
from quietzone_gateway.rest.classes import class_of
from quietzone_gateway.rest.description import problems
from quietzone_gateway.rest.mapped import context_of, with_mapping
from quietzone_gateway.rest.mapping import Context
from quietzone_gateway.rest.problems import NO_SUCH_FIELD, UNSUPPORTED_MEDIA_TYPE, Refused
from quietzone_gateway.rest.reads import Reads
from quietzone_gateway.rest.repeats import CHANGING, HEADER, repeated
from quietzone_gateway.rpc import Assets, Codes, Counts, Exports, Operations, Tasks
from quietzone_gateway.rpc.notification import Notification
from quietzone_kit.errors import FieldViolation, InvalidInput, NotFound, PermissionDenied, QuietzoneError, Unauthenticated
from quietzone_kit.http.clients import Client
from quietzone_kit.rpc import SERVICE_SCOPES, Caller
from quietzone_kit.runtime import Clock

T = TypeVar("T")

COOKIE = "__Host-quietzone"
"""The prefix binds it to this host, to https and to all paths (RFC 6265bis, 4.1.3.2)."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What the addresses stand on."""

    codes: Codes
    counts: Counts
    exports: Exports
    assets: Assets
    operations: Operations
    tasks: Tasks
    notification: Notification
    identity: Identity
    repeats: Repeats
    reads: Reads
    plans: Plans
    flags: Flags
    notices: Notices
    dead_letters: DeadLetterDesk
    clock: Clock


class ApiRoute(APIRoute):
    """Finds the caller and refuses unknown queries and other bodies than JSON, before anything of the body is read."""

    answers_are_kept = True
    """For repetitions of a request with the same Idempotency-Key."""

    only_names = False
    """Instead of keeping answers: the request is named, and made again."""
    needs_caller = True
    counts_strangers = True
    """Where nobody is known yet: whether each request counts for its address."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """As FastAPI makes a route; what is done here before its own code stands in the description of each.

        The scope that the gateway asks for (`Needs`) is `x-scope` there.
        """
        statuses = self._statuses_before(kwargs.get("methods") or ())
        kwargs["responses"] = problems(*statuses) | (kwargs.get("responses") or {})
        super().__init__(*args, **kwargs)
        for needed in (each.call for each in self.dependant.dependencies if isinstance(each.call, Needs)):
            self.openapi_extra = {**(self.openapi_extra or {}), "x-scope": needed.scope}

    def _statuses_before(self, methods: Iterable[str]) -> set[int]:
        """Of problems that a request can meet before the address's own code: a query that it hasn't, a caller or a key that won't do."""
        callers = {401, 403} if self.needs_caller else set()
        keys = {409, 422} if self.answers_are_kept and not self.only_names and not CHANGING.isdisjoint(methods) else set()
        return {400} | callers | keys

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's handler, with that before it."""
        handle = super().get_route_handler()

        async def handle_for_caller(request: Request) -> Response:
            await self._let_in(request)
            if not self.dependant.query_params:  # those with a query have a model, which does it
                _refuse_query(request)
            _refuse_repeated(request)
            if self.body_field is not None:
                _check_media_type(request)
            rule = request.app.state.mappings.of(request.method, self.path)
            if rule is None:
                return await handle_once(request)
            response = await with_mapping(request, handle_once, rule, _context(request))
            request.state.question = None  # what is kept has the API's own form
            return response

        async def handle_once(request: Request) -> Response:
            if not self.answers_are_kept:
                _refuse_key(request)
                return await handle(request)
            parts, principal = _parts(request), principal_of(request)
            return await repeated(request, handle, parts.repeats, parts.clock, principal=principal, keep=not self.only_names)

        return handle_for_caller

    async def _let_in(self, request: Request) -> None:
        if self.needs_caller:
            await authenticate(request)
        elif self.counts_strangers:
            await _admit(request, None)


class SecretRoute(ApiRoute):
    """An address whose answers hold secrets: what Idempotency-Key needs would keep them for a day."""

    answers_are_kept = False


class OpenRoute(SecretRoute):
    """An address for those who aren't known yet."""

    needs_caller = False


class PublicRoute(OpenRoute):
    """An address of what everybody may read, and caches keep."""

    counts_strangers = False


class RenewRoute(PublicRoute):
    """An address where something is shown that only one program has: what isn't good counts for its address, as keys that are tried."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, with that around it."""
        handle = super().get_route_handler()

        async def count_refused(request: Request) -> Response:
            try:
                return await handle(request)
            except (QuietzoneError, RequestValidationError):
                await _admit(request, None)
                raise

        return count_refused


# Only for the API's description: `ApiRoute` has looked already.
DESCRIBED_SECURITY = [
    Security(HTTPBearer(auto_error=False, description="The account's API key, `qz_…`")),
    Security(APIKeyHeader(name="X-Api-Key", auto_error=False, description="The same key for clients that can't send Authorization")),
]


def _parts(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts


def _context(request: Request) -> Context:
    principal: Principal | None = getattr(request.state, "principal", None)
    return context_of(
        request,
        now_ms=_parts(request).clock.now_ms(),
        request_id=request.state.request_id,
        user_id=principal.subject if principal else "",
        left=getattr(request.state, "quota_left", None),
        source_ip=address_of(request) or None,
    )


def client_of(request: Request) -> Client:
    """Who is at the other end, behind proxies of our own."""
    client: Client = request.state.client
    return client


def address_of(request: Request) -> str:
    """The whole address of who is at the other end, for decisions that are made now; empty when it isn't known."""
    address = client_of(request).address
    return "" if address is None else str(address)


def visitor_of(request: Request) -> Visitor:
    """Who is at the other end, as long as nobody knows him."""
    return Visitor(address_of(request), request.headers.get("user-agent", ""))


def principal_of(request: Request) -> Principal:
    """Who calls."""
    principal: Principal = request.state.principal
    return principal


async def _request_name(
    request: Request,
    idempotency_key: Annotated[  # noqa: ARG001 - only described here: `repeated` has looked
        str | None,
        Header(
            description="Of your choice, 1 to 255 characters: for a day, what has succeeded is answered the same again, and changes nothing"
        ),
    ] = None,
) -> str | None:
    name: str | None = getattr(request.state, "request_name", None)
    return name


RequestName = Annotated[str | None, Depends(_request_name)]
"""What names the request to services, so that they do it once; None: it came without a key."""


def caller_of(request: Request) -> Caller:
    """Who calls, as services are told of him.

    Raises:
        PermissionDenied: he is in no account, so that there is nothing to ask for.
    """
    principal = principal_of(request)
    if not principal.account_id:  # services would take him for one of them
        raise PermissionDenied(NO_ACCOUNT)
    return Caller(principal.account_id, principal.scopes & _TOLD_SCOPES, principal.subject)


class Needs:
    """Lets in only who has a scope that the gateway itself enforces; the API's description names it."""

    def __init__(self, scope: str) -> None:
        self.scope = scope

    async def __call__(self, request: Request) -> Principal:
        """Who calls.

        Raises:
            PermissionDenied: he hasn't the scope.
        """
        principal = principal_of(request)
        if self.scope not in principal.scopes:
            raise PermissionDenied(f"this needs the scope {self.scope!r}")
        return principal


_TOLD_SCOPES = SERVICE_SCOPES | {OPERATOR}


def _now(find: Callable[[Request], T]) -> Callable[[Request], Coroutine[Any, Any, T]]:
    """What an address depends on. FastAPI runs what is not async in a thread, which takes longer than all that these do."""

    async def found(request: Request) -> T:
        return find(request)

    return found


Services = Annotated[Parts, Depends(_now(_parts))]
CallerNow = Annotated[Caller, Depends(_now(caller_of))]
PrincipalNow = Annotated[Principal, Depends(_now(principal_of))]
VisitorNow = Annotated[Visitor, Depends(_now(visitor_of))]


def known_id(given: str, what: str = "code") -> str:
    """The id of a code, or of what `what` names, as a service may be asked for it.

    Raises:
        NotFound: no id looks like that.
    """
    try:
        return str(uuid.UUID(given))
    except ValueError as error:
        raise NotFound(f"there is no {what} with this id") from error


@contextmanager
def names_of_the_api(names: Mapping[str, str]) -> Iterator[None]:
    """Name a service's fields that are wrong as the API's callers know them, also where a reason speaks of another field."""
    try:
        yield
    except InvalidInput as error:
        known = [FieldViolation(known_as(found.field, names), _in_words(found.reason, names)) for found in error.violations]
        raise InvalidInput(*known) from error


def known_as(field: str, names: Mapping[str, str]) -> str:
    """A field by its name here; of one within others the last word counts: `targets[0].max_age_ms` is `targets.0.max_age_s`."""
    if field in names:
        return names[field]
    place, dot, last = re.sub(r"\[(\d+)\]", r".\1", field).rpartition(".")
    return f"{place}{dot}{names.get(last, last)}"


def _in_words(reason: str, names: Mapping[str, str]) -> str:
    """A reason with the API's names; only what can be no word of English is taken for a name."""
    return re.sub(r"\b[a-z]+(?:_[a-z]+)+\b", lambda found: names.get(found[0], found[0]), reason)


@asynccontextmanager
async def together() -> AsyncIterator[asyncio.TaskGroup]:
    """Ask several services at once; the first error of one is raised as if it had been asked alone, and ends the others."""
    try:
        async with asyncio.TaskGroup() as group:
            yield group
    except* QuietzoneError as errors:
        raise _first(errors) from None


def _first(errors: BaseExceptionGroup[QuietzoneError]) -> QuietzoneError:
    first = errors.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first


async def authenticate(request: Request) -> None:
    """Find out who calls and let him pass, and remember both in the request's state.

    Raises:
        LimitReached: his plan, or what an address may ask without an account, allows no more now.
        QuietzoneError: as `Authentication.principal_of`.
    """
    try:
        request.state.principal = await _found_principal(request)
    except (Unauthenticated, PermissionDenied):
        await _admit(request, None)  # keys and tokens can't be tried without end
        raise
    await _admit(request, request.state.principal)


async def _admit(request: Request, principal: Principal | None) -> None:
    account_id, plan = (principal.account_id, principal.plan) if principal is not None else ("", "")
    kind = class_of(request.method, request.url.path)
    admission = await _parts(request).plans.admit(account_id, plan, kind, client_of(request).address)
    request.state.admission = admission
    request.state.quota_left = admission.left


def admission_of(request: Request) -> Admission:
    """What the request has passed."""
    admission: Admission = request.state.admission
    return admission


AdmissionNow = Annotated[Admission, Depends(_now(admission_of))]


async def _found_principal(request: Request) -> Principal:
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    shown = Credentials(
        address=address_of(request),
        bearer=credentials.strip() if scheme.lower() == "bearer" else "",
        api_key=request.headers.get("x-api-key", "").strip(),
        cookie=request.cookies.get(COOKIE, ""),
        method=request.method,
        origin=request.headers.get("origin", ""),
        csrf=request.headers.get("x-csrf-token", ""),
        account=request.headers.get("x-quietzone-account", "").strip(),
        path=request.url.path,
        request_id=request.state.request_id,
    )
    return await _parts(request).identity.authentication.principal_of(shown)


def _refuse_key(request: Request) -> None:
    if HEADER in request.headers:
        raise InvalidInput(FieldViolation(HEADER, "can't be used here: the answer holds a secret, which isn't kept"))


def _refuse_query(request: Request) -> None:
    if request.query_params:
        raise InvalidInput(*(FieldViolation(name, NO_SUCH_FIELD) for name in dict.fromkeys(request.query_params)))


def _refuse_repeated(request: Request) -> None:
    """Of two values one would be ignored; the API has no list in a query."""
    names = [name for name, _ in request.query_params.multi_items()]
    if repeated := [name for name in dict.fromkeys(names) if names.count(name) > 1]:
        raise InvalidInput(*(FieldViolation(name, "given more than once") for name in repeated))


def _check_media_type(request: Request) -> None:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json" and not (media_type.startswith("application/") and media_type.endswith("+json")):
        raise Refused(UNSUPPORTED_MEDIA_TYPE, f"the body is {media_type or 'of no type'}; send it as application/json")
    if (coding := request.headers.get("content-encoding", "identity").strip().lower()) not in ("", "identity"):
        raise Refused(UNSUPPORTED_MEDIA_TYPE, f"the body is packed by {coding[:40]!r}; send it as it is")
