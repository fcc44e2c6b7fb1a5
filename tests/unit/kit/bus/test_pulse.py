"""How consumers that wait learn of commits."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from ports import Hands

from quietzone_kit.bus._sqlite.pulse import TICK_MS, FileTime, Pulse


class File:
    """Stands for the file; `version` changes when another process commits."""

    def __init__(self) -> None:
        self.version = 1
        self.looks = 0
        self.looked = asyncio.Event()

    async def look(self) -> int:
        self.looks += 1
        self.looked.set()
        return self.version

    async def until_looked(self, times: int) -> None:
        until = self.looks + times
        async with asyncio.timeout(5):
            while self.looks < until:
                self.looked.clear()
                await self.looked.wait()


@asynccontextmanager
async def waiting(pulse: Pulse, *, count: int) -> AsyncIterator[list[asyncio.Task[None]]]:
    """So many that wait for the next commit; they must be done at the end."""
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        yield [group.create_task(pulse.after(pulse.beat)) for _ in range(count)]


async def settled(pulse: Pulse) -> None:
    """The first look only learns what version there is."""
    await within_5_s(pulse.after(pulse.beat))


async def within_5_s(awaitable: Awaitable[None]) -> None:
    async with asyncio.timeout(5):
        await awaitable


async def test_a_commit_of_another_process_wakes_all_that_wait() -> None:
    file = File()
    pulse = Pulse(file.look)
    await settled(pulse)

    async with waiting(pulse, count=3) as waiters:
        await file.until_looked(2)
        assert not any(waiter.done() for waiter in waiters)
        file.version = 2


async def test_a_commit_of_this_process_wakes_all_that_wait() -> None:
    file = File()
    pulse = Pulse(file.look)
    await settled(pulse)

    async with waiting(pulse, count=3):
        await asyncio.sleep(0)
        pulse.notify()


async def test_a_commit_before_the_wait_is_not_missed() -> None:
    pulse = Pulse(File().look)
    beat = pulse.beat

    pulse.notify()

    await within_5_s(pulse.after(beat))


async def test_when_the_one_that_looks_gives_up_another_looks() -> None:
    file = File()
    pulse = Pulse(file.look)
    await settled(pulse)

    async with waiting(pulse, count=3) as waiters:
        await file.until_looked(1)
        waiters[0].cancel()
        await file.until_looked(2)
        file.version = 2


async def test_one_looks_for_all() -> None:
    file = File()
    pulse = Pulse(file.look)
    await settled(pulse)
    before = file.looks

    async with waiting(pulse, count=20):
        await asyncio.sleep(0.1)  # looks within a time are what is counted: two to five
        looks = file.looks - before
        pulse.notify()

    assert 1 <= looks <= 5


async def test_nobody_looks_while_nobody_waits() -> None:
    file = File()
    pulse = Pulse(file.look)
    await settled(pulse)
    before = file.looks

    await asyncio.sleep(0.1)  # what doesn't happen can't be waited for: two looks' worth

    assert file.looks == before


async def test_a_file_that_was_not_written_is_not_looked_into() -> None:
    file, asked = File(), asyncio.Event()

    def is_new() -> bool:
        asked.set()
        return file.looks == 0

    pulse = Pulse(file.look, is_new)
    await settled(pulse)

    async with waiting(pulse, count=1):
        asked.clear()
        await within_5_s(asked.wait())
        pulse.notify()

    assert file.looks == 1


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file that was written at 1,000 s."""
    written = tmp_path / "bus.db-wal"
    written.touch()
    os.utime(written, (1_000, 1_000))
    return written


def test_a_file_is_new_until_it_was_seen(path: Path) -> None:
    time = FileTime(str(path), Hands(since_ms=1_000_000 + 2 * TICK_MS))

    assert [time.is_new() for _ in range(3)] == [True, False, False]


def test_a_file_that_is_written_is_new_again(path: Path) -> None:
    time = FileTime(str(path), Hands(since_ms=2_000_000))
    time.is_new()

    os.utime(path, ns=(0, 1_000_000_000_001))

    assert [time.is_new() for _ in range(2)] == [True, False]


@pytest.mark.parametrize("age_ms", [0, TICK_MS, -10_000])
def test_a_file_that_may_be_written_within_the_same_tick_stays_new(path: Path, age_ms: int) -> None:
    time = FileTime(str(path), Hands(since_ms=1_000_000 + age_ms))

    assert [time.is_new() for _ in range(3)] == [True, True, True]


def test_a_file_that_is_not_there_is_new(tmp_path: Path) -> None:
    time = FileTime(str(tmp_path / "none"), Hands())

    assert [time.is_new() for _ in range(2)] == [True, True]
