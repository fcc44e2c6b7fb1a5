"""Problems as RFC 9457 has them: one table from what went wrong to what the caller reads.

A problem says how long to wait where waiting alone may bring another answer (RFC 9110, 10.2.3; RFC 6585, 4): a rate, a quota, a part that
is away, a request that is under way. Room that is full has no such time, and neither has anything else that somebody must change.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from quietzone_gateway.plans.refusals import LimitReached
from quietzone_kit.errors import ERRORS, FieldViolation, InvalidInput, QuietzoneError, ResourceExhausted, Unauthenticated, Unavailable

MEDIA_TYPE = "application/problem+json"

NO_SUCH_FIELD = "there is no such field"
_REASONS = {
    "extra_forbidden": NO_SUCH_FIELD,
    "missing": "needed",
    "string_type": "not a text",
    "int_parsing": "not a whole number",
    "model_attributes_type": "not a JSON object",
}
"""In place of pydantic's own words, by its kinds of error."""

_ENUM_VALUE = re.compile(r"<\w+\.\w+: ('[^']*')>")
"""As Python shows it; the API's callers know the value in it."""

RETRY_AFTER_S = 2
"""A service that restarts is back by then."""

OVERLOADED_S = 1
"""Some of those who wait so long find room; a bound that fell has risen by a few places."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of problem: `name` ends its type URI, under which `advice` can be read."""

    name: str
    status: int
    title: str
    advice: str


_OF_THE_TREE = {
    "INVALID_ARGUMENT": ("Invalid request", "Something in the request is wrong whatever the state of things: `errors` names each field."),
    "UNAUTHENTICATED": (
        "Who calls?",
        "Send an API key as `Authorization: Bearer qz_…` or `X-Api-Key: qz_…`, or an access token as `Authorization: Bearer`.",
    ),
    "PERMISSION_DENIED": ("Not allowed", "It is known who calls, and he may not do this: `detail` says what he lacks."),
    "NOT_FOUND": ("Not found", "There is no such thing in this account, or it was deleted."),
    "ALREADY_EXISTS": ("Already taken", "The name is or was in use: choose another. A slug is never given out twice."),
    "ABORTED": ("Changed meanwhile", "`If-Match` names another revision than the current one: read it again, then decide."),
    "FAILED_PRECONDITION": ("Not possible now", "The request is right, and the state of the thing doesn't allow it: `detail` says why."),
    "RESOURCE_EXHAUSTED": (
        "Limit reached",
        "Wait for the time in `Retry-After`, then try again. Without one waiting doesn't help: `detail` says what does.",
    ),
    "UNAVAILABLE": (
        "Try again",
        "A part isn't there for the moment: wait for the time in `Retry-After`, then send the same request again.",
    ),
    "DEADLINE_EXCEEDED": ("No answer in time", "A part took too long. Whether a change was made is not known: read before you try again."),
}

OVERLOADED = Kind(
    "overloaded",
    503,
    "Too much at once",
    "More comes in than can be answered now. Nothing was done: wait for the time in `Retry-After`, then send the same request again.",
)
METHOD_NOT_ALLOWED = Kind("method-not-allowed", 405, "No such method here", "`Allow` lists the methods of this address.")
BODY_TOO_LARGE = Kind(
    "body-too-large",
    413,
    "Body too large",
    "A request's body has at most 64 KiB; of rules, events and `/v1/codes/bulk` more, up to 16 MiB.",
)
UNSUPPORTED_MEDIA_TYPE = Kind("unsupported-media-type", 415, "Not JSON", "Send the body as JSON, with `Content-Type: application/json`.")
KEY_REUSED = Kind(
    "idempotency-key-reused", 422, "Key of another request", "An `Idempotency-Key` names one request for a day: take a new one for another."
)
KEY_UNDER_WAY = Kind(
    "idempotency-key-under-way", 409, "Under way", "The first request with this `Idempotency-Key` isn't answered yet: wait."
)
MALFORMED_HTTP = Kind("malformed-http", 400, "Malformed HTTP", "The bytes aren't a request as HTTP/1.1 has it; the connection is closed.")
HEAD_TOO_LARGE = Kind("head-too-large", 431, "Head too large", "Request line and headers have at most 16 KiB together.")
SECOND_FACTOR_NEEDED = Kind(
    "second-factor-needed", 401, "A code is needed too", "Send the code that your app shows now, or a recovery code, as `code`."
)
INTERNAL = Kind("internal", 500, "A fault of ours", "Tell the operator the `request_id`: the log has the reason beside it.")

