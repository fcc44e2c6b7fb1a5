"""A bus in memory, without threads."""

import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from ports import Inline, MovableClock

from quietzone_kit.bus import Bus, Topic, open_bus
from quietzone_kit.runtime import SystemRandomness

TOPIC = Topic("tracking.scan.v1", partitions=2, retention_ms=60_000)


@pytest.fixture
def disk(request: pytest.FixtureRequest) -> Iterator[Callable[[], sqlite3.Connection]]:
    """Connections to one database in memory; it lives as long as the first of them."""

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(f"file:/{request.node.name}?vfs=memdb", uri=True, isolation_level=None, check_same_thread=False)

    kept = connect()
    yield connect
    kept.close()


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
