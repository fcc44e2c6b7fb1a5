"""Stores that the contract of documents is tested on. Another adapter is one more line in STORES."""

from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pymongo
import pytest

from quietzone_kit.runtime import SystemRandomness

RANDOMNESS = SystemRandomness()


def in_mongodb(server: str) -> str:
    """The URL of a database of its own on a server."""
    return urlsplit(server)._replace(path=f"/test_{RANDOMNESS.token(8).hex()}").geturl()


def driver(url: str) -> "pymongo.MongoClient[dict[str, Any]]":
    """The driver itself, for what other programs do to a server."""
    return pymongo.MongoClient(url, serverSelectionTimeoutMS=5_000, socketTimeoutMS=60_000, retryWrites=False)


def is_mongodb_itself(client: "pymongo.MongoClient[dict[str, Any]]") -> bool:
    return "gitVersion" in client.admin.command("buildInfo")


STORES: dict[str, Callable[[pytest.FixtureRequest, Path], str]] = {
    "sqlite": lambda _, folder: f"sqlite:///{folder}/{RANDOMNESS.token(8).hex()}.db",
    "sqlite-memory": lambda _, __: "sqlite://:memory:",
    "mongodb": lambda request, _: in_mongodb(request.getfixturevalue("mongodb_url")),
}
"""The URL of an empty store, given a folder for it."""

NEEDS = {"mongodb": [pytest.mark.server("mongodb")]}


def stores(*names: str) -> list[Any]:
    """Parameters for tests, marked with the servers that they need."""
    return [pytest.param(name, marks=NEEDS.get(name, ())) for name in names]


DEPARTURES = {"test_text_is_ordered_by_code_points": "mongo-java-server orders text by UTF-16, MongoDB and SQLite by code points"}
"""What mongo-java-server does otherwise than MongoDB: such a test must fail on it, and pass elsewhere."""


def empty_store(request: pytest.FixtureRequest, name: str, folder: Path) -> Generator[str, None, None]:
    """The URL of an empty store, for as long as it is iterated."""
    url = STORES[name](request, folder)
    if not url.startswith("mongodb"):
        yield url
        return
    with driver(url) as client:
        reason = DEPARTURES.get(request.node.originalname)
        if reason is not None and not is_mongodb_itself(client):
            request.node.add_marker(pytest.mark.xfail(strict=True, reason=reason))
        yield url
        client.drop_database(urlsplit(url).path[1:])
