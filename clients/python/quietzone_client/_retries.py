"""When a request is sent again; pure."""

from collections.abc import Callable
from dataclasses import dataclass

from quietzone_client._errors import DeadlineExceeded, NoAnswer, Problem, QuietzoneError, RateLimited, RequestUnderWay, Unavailable

PASSING = frozenset({408, 425, 502})
"""What proxies say of a moment."""

OF_THE_API = "resource-exhausted"
"""The kind of a 429 that the API itself sends: it has a time to wait wherever waiting helps."""


@dataclass(frozen=True, slots=True)
class Retries:
    """How patient a client is.

    Waits are drawn between 0 and a limit that doubles (full jitter,
    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/), and never shorter than the server asks for.

    Attributes:
        attempts: Requests for one call at most. With the waits between them they last 13 s on average: a server that was killed is there
            again before.
        within_s: No attempt begins later than this after the first. The server frees the name of a change that it died with after 10 s:
            a client that gives up before gets an error where a little patience gets the answer.
        first_wait_s: The limit of the first wait.
        longest_wait_s: What the limit stops doubling at.
    """

    attempts: int = 10
    within_s: float = 30.0
    first_wait_s: float = 0.2
    longest_wait_s: float = 5.0

    def wait_s(self, error: QuietzoneError, *, attempt: int, spent_s: float, uniform: Callable[[float, float], float]) -> float | None:
        """Seconds until the next attempt after `attempt` (from 1 on) has ended in `error`; None: there is none."""
        if attempt >= self.attempts or not is_passing(error):
            return None
        limit = min(self.longest_wait_s, self.first_wait_s * 2 ** (attempt - 1))
        asked = error.retry_after_s if isinstance(error, Problem) else None
        wait = uniform(0.0, limit) + (asked or 0.0)
        return wait if spent_s + wait <= self.within_s else None


NEVER = Retries(attempts=1)


def is_passing(error: QuietzoneError) -> bool:
    """Whether another moment may bring another answer."""
    if isinstance(error, RateLimited) and error.kind == OF_THE_API and error.retry_after_s is None:
        return False  # a room that is full stays so until somebody makes some
    if isinstance(error, Problem):
        return isinstance(error, RateLimited | Unavailable | DeadlineExceeded | RequestUnderWay) or error.status in PASSING
    return isinstance(error, NoAnswer)


def was_not_begun(error: QuietzoneError) -> bool:
    """Whether the request has certainly done nothing, so that it can be sent again though doing it twice would be wrong."""
    return isinstance(error, RateLimited) or (isinstance(error, NoAnswer) and not error.sent)


def leaves_doubt(error: QuietzoneError) -> bool:
    """Whether the request may have been done though nobody said so."""
    return is_passing(error) and not was_not_begun(error)
