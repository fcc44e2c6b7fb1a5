"""A store of each adapter for the tests of the contract."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from contract.documents.stores import RANDOMNESS, STORES, empty_store, stores

from quietzone_kit.documents import Documents, open_documents
from quietzone_kit.runtime import Executor, ThreadExecutor


@pytest.fixture
def executor() -> Iterator[Executor]:
    threads = ThreadExecutor("documents", threads=4)
    yield threads
    threads.close()


@pytest.fixture(params=stores(*STORES))
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    yield from empty_store(request, request.param, tmp_path)


@pytest.fixture(params=stores("sqlite", "mongodb"))
def shared_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A store that several processes can open."""
    yield from empty_store(request, request.param, tmp_path)


@pytest.fixture
async def documents(url: str, executor: Executor) -> AsyncIterator[Documents]:
    store = open_documents(url, executor=executor, randomness=RANDOMNESS)
    yield store
    await store.close()
