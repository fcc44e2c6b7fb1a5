"""A circuit breaker: when a peer doesn't answer, callers are told at once instead of waiting for it one by one."""

from enum import Enum

from quietzone_kit.errors import Unavailable
from quietzone_kit.runtime import Clock

FAILURES = 5
"""In a row, before the breaker opens: one connection that breaks while calls are under way isn't an outage."""

OPEN_S = 1.0
"""Before a trial: a peer that restarts is back within seconds, and a trial costs one call."""


class BreakerState(Enum):
    """Whether calls go through."""

    CLOSED = "closed"
    """They do."""
    OPEN = "open"
    """None does."""
    HALF_OPEN = "half-open"
    """One does, as a trial."""


class _Sign(Enum):
    FAILED_TOO_OFTEN = "failed too often"
    COOLED = "cooled"
    TRIAL_SUCCEEDED = "trial succeeded"
    TRIAL_FAILED = "trial failed"


TRANSITIONS = {
    (BreakerState.CLOSED, _Sign.FAILED_TOO_OFTEN): BreakerState.OPEN,
    (BreakerState.OPEN, _Sign.COOLED): BreakerState.HALF_OPEN,
    (BreakerState.HALF_OPEN, _Sign.TRIAL_SUCCEEDED): BreakerState.CLOSED,
    (BreakerState.HALF_OPEN, _Sign.TRIAL_FAILED): BreakerState.OPEN,
}


class Breaker:
    """One peer's breaker. Each admitted call reports once how it ended: `succeeded`, `failed` or `abandoned`."""

    def __init__(self, peer: str, clock: Clock) -> None:
        self._peer = peer
        self._clock = clock
        self._failures = 0
        self._opened_at = 0.0
        self._on_trial = False
        self.state = BreakerState.CLOSED

    def admit(self) -> None:
        """Let a call through.

        Raises:
            Unavailable: not now.
        """
        if self.state is BreakerState.OPEN and self._clock.monotonic() >= self._opened_at + OPEN_S:
            self._move(_Sign.COOLED)
        if self.state is BreakerState.OPEN or self._on_trial:
            raise Unavailable(f"{self._peer} hasn't answered lately; try again in a moment")
        self._on_trial = self.state is BreakerState.HALF_OPEN

    def succeeded(self) -> None:
        """The peer answered, whatever it said."""
        self._failures = 0
        self._end_trial(_Sign.TRIAL_SUCCEEDED)

    def failed(self) -> None:
        """The peer gave no answer."""
        self._failures += 1
        if self.state is BreakerState.CLOSED and self._failures >= FAILURES:
            self._move(_Sign.FAILED_TOO_OFTEN)
        else:
            self._end_trial(_Sign.TRIAL_FAILED)

    def abandoned(self) -> None:
        """The call was cancelled: it says nothing about the peer, and the next may be the trial."""
        self._on_trial = False

    def _end_trial(self, sign: _Sign) -> None:
        # Calls that were admitted before the breaker opened may end now; only the trial's end counts.
        if self._on_trial:
            self._on_trial = False
            self._move(sign)

    def _move(self, sign: _Sign) -> None:
        self.state = TRANSITIONS[self.state, sign]
        if self.state is BreakerState.OPEN:
            self._opened_at = self._clock.monotonic()
            self._failures = 0
