"""An account's webhook endpoints. Pure.

Secrets and headers of its own are sealed before they come here, so that nothing that prints an endpoint shows them.
"""

from dataclasses import dataclass, replace
from enum import Enum

MAX_ENDPOINTS = 100
"""Of one account: each is a queue of its own to the sender."""
MAX_DESCRIPTION = 200
DISABLED_AFTER_MS = 5 * 24 * 3_600_000
"""Of failures without one success, as Standard Webhooks advises: a weekend's outage must not cost an endpoint."""


class State(Enum):
    """Whether webhooks are sent to an endpoint."""

    ENABLED = "enabled"
    DISABLED = "disabled"


class Reason(Enum):
    """Why an endpoint is disabled."""

    OWNER = "owner"
    """Somebody of its account has done so."""
    GONE = "gone"
    """It answered 410."""
    FAILED = "failed"
    """It failed for days."""


class InvalidEndpoint(ValueError):
    """What is asked of an endpoint can't be: says what would do."""


@dataclass(frozen=True, slots=True)
class SealedSecret:
    """A secret as it is stored, and until when it signs (Unix milliseconds; None: until it is changed)."""

    sealed: str
    until_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`failing_since_ms` is when the first of a run of failures was, None after a success. `header_names` are those of `sealed_headers`."""

    endpoint_id: str
    account_id: str
    url: str
    description: str
    secrets: tuple[SealedSecret, ...]
    created_ms: int
    changed_ms: int
    header_names: tuple[str, ...] = ()
    sealed_headers: str = ""
    state: State = State.ENABLED
    reason: Reason | None = None
    disabled_ms: int | None = None
    failing_since_ms: int | None = None
    revision: int = 1

    def disabled(self, reason: Reason, at_ms: int) -> "Endpoint":
        """The endpoint as nothing is sent to any more; itself when it is disabled already."""
        if self.state is State.DISABLED:
            return self
        return self._changed(replace(self, state=State.DISABLED, reason=reason, disabled_ms=at_ms), at_ms)

    def enabled(self, at_ms: int) -> "Endpoint":
        """The endpoint as it is sent to again, with a clean slate; itself when it is enabled already."""
        if self.state is State.ENABLED:
            return self
        return self._changed(replace(self, state=State.ENABLED, reason=None, disabled_ms=None, failing_since_ms=None), at_ms)

    def moved(self, url: str, description: str, at_ms: int) -> "Endpoint":
        """The endpoint elsewhere, or with another description; what failed at another URL says nothing of this one."""
        failing = self.failing_since_ms if url == self.url else None
        return self._changed(replace(self, url=url, description=description_of(description), failing_since_ms=failing), at_ms)

    def with_headers(self, names: tuple[str, ...], sealed: str, at_ms: int) -> "Endpoint":
        """The endpoint with other headers of its own."""
        return self._changed(replace(self, header_names=names, sealed_headers=sealed), at_ms)

    def with_secrets(self, secrets: tuple[SealedSecret, ...], at_ms: int) -> "Endpoint":
        """The endpoint with other secrets."""
        return self._changed(replace(self, secrets=secrets), at_ms)

    def heard(self, *, is_well: bool, at_ms: int) -> "Endpoint":
        """The endpoint after an attempt that ended so; itself when that is nothing new."""
        if is_well == (self.failing_since_ms is None):
            return self
        return replace(self, failing_since_ms=None if is_well else at_ms)

    def is_still(self, other: "Endpoint", reason: Reason) -> bool:
        """Whether what was a reason to disable it as it was then still is one: nobody has moved it, and it fails all the time."""
        is_same_run = reason is not Reason.FAILED or self.failing_since_ms == other.failing_since_ms
        return (self.url, self.state) == (other.url, other.state) and is_same_run

    def is_given_up(self, at_ms: int) -> bool:
        """Whether it has failed for so long that it is disabled."""
        return self.failing_since_ms is not None and at_ms - self.failing_since_ms >= DISABLED_AFTER_MS

    def _changed(self, after: "Endpoint", at_ms: int) -> "Endpoint":
        return replace(after, changed_ms=at_ms, revision=self.revision + 1)


def description_of(text: str) -> str:
    """What people call an endpoint; raises InvalidEndpoint."""
    if len(text) > MAX_DESCRIPTION or not (text == "" or text.isprintable()):
        raise InvalidEndpoint(f"at most {MAX_DESCRIPTION} printable characters")
    return text.strip()
