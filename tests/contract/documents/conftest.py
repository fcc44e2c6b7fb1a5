"""Stores that the contract of documents is tested on. Another adapter is one more line in STORES."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from quietzone_kit.documents import Documents, open_documents
from quietzone_kit.runtime import Executor, SystemRandomness, ThreadExecutor

STORES: dict[str, Callable[[Path], str]] = {
    "sqlite": lambda folder: f"sqlite:///{folder}/store.db",
    "sqlite-memory": lambda _: "sqlite://:memory:",
}
"""The URL of an empty store, given a folder for it."""

SHARED = ("sqlite",)
"""Stores that several processes can open."""


@pytest.fixture
def executor() -> Iterator[Executor]:
    threads = ThreadExecutor("documents", threads=4)
    yield threads
    threads.close()


@pytest.fixture(params=STORES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return STORES[request.param](tmp_path)


@pytest.fixture(params=SHARED)
def shared_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return STORES[request.param](tmp_path)


@pytest.fixture
async def documents(url: str, executor: Executor) -> AsyncIterator[Documents]:
    store = open_documents(url, executor=executor, randomness=SystemRandomness())
    yield store
    await store.close()
