"""A bus in memory, without threads."""

import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TypeVar

import pytest

from quietzone_kit.bus import Bus, Topic, open_bus
from quietzone_kit.runtime import SystemClock, SystemRandomness

T = TypeVar("T")

TOPIC = Topic("tracking.scan.v1", partitions=2, retention_ms=60_000)


class Inline:
    """The kit's `Executor` on the loop itself."""

    async def run(self, work: Callable[[], T]) -> T:
        return work()

    def close(self) -> None:
        """Nothing waits."""


class NoJitter(SystemRandomness):
    """Retries come at once; `caps` are the longest that each could have taken."""

    def __init__(self) -> None:
        self.caps: list[float] = []

    def uniform(self, low: float, high: float) -> float:
        self.caps.append(high)
        return low


@pytest.fixture
def disk(request: pytest.FixtureRequest) -> Iterator[Callable[[], sqlite3.Connection]]:
    """Connections to one database in memory; it lives as long as the first of them."""

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(f"file:/{request.node.name}?vfs=memdb", uri=True, isolation_level=None, check_same_thread=False)

    kept = connect()
    yield connect
    kept.close()


class MovableClock(SystemClock):
    def __init__(self) -> None:
        self.moved_s = 0

    def now_ms(self) -> int:
        return super().now_ms() + self.moved_s * 1000

    def monotonic(self) -> float:
        return super().monotonic() + self.moved_s


@pytest.fixture
def clock() -> MovableClock:
    """The clock of the bus."""
    return MovableClock()


@pytest.fixture
async def bus(disk: Callable[[], sqlite3.Connection], clock: MovableClock) -> AsyncIterator[Bus]:
    bus = open_bus("sqlite:///memory", clock=clock, executor=Inline(), randomness=SystemRandomness(), connect=disk)
    await bus.ensure([TOPIC])
    yield bus
    await bus.close()
