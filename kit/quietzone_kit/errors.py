"""The one tree of errors that cross a border; each has a stable code, a gRPC status and an HTTP status.

::

    QuietzoneError
    ├── InvalidInput          INVALID_ARGUMENT     400  names each field
    ├── Unauthenticated       UNAUTHENTICATED      401
    ├── PermissionDenied      PERMISSION_DENIED    403
    ├── NotFound              NOT_FOUND            404
    ├── AlreadyExists         ALREADY_EXISTS       409  names the field
    ├── RevisionMismatch      ABORTED              412
    ├── FailedPrecondition    FAILED_PRECONDITION  422
    ├── ResourceExhausted     RESOURCE_EXHAUSTED   429
    ├── Unavailable           UNAVAILABLE          503  try again
    └── DeadlineExceeded      DEADLINE_EXCEEDED    504

Domain code raises ValueError subclasses of its own; use cases turn them into these (`invalid`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """One field of a request that is wrong: its name as the caller knows it, and what would do."""

    field: str
    reason: str


class QuietzoneError(Exception):
    """Something that a caller is told about: its message says what to do next, `violations` which fields of the request it is about."""

    code: ClassVar[str]
    http_status: ClassVar[int]

    def __init__(self, message: str, *violations: FieldViolation) -> None:
        super().__init__(message)
        self.violations = violations


class InvalidInput(QuietzoneError):
    """The request is wrong whatever the state of the system; `violations` names each field."""

    code = "INVALID_ARGUMENT"
    http_status = 400

    def __init__(self, *violations: FieldViolation) -> None:
        super().__init__("; ".join(f"{violation.field}: {violation.reason}" for violation in violations), *violations)


class Unauthenticated(QuietzoneError):
    """Nobody is known to be calling."""

    code = "UNAUTHENTICATED"
    http_status = 401


class PermissionDenied(QuietzoneError):
    """The caller is known and may not do this."""

    code = "PERMISSION_DENIED"
    http_status = 403


class NotFound(QuietzoneError):
    """No such thing, or it is another account's."""

    code = "NOT_FOUND"
    http_status = 404


class AlreadyExists(QuietzoneError):
    """Something with this name is or was there."""

    code = "ALREADY_EXISTS"
    http_status = 409


class RevisionMismatch(QuietzoneError):
    """The thing has moved on since the caller read it."""

    code = "ABORTED"
    http_status = 412


class FailedPrecondition(QuietzoneError):
    """The request is right, and the state of the thing doesn't allow it."""

    code = "FAILED_PRECONDITION"
    http_status = 422


class ResourceExhausted(QuietzoneError):
    """A limit of the caller's is reached; `retry_after_s` is when it is worth trying again, None when that isn't known."""

    code = "RESOURCE_EXHAUSTED"
    http_status = 429

    def __init__(self, message: str, *violations: FieldViolation, retry_after_s: int | None = None) -> None:
        super().__init__(message, *violations)
        self.retry_after_s = retry_after_s


class Unavailable(QuietzoneError):
    """Not now: the same request may well succeed later."""

    code = "UNAVAILABLE"
    http_status = 503


class DeadlineExceeded(QuietzoneError):
    """No answer in the time that the caller gave."""

    code = "DEADLINE_EXCEEDED"
    http_status = 504


ERRORS: tuple[type[QuietzoneError], ...] = (
    InvalidInput,
    Unauthenticated,
    PermissionDenied,
    NotFound,
    AlreadyExists,
    RevisionMismatch,
    FailedPrecondition,
    ResourceExhausted,
    Unavailable,
    DeadlineExceeded,
)


class Violations:
    """Collects what is wrong with a request, so that it is all said at once."""

    def __init__(self) -> None:
        self._found: list[FieldViolation] = []

    @contextmanager
    def field(self, name: str) -> Iterator[None]:
        """Take down a ValueError of the block as a violation of field `name`, and go on."""
        try:
            yield
        except ValueError as error:
            self._found.append(FieldViolation(name, str(error)))

    def add(self, name: str, reason: str) -> None:
        """Take down a violation."""
        self._found.append(FieldViolation(name, reason))

    def check(self) -> None:
        """Raise InvalidInput with all that was found, if anything was."""
        if self._found:
            raise InvalidInput(*self._found)
