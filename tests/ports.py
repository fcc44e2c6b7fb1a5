"""Ports as tests give them: work that is done at once, time that goes when it is told to, retries that come at once."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from quietzone_kit.runtime import SystemClock, SystemRandomness

T = TypeVar("T")


class Inline:
    """The kit's `Executor` on the loop itself, without threads."""

    async def run(self, work: Callable[[], T]) -> T:
        return work()

    def close(self) -> None:
        """Nothing waits."""


@dataclass
class Hands:
    """A clock that is moved by hand; `since_ms` is what the wall's said at second 0."""

    seconds: float = 0.0
    since_ms: int = 0

    def now_ms(self) -> int:
        return self.since_ms + round(self.seconds * 1000)

    def monotonic(self) -> float:
        return self.seconds


class MovableClock(SystemClock):
    """The machine's clock, what the test adds to it, and how far the wall's is off."""

    def __init__(self) -> None:
        self.moved_s = 0.0
        self.off_ms = 0

    def now_ms(self) -> int:
        return super().now_ms() + int(self.moved_s * 1000) + self.off_ms

    def monotonic(self) -> float:
        return super().monotonic() + self.moved_s


class NoJitter(SystemRandomness):
    """Retries come at once, unless a schedule says otherwise; `caps` are the longest that each could have taken."""

    def __init__(self) -> None:
        self.caps: list[float] = []

    def uniform(self, low: float, high: float) -> float:
        self.caps.append(high)
        return low
