"""What can go wrong, as one tree.

::

    QuietzoneError
    ├── NoAnswer               the request or its answer was lost on the way
    ├── UnexpectedAnswer       an answer that isn't the API's: a proxy's page, or a file that isn't what it says
    ├── RenewalLost            tokens were to be renewed, and whether they were is not known
    ├── Disconnected           the server ended live updates for good: `reason`
    ├── ExportFailed           the export ended without a file
    ├── InvalidSignature       a webhook that isn't Quietzone's, or is too old
    └── Problem                the API said why (RFC 9457): status, kind, title, detail, request_id
        ├── InvalidInput           400  `errors` names each field
        ├── Unauthenticated        401
        │   └── SecondFactorNeeded      sign in with a code too
        ├── PermissionDenied       403
        ├── NotFound               404
        ├── Conflict               409  another thing or request is in the way
        │   ├── AlreadyExists           the name is or was taken
        │   ├── RevisionMismatch   412  changed meanwhile: read it again, then decide
        │   └── RequestUnderWay         the first request with this Idempotency-Key isn't answered yet
        ├── FailedPrecondition     422  right, and not possible now
        ├── RateLimited            429  `retry_after_s`
        ├── RequestRefused         4xx  HTTP's own rules: method, size, media type
        └── ServerError            5xx  a fault of the server's
            ├── Unavailable        503  `retry_after_s`
            └── DeadlineExceeded   504  whether a change was made is not known
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class FieldError:
    """One field of a request that is wrong: its name, and what would do."""

    field: str
    reason: str


class QuietzoneError(Exception):
    """Everything that this client raises, but for ValueError where an argument can't be right."""


class NoAnswer(QuietzoneError):
    """Nobody answered. `sent` is False when the request can't have reached the server; else it may have been done."""

    def __init__(self, message: str, *, sent: bool) -> None:
        super().__init__(message)
        self.sent = sent


class UnexpectedAnswer(QuietzoneError):
    """What came back isn't what the API sends."""


class RenewalLost(QuietzoneError):
    """Whether the tokens of the caller were renewed is not known: it isn't tried twice, since a token that is used twice ends its session.

    The next call tries once more; when that is refused, sign in again.
    """


class Disconnected(QuietzoneError):
    """The server has ended live updates, and doesn't want this reader back as it is: `reason` is its word for why, such as `revoked`."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"live updates were ended: {reason or 'nobody said why'}")
        self.reason = reason


class ExportFailed(QuietzoneError):
    """The export is dead or was cancelled: there will be no file."""


class AssetQuarantined(QuietzoneError):
    """Something is wrong with what was uploaded: it is never served."""


class InvalidSignature(QuietzoneError):
    """A webhook whose signature or time isn't right: answer it with 4xx, and do nothing of what it says."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a problem says; `kind` ends its type's address, such as `not-found`."""

    status: int
    kind: str
    title: str
    detail: str
    request_id: str
    errors: tuple[FieldError, ...] = ()
    retry_after_s: float | None = None


class Problem(QuietzoneError):
    """The API refused a request, or couldn't answer it."""

    def __init__(self, said: Said) -> None:
        super().__init__(f"{said.status} {said.title}: {said.detail}")
        self.said = said

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.said.status

    @property
    def kind(self) -> str:
        """Which kind of problem; the server explains it at `/problems/<kind>`."""
        return self.said.kind

    @property
    def title(self) -> str:
        """The kind in a few words."""
        return self.said.title

    @property
    def detail(self) -> str:
        """What was wrong this time."""
        return self.said.detail

    @property
    def request_id(self) -> str:
        """Names the request in the server's log; empty when it is one row of many."""
        return self.said.request_id

    @property
    def errors(self) -> tuple[FieldError, ...]:
        """Each field that is wrong."""
        return self.said.errors

    @property
    def retry_after_s(self) -> float | None:
        """Seconds until it is worth trying again; None when the server didn't say."""
        return self.said.retry_after_s


class InvalidInput(Problem):
    """Something in the request is wrong whatever the state of things: `errors` names each field."""


class Unauthenticated(Problem):
    """Nobody is known by the key or token that was sent."""


class SecondFactorNeeded(Unauthenticated):
    """The password was right, and a code of the second factor is needed beside it."""


class PermissionDenied(Problem):
    """The caller is known, and may not do this."""


class NotFound(Problem):
    """There is no such thing in this account, or it was deleted."""


class Conflict(Problem):
    """Another thing, or another request, is in the way."""


class AlreadyExists(Conflict):
    """The name is or was in use: choose another."""


class RevisionMismatch(Conflict):
    """It isn't the revision that the change is for: read it again, then decide."""


