"""Several processes that open one store, of one release or of two."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import pytest
from contract.documents.stores import RANDOMNESS, THINGS

from quietzone_kit.documents import Collection, Documents, DocumentsError, DuplicateKey, Put, Query, Stored, open_documents
from quietzone_kit.runtime import Executor


@pytest.fixture
async def opened(shared_url: str, executor: Executor) -> AsyncIterator[Callable[[], Documents]]:
    """Opens the store once more."""
    async with AsyncExitStack() as stack:

        def another() -> Documents:
            documents = open_documents(shared_url, executor=executor, randomness=RANDOMNESS)
            stack.push_async_callback(documents.close)
            return documents

        yield another


async def test_stores_that_open_one_new_place_together_all_succeed(opened: Callable[[], Documents]) -> None:
    stores = [opened() for _ in range(4)]

    await asyncio.gather(*(store.ensure(THINGS) for store in stores))
    await asyncio.gather(*(store.increment(THINGS, "a", "n") for store in stores for _ in range(5)))

    assert await stores[0].get(THINGS, "a") == Stored({"id": "a", "n": 20}, 20)


async def test_a_process_of_an_older_release_goes_on_filling_an_index_that_a_newer_one_added(opened: Callable[[], Documents]) -> None:
    bare = Collection(THINGS.name, key=THINGS.key)
    old, new = opened(), opened()
    await old.ensure(bare)
    await old.insert(bare, {"id": "a", "owner": "me", "slug": "menu"})
    await old.bulk(bare, [Put({"id": f"lacking{n}"}, None) for n in range(501)])
    await new.ensure(THINGS)

    await old.insert(bare, {"id": "b", "owner": "me", "slug": "card"})
    with pytest.raises(DuplicateKey) as caught:
        await old.insert(bare, {"id": "c", "owner": "me", "slug": "card"})

    assert caught.value.index == "by_slug"
    page = await new.query(THINGS, Query("by_slug", ("me",)))
    assert [stored.body["id"] for stored in page.items] == ["b", "a"]


async def test_a_closed_store_says_so(opened: Callable[[], Documents]) -> None:
    store = opened()
    await store.ensure(THINGS)
    await store.close()

    with pytest.raises(DocumentsError, match="was closed"):
        await store.insert(THINGS, {"id": "a"})
    with pytest.raises(DocumentsError, match="was closed"):
        await store.get(THINGS, "a")
