"""What processes that share a server do together, and what each does when the server is gone."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from contract.cache.places import raw, server, until
from contract.limits.conftest import opened

from quietzone_kit.limits import Limits, Rate
from quietzone_kit.limits._metrics import ALONE
from servers.process import NativeServer
from servers.run import Run

HOUR = 3_600_000


@pytest.fixture
def own(run: Run) -> Iterator[NativeServer]:
    """A Redis that a test may break."""
    started = run.use(server(run.folder("redis-of-limits")))
    yield started
    started.resume()
    started.kill()


@asynccontextmanager
async def processes(url: str, count: int = 3) -> AsyncIterator[list[Limits]]:
    """So many processes, while they run, each of which knows of the others."""
    running = [opened(url) for _ in range(count)]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(limits.run()) for limits in running]
        try:
            yield running
        finally:
            for task in tasks:
                task.cancel()
            for limits in running:
                await limits.close()


async def test_processes_at_once_grant_one_burst_together(shared_url: str) -> None:
    rates = {"all": Rate(1, HOUR, 100)}
    async with processes(shared_url) as three:
        answers = await asyncio.gather(*(limits.take("key", rates) for limits in three for _ in range(60)))

    assert sum(answer.granted for answer in answers) == 100


async def test_what_a_process_holds_for_nothing_another_gets(shared_url: str) -> None:
    rates = {"all": Rate(1, HOUR, 160)}
    async with processes(shared_url, 2) as (quiet, busy):
        taken = sum([(await quiet.take("key", rates)).granted for _ in range(4)])

        async def all_used() -> bool:
            nonlocal taken
            taken += (await busy.take("key", rates)).granted
            return taken == 160

        await until(all_used)
        assert not (await busy.take("key", rates)).granted


async def test_a_full_bucket_leaves_nothing_behind(shared_url: str) -> None:
    async with processes(shared_url, 1) as (limits,), raw(shared_url) as redis:
        await limits.take("key", {"all": Rate(1_000, 1_000, 1)})

        async def gone() -> bool:
            return not [key async for key in redis.scan_iter(f"{shared_url.partition('prefix=')[2]}:r:*")]

        await until(gone)


@pytest.mark.server("redis")
async def test_a_server_that_is_killed_fails_no_call_and_each_process_grants_its_share(own: NativeServer) -> None:
    rates = {"all": Rate(1, HOUR, 30)}
    async with processes(own.url) as three:
        for limits in (*three, *three):
            await limits._count()  # type: ignore[attr-defined]
        own.kill()
        granted = [sum([(await limits.take("key", rates)).granted for _ in range(15)]) for limits in three]

    assert granted == [10, 10, 10]


@pytest.mark.server("redis")
async def test_a_server_that_is_back_is_asked_again(own: NativeServer) -> None:
    rates = {"all": Rate(1_000, 1_000, 1_000)}
    async with processes(own.url, 1) as (limits,):
        own.kill()
        await limits.take("key", rates)
        own.start()

        async def asked() -> bool:
            await limits.take("key", rates)
            return ALONE._value.get() == 0

        await until(asked)
