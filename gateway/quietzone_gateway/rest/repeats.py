"""`Idempotency-Key`: around the handler of every address that changes something."""

from collections.abc import Awaitable, Callable

from fastapi import Request
from starlette.responses import Response

from quietzone_gateway.idempotency import Answer, Asked, InvalidKey, KeyReused, Repeats, StillUnderWay, named, once, parse_key
from quietzone_gateway.idempotency.domain import fingerprint, repeat_id
from quietzone_gateway.identity.domain import Principal
from quietzone_gateway.rest.problems import KEY_REUSED, KEY_UNDER_WAY, Refused
from quietzone_kit.errors import FieldViolation, InvalidInput
from quietzone_kit.runtime import Clock

HEADER = "Idempotency-Key"
CHANGING = frozenset({"POST", "PATCH", "PUT", "DELETE"})
KEPT_HEADERS = ("content-type", "etag", "location")
"""What belongs to the answer itself; all others are of the request that fetches it."""

AGAIN_S = 2
"""Changes take a fraction of a second; one whose process died is free again after ten."""

Handle = Callable[[Request], Awaitable[Response]]


async def repeated(request: Request, handle: Handle, repeats: Repeats, clock: Clock, *, principal: Principal, keep: bool) -> Response:
    """The answer of `handle`, or what an earlier request with its key was answered. Without `keep` it is made again, under the same name.

    Raises:
        InvalidInput: the header is no key.
        Refused: the key came with another request, or the first one has no answer yet.
        Unavailable: the store doesn't answer.
    """
    given = request.headers.get(HEADER)
    if given is None or request.method not in CHANGING:
        return await handle(request)

    key = _key(given)
    if not keep:
        request.state.request_name = repeat_id(principal.account_id, principal.subject, key)
        request.state.key = key
        return await handle(request)

    async def run(name: str) -> Answer:
        request.state.request_name = name
        response = await handle(request)
        headers = {name: value for name, value in response.headers.items() if name in KEPT_HEADERS}
        return Answer(response.status_code, headers, bytes(response.body))

    try:
        answer, was_there = await once(repeats, clock, await _asked(request, principal, key), run)
    except KeyReused as error:
        raise _reused() from error
    except StillUnderWay as error:
        detail = "the first request with this Idempotency-Key has no answer yet; send it again in a moment"
        raise Refused(KEY_UNDER_WAY, detail, retry_after_s=AGAIN_S) from error
    replayed = {"Idempotent-Replayed": "true"} if was_there else {}
    return Response(answer.body, answer.status, answer.headers | replayed)


async def check_repeated(request: Request, repeats: Repeats, clock: Clock, principal: Principal) -> None:
    """See that a request whose answer isn't kept is the one that its key came with first; for handlers that may read its body now.

    Raises:
        Refused: it is another.
        Unavailable: the store doesn't answer.
    """
    key: str | None = getattr(request.state, "key", None)
    if key is None:
        return
    try:
        await named(repeats, clock, await _asked(request, principal, key))
    except KeyReused as error:
        raise _reused() from error


async def _asked(request: Request, principal: Principal, key: str) -> Asked:
    known_by = fingerprint(request.method, request.url.path, request.url.query, await request.body())
    return Asked(principal.account_id, principal.subject, key, known_by)


def _reused() -> Refused:
    return Refused(KEY_REUSED, "this Idempotency-Key came with another request; take a new key for a new request")


def _key(given: str) -> str:
    try:
        return parse_key(given)
    except InvalidKey as error:
        raise InvalidInput(FieldViolation(HEADER, str(error))) from error