class RequestUnderWay(Conflict):
    """The first request with this Idempotency-Key isn't answered yet."""


class FailedPrecondition(Problem):
    """The request is right, and the state of the thing doesn't allow it."""


class RateLimited(Problem):
    """A limit of the account is reached: `retry_after_s` says when it is worth trying again, None that waiting does not help."""


class RequestRefused(Problem):
    """Refused by HTTP's own rules: no such method, too large, not JSON."""


class ServerError(Problem):
    """A fault of the server's: its operator finds it by `request_id`."""


class Unavailable(ServerError):
    """A part isn't there for the moment."""


class DeadlineExceeded(ServerError):
    """A part took too long: whether a change was made is not known."""


_BY_KIND: Mapping[str, type[Problem]] = {
    "invalid-argument": InvalidInput,
    "unauthenticated": Unauthenticated,
    "second-factor-needed": SecondFactorNeeded,
    "permission-denied": PermissionDenied,
    "not-found": NotFound,
    "already-exists": AlreadyExists,
    "aborted": RevisionMismatch,
    "failed-precondition": FailedPrecondition,
    "resource-exhausted": RateLimited,
    "unavailable": Unavailable,
    "deadline-exceeded": DeadlineExceeded,
    "idempotency-key-reused": Conflict,
    "idempotency-key-under-way": RequestUnderWay,
}

_BY_STATUS: Mapping[int, type[Problem]] = {
    400: InvalidInput,
    401: Unauthenticated,
    403: PermissionDenied,
    404: NotFound,
    409: Conflict,
    412: RevisionMismatch,
    422: FailedPrecondition,
    429: RateLimited,
    503: Unavailable,
    504: DeadlineExceeded,
}
"""For kinds that this version doesn't know, and answers of proxies in between."""


MAX_WORDS = 1_000
"""Bytes of a refusal that is plain text; more is a page of something on the way."""


def problem(status: int, body: Mapping[str, Any], *, request_id: str = "", retry_after_s: float | None = None) -> Problem:
    """The error for a problem, by its type and else by its status; what is missing or odd in `body` is left empty."""
    kind = _text(body, "type").rpartition("/problems/")[2]
    said = Said(
        status=status,
        kind=kind,
        title=_text(body, "title") or "no reason given",
        detail=_text(body, "detail"),
        request_id=_text(body, "request_id") or request_id,
        errors=_field_errors(body.get("errors")),
        retry_after_s=retry_after_s,
    )
    return _BY_KIND.get(kind, _class_of(status))(said)


def problem_in(status: int, headers: Mapping[str, str], body: bytes) -> Problem:
    """The error for an answer whose status says that it is one; header names are in lower case."""
    request_id, retry_after_s = headers.get("x-request-id", ""), retry_after(status, headers)
    try:
        found = json.loads(body) if "json" in headers.get("content-type", "") else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) and headers.get("content-type", "").startswith("text/plain") and len(body) <= MAX_WORDS:
        found = {"title": "refused", "detail": body.decode(errors="replace").strip()}  # files are served without problems of the API's form
    if not isinstance(found, dict):
        found = {"title": "not the API's own answer", "detail": "look at what stands between this client and the API"}
    return problem(status, found, request_id=request_id, retry_after_s=retry_after_s)


def retry_after(status: int, headers: Mapping[str, str]) -> float | None:
    """Seconds to wait by `Retry-After`; of a 429 without it, by the limits in `RateLimit` of which nothing is left. None: nobody says.

    Retry-After as a date (RFC 9110, 10.2.3) is passed over: the API doesn't send it, and clocks differ.
    """
    given = headers.get("retry-after", "").strip()
    if given.isascii() and given.isdigit():
        return float(given[:9])
    if status != 429:
        return None
    return max((limit["t"] for limit in map(_limit, headers.get("ratelimit", "").split(",")) if limit["r"] == 0), default=None)


def _limit(item: str) -> dict[str, float]:
    """What is left (`r`) of a limit such as `"burst";r=0;t=12`, and the seconds until there is more (`t`)."""
    parts = [part.strip().partition("=") for part in item.split(";")]
    return {"r": 1, "t": 0} | {name: float(value[:9]) for name, _, value in parts if value.isascii() and value.isdigit()}


def _class_of(status: int) -> type[Problem]:
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    return ServerError if status >= 500 else RequestRefused


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    return value if isinstance(value, str) else ""


def _field_errors(found: object) -> tuple[FieldError, ...]:
    items = found if isinstance(found, list) else []
    return tuple(FieldError(_text(item, "field"), _text(item, "reason")) for item in items if isinstance(item, dict))
