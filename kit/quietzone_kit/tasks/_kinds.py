"""What a kind of task is: who runs it, and what happens when that fails."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from quietzone_kit.documents import Body
from quietzone_kit.runtime import Randomness
from quietzone_kit.tasks._task import Progress, Task

FIRST_RETRY_MS, LONGEST_RETRY_MS = 1_000, 600_000  # full jitter below a bound that doubles
SPREAD = 0.1  # of a delay that a schedule names: enough to part tasks that failed together, and still what was promised


Tell: TypeAlias = Callable[[Progress], None]
"""Takes note of how far a run has come; it is stored within a second or two."""


class Retry(Exception):
    """Not this time: the task is tried again after `after_ms`, or as its kind says, as long as it has attempts left."""

    def __init__(self, reason: str, *, after_ms: int | None = None) -> None:
        super().__init__(reason)
        self.after_ms = after_ms


class Fail(Exception):
    """Never: the task is dead at once."""


@dataclass(frozen=True, slots=True)
class Done:
    """The task is done; `result` is kept with it."""

    result: Body = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Again:
    """Done for now: the task is due again `after_ms` from now, or at the moment `due_at_ms` (Unix), with all its attempts."""

    after_ms: int = 0
    due_at_ms: int | None = None
    result: Body = field(default_factory=dict)


class Handler(Protocol):
    """Runs tasks of one kind."""

    async def run(self, task: Task, tell: Tell) -> Done | Again:
        """Do it; what it makes has ids that follow from the task's, since it may be run again after a crash.

        Cancelled when the process stops (the task is run again, at once) and when the task is cancelled or taken over.

        Raises:
            Retry, Fail: see there.
            BusUnavailable, DocumentsUnavailable, Unavailable: tried again without using up an attempt.
            Exception: as Retry.
        """


@dataclass(frozen=True, slots=True)
class Kind:
    """How tasks of a kind are run: by whom, for how long at most, and after which delays again.

    `delays_ms` are the waits after the first, second, … failure, the last one for all that come after it; without them it is 1 s at most
    at first, then twice as long each time, up to 10 min. Errors `of_others` (a port of the service's own) are outages too.
    """

    handler: Handler
    within_s: float = 600.0
    delays_ms: tuple[int, ...] = ()
    of_others: tuple[type[Exception], ...] = ()

    def wait_ms(self, failures: int, randomness: Randomness) -> int:
        """How long to wait after so many failures."""
        if self.delays_ms:
            delay_ms = self.delays_ms[min(failures, len(self.delays_ms)) - 1]
            return int(delay_ms * randomness.uniform(1 - SPREAD, 1 + SPREAD))
        return int(randomness.uniform(0, min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** min(failures - 1, 20))))
