"""Every adapter that processes share: several at once, and processes that are killed."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from quietzone_kit.documents import Collection, Documents, Stored, open_documents
from quietzone_kit.runtime import Executor, SystemRandomness

SCRIPT = Path(__file__).with_name("processes.py")
THINGS = Collection("things", key="id")
LIVES = 5


@pytest.fixture
async def shared(shared_url: str, executor: Executor) -> AsyncIterator[Documents]:
    store = open_documents(shared_url, executor=executor, randomness=SystemRandomness())
    await store.ensure(THINGS)
    yield store
    await store.close()


async def start(part: str, url: str, argument: int) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(sys.executable, str(SCRIPT), part, url, str(argument), stdout=asyncio.subprocess.PIPE)


async def test_processes_that_compare_and_swap_lose_nothing(shared: Documents, shared_url: str) -> None:
    await shared.insert(THINGS, {"id": "counter", "n": 0})

    processes = [await start("swap", shared_url, 100) for _ in range(2)]
    async with asyncio.timeout(60):
        codes = [await process.wait() for process in processes]

    assert codes == [0, 0]
    assert await shared.get(THINGS, "counter") == Stored({"id": "counter", "n": 200}, 201)


async def test_what_was_acknowledged_is_there_however_often_the_writer_is_killed(shared: Documents, shared_url: str) -> None:
    acknowledged: list[str] = []
    for life in range(LIVES):
        process = await start("write", shared_url, life)
        assert process.stdout is not None
        async with asyncio.timeout(60):
            acknowledged += [(await process.stdout.readline()).decode().strip() for _ in range(200 + 37 * life)]
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            rest = await process.stdout.read()
            await process.wait()
        acknowledged += rest.decode().splitlines()

    counts = [int(line.removeprefix("counter=")) for line in acknowledged if line.startswith("counter=")]
    keys = [line for line in acknowledged if not line.startswith("counter=")]
    found = await shared.get_many(THINGS, keys)
    assert set(keys) - set(found) == set()
    counter = await shared.get(THINGS, "counter")
    assert counter is not None
    counted = int(str(counter.body["n"]))
    assert counts == sorted(set(counts))
    assert counts[-1] <= counted <= counts[-1] + LIVES
