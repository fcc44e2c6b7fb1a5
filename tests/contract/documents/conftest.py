"""Stores that the contract of documents is tested on. Another adapter is one more line in STORES."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pymongo
import pytest

from quietzone_kit.documents import Documents, open_documents
from quietzone_kit.runtime import Executor, SystemRandomness, ThreadExecutor

RANDOMNESS = SystemRandomness()


def in_mongodb(server: str) -> str:
    """The URL of a database of its own on a server."""
    return urlsplit(server)._replace(path=f"/test_{RANDOMNESS.token(8).hex()}").geturl()


def driver(url: str) -> "pymongo.MongoClient[dict[str, Any]]":
    """The driver itself, for what other programs do to a server."""
    return pymongo.MongoClient(url, serverSelectionTimeoutMS=5_000, socketTimeoutMS=60_000, retryWrites=False)


STORES: dict[str, Callable[[pytest.FixtureRequest, Path], str]] = {
    "sqlite": lambda _, folder: f"sqlite:///{folder}/store.db",
    "sqlite-memory": lambda _, __: "sqlite://:memory:",
    "mongodb": lambda request, _: in_mongodb(request.getfixturevalue("mongodb_url")),
}
"""The URL of an empty store, given a folder for it."""

NEEDS = {"mongodb": [pytest.mark.server("mongodb")]}
ALL = [pytest.param(name, marks=NEEDS.get(name, ())) for name in STORES]
SHARED = [pytest.param(name, marks=NEEDS.get(name, ())) for name in ("sqlite", "mongodb")]
"""Stores that several processes can open."""

DEPARTURES = {"test_text_is_ordered_by_code_points": "mongo-java-server orders text by UTF-16, MongoDB and SQLite by code points"}
"""What mongo-java-server does otherwise than MongoDB: such a test must fail on it, and pass elsewhere."""


def empty_store(request: pytest.FixtureRequest, name: str, folder: Path) -> Iterator[str]:
    url = STORES[name](request, folder)
    if not url.startswith("mongodb"):
        yield url
        return
    with driver(url) as client:
        reason = DEPARTURES.get(request.node.originalname) if request.scope == "function" else None
        if reason is not None and "gitVersion" not in client.admin.command("buildInfo"):
            request.node.add_marker(pytest.mark.xfail(strict=True, reason=reason))
        yield url
        client.drop_database(urlsplit(url).path[1:])


@pytest.fixture
def executor() -> Iterator[Executor]:
    threads = ThreadExecutor("documents", threads=4)
    yield threads
    threads.close()


@pytest.fixture(params=ALL)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    yield from empty_store(request, request.param, tmp_path)


@pytest.fixture(params=SHARED)
def shared_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    yield from empty_store(request, request.param, tmp_path)


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database on MongoDB's server, for what only that adapter does; mark such tests with `server("mongodb")`."""
    yield from empty_store(request, "mongodb", tmp_path)


@pytest.fixture
async def documents(url: str, executor: Executor) -> AsyncIterator[Documents]:
    store = open_documents(url, executor=executor, randomness=RANDOMNESS)
    yield store
    await store.close()
