"""Files in memory have a bound, and who asks for one that is being fetched waits for the same fetch."""

import asyncio

from ports import Hands

from quietzone_storage.serving.held import HeldFiles, Served
from quietzone_storage.variants.domain import PNG


async def test_memory_holds_no_more_than_it_may() -> None:
    held = HeldFiles(Hands(), max_bytes=250)

    async def fetch() -> Served:
        return Served(bytes(100), PNG, '"e"', "n", 0)

    for name in ("a", "b", "c"):
        await held.get_or_fetch(name, fetch)

    assert [held.get(name) is not None for name in ("a", "b", "c")] == [False, True, True]


async def test_who_waits_for_a_fetch_that_was_cancelled_fetches_himself() -> None:
    held = HeldFiles(Hands(), max_bytes=250)
    begun = asyncio.Event()

    async def never() -> Served:
        begun.set()
        await asyncio.Event().wait()
        raise AssertionError

    async def fetch() -> Served:
        return Served(b"x", PNG, '"e"', "n", 0)

    async with asyncio.TaskGroup() as group:
        first = group.create_task(held.get_or_fetch("a", never))
        await begun.wait()
        second = group.create_task(held.get_or_fetch("a", fetch))
        await asyncio.sleep(0)
        first.cancel()

    assert (await second).data == b"x"
