"""Copies between stores, from each adapter to each."""

from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
from contract.documents.stores import RANDOMNESS, empty_store, stores

from quietzone_kit.documents import Collection, Documents, DocumentsError, Index, Put, Query, Stored, Value, open_documents
from quietzone_kit.documents.copy import PAGE, copy
from quietzone_kit.runtime import Executor

CODES = Collection("codes", key="id", indexes=(Index("by_slug", ("slug",), unique=True), Index("by_rank", ("rank",), sparse=True)))
EMPTY = Collection("empty", key="id")


@pytest.fixture(params=stores("sqlite", "mongodb"))
async def source(request: pytest.FixtureRequest, tmp_path: Path, executor: Executor) -> AsyncIterator[Documents]:
    with closing(empty_store(request, request.param, tmp_path)) as urls:
        store = open_documents(next(urls), executor=executor, randomness=RANDOMNESS)
        yield store
        await store.close()
        next(urls, None)


@pytest.fixture(params=stores("sqlite", "mongodb"))
async def target(request: pytest.FixtureRequest, tmp_path: Path, executor: Executor) -> AsyncIterator[Documents]:
    with closing(empty_store(request, request.param, tmp_path)) as urls:
        store = open_documents(next(urls), executor=executor, randomness=RANDOMNESS)
        yield store
        await store.close()
        next(urls, None)


def ignore(_collection: str, _count: int) -> None:
    """Progress that nobody looks at."""


async def test_a_copy_has_all_documents_as_they_were(source: Documents, target: Documents) -> None:
    odd: dict[str, Value] = {"id": "odd", "slug": None, "rank": 7, "": 1.5, "a.b": b"\0", "$c": [{"d.e": None}], "big": 2**62, "yes": True}
    await source.ensure(CODES)
    await source.bulk(CODES, [Put({"id": f"{number:05}", "slug": f"s{number}"}, None) for number in range(PAGE + 1)])
    await source.insert(CODES, odd)
    await source.replace(CODES, odd, if_version=1)

    counts = await copy(source, target, [CODES, EMPTY], on_progress=ignore)

    assert counts == {"codes": PAGE + 2, "empty": 0}
    assert await target.get(CODES, "odd") == Stored(odd, 1)
    assert [repr(stored.body["yes"]) for stored in (await target.query(CODES, Query("by_rank"))).items] == ["True"]
    assert len((await target.scan(CODES, limit=10_000)).items) == PAGE + 2


async def test_a_copy_that_was_cut_off_goes_on(source: Documents, target: Documents) -> None:
    await source.ensure(CODES)
    await target.ensure(CODES)
    await source.bulk(CODES, [Put({"id": str(number), "slug": str(number)}, None) for number in range(10)])
    await target.insert(CODES, {"id": "3", "slug": "3"})

    assert await copy(source, target, [CODES], on_progress=ignore) == {"codes": 10}


@pytest.mark.parametrize("there", [{"id": "a", "slug": "card"}, {"id": "b", "slug": "menu"}], ids=["key", "unique fields"])
async def test_what_is_there_otherwise_is_not_overwritten(source: Documents, target: Documents, there: dict[str, str]) -> None:
    await source.ensure(CODES)
    await target.ensure(CODES)
    await source.insert(CODES, {"id": "a", "slug": "menu"})
    await target.insert(CODES, {**there})

    with pytest.raises(DocumentsError, match=r"collection codes: a: the target has .*: copy into an empty store"):
        await copy(source, target, [CODES], on_progress=ignore)

    assert await target.get(CODES, there["id"]) == Stored(there, 1)


async def test_progress_is_told_page_by_page(source: Documents, target: Documents) -> None:
    await source.ensure(CODES)
    await source.bulk(CODES, [Put({"id": str(number)}, None) for number in range(PAGE + 1)])
    told: list[tuple[str, int]] = []

    await copy(source, target, [CODES], on_progress=lambda collection, count: told.append((collection, count)))

    assert told == [("codes", PAGE), ("codes", PAGE + 1)]
