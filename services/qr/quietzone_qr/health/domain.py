"""Link health: what an answer means, when a destination counts as dead, and when it is asked again. Pure.

=============================  =======  ==========================================================================================
a GET of the destination       means    because
=============================  =======  ==========================================================================================
2xx, 3xx                       alive    people get something; a redirect that can't be followed to its end is an app's, or wants cookies
401, 403, 405, 406, 416, 429   alive    somebody is there, and refuses us: a robot without a login, a cookie, or patience
other 4xx                      alive    likewise: what is wrong with our request needn't be wrong with a phone's
404, 410                       gone     the server says so itself; asked again once, because releases and typos are mended in minutes
408, 5xx                       failing  the server is there and can't; most of these pass
no answer                      failing  no address, refused, TLS, time-out, redirects in a circle: as a phone would see it
not asked                      unclear  an address or port that we don't ask: nothing is known, so nothing is said to be dead
=============================  =======  ==========================================================================================
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum

GONE_AFTER, DEAD_AFTER = 2, 3
"""Failures in a row after which a destination is dead: when it says itself that it is gone, and in all other cases."""

SPREAD = 0.1
"""Of each wait, up or down: codes that were made together aren't asked together for ever."""

MAX_REASON = 300
"""Characters; hosts' names have 253."""

NOT_CHECKED = "not checked yet"


class State(Enum):
    """What is known of a destination."""

    UNKNOWN = "unknown"
    ALIVE = "alive"
    DEAD = "dead"


class Finding(Enum):
    """What one look at a destination found."""

    ALIVE = "alive"
    GONE = "gone"
    FAILING = "failing"
    UNCLEAR = "unclear"
    """Not asked, for a reason that isn't the destination's."""


def meaning_of(status: int) -> Finding:
    """What an HTTP status says, by the table above."""
    if status in {404, 410}:
        return Finding.GONE
    if 200 <= status < 500 and status != 408:
        return Finding.ALIVE
    return Finding.FAILING


@dataclass(frozen=True, slots=True)
class Look:
    """One look at a destination. `reached`: somebody answered, so our own network is there."""

    finding: Finding
    reason: str
    reached: bool = False
    retry_after_ms: int = 0


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a destination is asked again: `every_ms`, and `retry_ms` after the first, second, … failure in a row."""

    every_ms: int
    retry_ms: tuple[int, ...]

    def wait_ms(self, failures: int) -> int:
        """How long after so many failures in a row, without jitter."""
        return self.retry_ms[failures - 1] if 1 <= failures <= len(self.retry_ms) else self.every_ms

    def jittered_ms(self, failures: int, uniform: Callable[[float, float], float]) -> int:
        """The same, SPREAD more or less by `uniform(low, high)`."""
        return int(self.wait_ms(failures) * uniform(1 - SPREAD, 1 + SPREAD))

    def least_ms(self, failures: int) -> int:
        """From the first to the last of so many failures in a row, at least: a look that was repeated after a crash isn't another."""
        return int(sum(map(self.wait_ms, range(1, failures))) * (1 - SPREAD))


@dataclass(frozen=True, slots=True)
class Heard:
    """What an event tells of a code, as far as it concerns its destination."""

    code_id: str
    account_id: str
    slug: str
    destination: str
    is_active: bool
    revision: int


@dataclass(frozen=True, slots=True)
class Health:
    """What is known of one code's destination.

    `code_revision` is the highest that was heard of. `watch` is the revision of the code since which this destination is asked: it names
    the task that does it. `revision` counts changes of `state`. `failures` are in a row, since `first_failed_at_ms`.
    """

    code_id: str
    account_id: str
    slug: str
    destination: str
    is_watched: bool
    code_revision: int
    watch: int
    state: State = State.UNKNOWN
    reason: str = NOT_CHECKED
    revision: int = 0
    failures: int = 0
    first_failed_at_ms: int | None = None
    checked_at_ms: int | None = None
    next_check_at_ms: int | None = None

    def heard(self, told: Heard) -> "Health":
        """After an event; itself when the event is old, or came before.

        It goes by what the code is now, not by what changed: so an event that was missed is made good by the next.
        """
        if told.revision <= self.code_revision:
            return self
        after = replace(self, code_revision=told.revision, slug=told.slug, is_watched=told.is_active)
        if told.destination != self.destination:
            after = replace(_become(after, State.UNKNOWN), destination=told.destination, reason=NOT_CHECKED, checked_at_ms=None)
        elif told.is_active == self.is_watched:
            return after
        return replace(after, watch=told.revision, failures=0, first_failed_at_ms=None, next_check_at_ms=None)

    def looked(self, look: Look, at_ms: int, schedule: Schedule) -> "Health":
        """After a look at the destination."""
        after = replace(self, reason=look.reason[:MAX_REASON], checked_at_ms=at_ms)
        if look.finding is Finding.ALIVE:
            return replace(_become(after, State.ALIVE), failures=0, first_failed_at_ms=None)
        if look.finding is Finding.UNCLEAR:
            return replace(_become(after, State.UNKNOWN), failures=0, first_failed_at_ms=None)
        first_ms = at_ms if self.first_failed_at_ms is None else self.first_failed_at_ms
        after = replace(after, failures=self.failures + 1, first_failed_at_ms=first_ms)
        enough = GONE_AFTER if look.finding is Finding.GONE else DEAD_AFTER
        if after.failures >= enough and at_ms - first_ms >= schedule.least_ms(enough):
            return _become(after, State.DEAD)
        return after

    def suspended(self, reason: str, at_ms: int) -> "Health":
        """After a look that says nothing, because our own network seems to be away."""
        return replace(self, reason=reason[:MAX_REASON], checked_at_ms=at_ms)


def first_heard(told: Heard) -> Health:
    """The health of a code that nothing was known of."""
    return Health(
        code_id=told.code_id,
        account_id=told.account_id,
        slug=told.slug,
        destination=told.destination,
        is_watched=told.is_active,
        code_revision=told.revision,
        watch=told.revision,
    )


def _become(health: Health, state: State) -> Health:
    return health if state is health.state else replace(health, state=state, revision=health.revision + 1)
