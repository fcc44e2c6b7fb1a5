"""Whose store it is: a part never works in another's."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
from contract.documents.stores import RANDOMNESS

from quietzone_kit.documents import Collection, Documents, DocumentsError, open_documents
from quietzone_kit.runtime import Executor

THINGS = Collection("things", key="thing_id")
OTHERS = Collection("others", key="other_id")

Opened = Callable[..., AbstractAsyncContextManager[Documents]]


@pytest.fixture
def opened(shared_url: str, executor: Executor) -> Opened:
    @asynccontextmanager
    async def store(owner: str, *, create: bool = True) -> AsyncIterator[Documents]:
        documents = open_documents(shared_url, executor=executor, randomness=RANDOMNESS, owner=owner, create=create)
        try:
            yield documents
        finally:
            await documents.close()

    return store


async def test_a_part_finds_its_own_store_again(opened: Opened) -> None:
    async with opened("qr") as store:
        await store.ensure(THINGS)
        await store.insert(THINGS, {"thing_id": "a"})

    async with opened("qr") as store:
        await store.ensure(THINGS, OTHERS)
        assert await store.get(THINGS, "a") is not None


async def test_another_parts_store_is_refused(opened: Opened) -> None:
    async with opened("qr") as store:
        await store.ensure(THINGS)

    async with opened("analytics") as store:
        with pytest.raises(DocumentsError, match="is the store of qr: give analytics one of its own"):
            await store.ensure(OTHERS)


async def test_a_store_without_an_owner_is_the_first_comers(opened: Opened) -> None:
    async with opened("") as store:
        await store.ensure(THINGS)
    async with opened("qr") as store:
        await store.ensure(THINGS)

    async with opened("analytics") as store:
        with pytest.raises(DocumentsError, match="the store of qr"):
            await store.ensure(THINGS)


async def test_who_comes_to_look_makes_nothing(opened: Opened) -> None:
    for _ in range(2):
        async with opened("qr", create=False) as store:
            with pytest.raises(DocumentsError, match="is empty: nothing was ever stored there"):
                await store.ensure(THINGS)


async def test_who_comes_to_look_finds_what_is_there(opened: Opened) -> None:
    async with opened("qr") as store:
        await store.ensure(THINGS)
        await store.insert(THINGS, {"thing_id": "a"})

    async with opened("qr", create=False) as store:
        await store.ensure(THINGS)
        assert await store.get(THINGS, "a") is not None