KINDS: Mapping[type[QuietzoneError], Kind] = {
    error: Kind(error.code.lower().replace("_", "-"), error.http_status, *_OF_THE_TREE[error.code]) for error in ERRORS
}
ALL_KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        *KINDS.values(),
        OVERLOADED,
        METHOD_NOT_ALLOWED,
        BODY_TOO_LARGE,
        UNSUPPORTED_MEDIA_TYPE,
        KEY_REUSED,
        KEY_UNDER_WAY,
        MALFORMED_HTTP,
        HEAD_TOO_LARGE,
        SECOND_FACTOR_NEEDED,
        INTERNAL,
    )
}


class Refused(HTTPException):
    """A request that HTTP's own rules refuse; FastAPI lets no other exception out of reading a body."""

    def __init__(self, kind: Kind, detail: str, *, headers: Mapping[str, str] | None = None, retry_after_s: int | None = None) -> None:
        super().__init__(kind.status, detail, headers)
        self.kind = kind
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class Problem:
    """What is told about one failed request. `retry_after_s` is said by a header and in the body."""

    kind: Kind
    detail: str
    own_headers: Mapping[str, str]
    errors: Sequence[FieldViolation] = ()
    retry_after_s: int | None = None

    @property
    def headers(self) -> dict[str, str]:
        """The headers of its answer, beside those of the body."""
        return {**self.own_headers, **({} if self.retry_after_s is None else {"Retry-After": str(self.retry_after_s)})}

    def body(self, *, instance: str, request_id: str) -> bytes:
        """The problem as JSON."""
        fields: dict[str, object] = {
            "type": f"/problems/{self.kind.name}",
            "title": self.kind.title,
            "status": self.kind.status,
            "detail": self.detail,
            "instance": instance,
            "request_id": request_id,
        }
        if self.retry_after_s is not None:
            fields["retryAfter"] = self.retry_after_s
        if self.errors:
            fields["errors"] = [{"field": violation.field, "reason": violation.reason} for violation in self.errors]
        # What the caller sent may hold half characters; written as \\ud8xx they are JSON again.
        return json.dumps(fields, ensure_ascii=False).encode(errors="backslashreplace")

    def response(self, *, instance: str, request_id: str) -> Response:
        """The problem as an answer."""
        body = self.body(instance=instance, request_id=request_id)
        return Response(body, self.kind.status, self.headers, MEDIA_TYPE)


def problem_of(error: Exception) -> Problem | None:
    """What an exception means to the caller; None for what only a bug explains."""
    match error:
        case ResourceExhausted():
            headers = error.headers if isinstance(error, LimitReached) else {}
            return Problem(KINDS[ResourceExhausted], str(error), headers, error.violations, error.retry_after_s)
        case QuietzoneError():
            headers = {"WWW-Authenticate": 'Bearer realm="quietzone"'} if isinstance(error, Unauthenticated) else {}
            wait_s = RETRY_AFTER_S if isinstance(error, Unavailable) else None
            return Problem(KINDS[type(error)], str(error), headers, error.violations, wait_s)
        case Refused(kind=kind, detail=detail, headers=headers, retry_after_s=wait_s):
            return Problem(kind, detail, headers or {}, retry_after_s=wait_s)
        case RequestValidationError():
            return problem_of(InvalidInput(*(violation_of(details) for details in error.errors())))
        case HTTPException(status_code=400):
            return problem_of(InvalidInput(FieldViolation("body", "not JSON in UTF-8, or nested too deeply")))
        case HTTPException(status_code=404):
            return Problem(ALL_KINDS["not-found"], "there is nothing at this address; /openapi.json describes what there is", {})
        case HTTPException(status_code=405):
            return Problem(METHOD_NOT_ALLOWED, "this address doesn't know the method", error.headers or {})
        case _:
            return None


def overloaded() -> Problem:
    """What is told while more comes in than can be answered."""
    detail = "more comes in than can be answered now: nothing was done; send it again in a moment"
    return Problem(OVERLOADED, detail, {}, retry_after_s=OVERLOADED_S)


def internal() -> Problem:
    """What is told about a bug: nothing of its inside."""
    return Problem(INTERNAL, "the request failed by a fault of ours; the operator finds it by the request id", {})


def violation_of(details: Mapping[str, Any]) -> FieldViolation:
    """What pydantic found, with the field's name as the caller knows it; where a body or a row as a whole is wrong, that is its name."""
    kind, place = details["type"], [str(part) for part in details["loc"]]
    if kind == "json_invalid":
        return FieldViolation("body", f"not JSON from character {place[-1]} on ({details['ctx']['error']})")
    reason = _ENUM_VALUE.sub(r"\1", str(details["msg"]).removeprefix("Value error, "))
    if isinstance(details.get("input"), str):
        reason = reason.replace("items after validation", "characters").replace("item after validation", "character")
    return FieldViolation(".".join(place[1:]) or place[0], _REASONS.get(kind, reason[:1].lower() + reason[1:]))
