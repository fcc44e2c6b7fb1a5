"""A store of each adapter for the tests of the contract."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from contract.documents.faults import Proxy
from contract.documents.sqlite_faults import Faults
from contract.documents.stores import RANDOMNESS, STORES, Client, driver, empty_store, stores

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


@pytest.fixture
def faults(tmp_path: Path) -> Faults:
    return Faults(tmp_path / "store.db")


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    yield from empty_store(request, "mongodb", tmp_path)


@pytest.fixture
def client(database_url: str) -> Iterator[Client]:
    with driver(database_url) as client:
        yield client


@pytest.fixture
async def proxy(database_url: str) -> AsyncIterator[Proxy]:
    parts = urlsplit(database_url)
    proxy = Proxy(parts.hostname or "", parts.port or 27017)
    await proxy.start()
    yield proxy
    await proxy.close()
