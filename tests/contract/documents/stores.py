"""Stores that the contract of documents is tested on. Another adapter is one more line in STORES."""

from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import pymongo
import pytest

from quietzone_kit.documents import Collection, Index, Put, Query
from quietzone_kit.runtime import SystemRandomness

RANDOMNESS = SystemRandomness()

Client: TypeAlias = pymongo.MongoClient[dict[str, Any]]

THINGS = Collection(
    "things",
    key="id",
    indexes=(
        Index("by_owner", ("owner", "kind", "rank")),
        Index("by_outbox", ("shard", "waits_since"), sparse=True),
        Index("by_slug", ("owner", "slug"), unique=True),
    ),
)

QUERIES = [
    Query("by_owner"),
    Query("by_owner", ("me",)),
    Query("by_owner", ("me",), at_least="a", below="z"),
    Query("by_owner", ("me", "menu"), below=5),
    Query("by_owner", ("me", "menu", 1)),
    Query("by_outbox", (1,)),
    Query("by_outbox"),
    Query("by_outbox", at_least=1),
    Query("by_slug", ("me",)),
    Query("by_slug", ("me", "menu")),
]
"""One of each shape that an index answers."""

THREE = [Put({"id": f"{n}", "owner": "me", "kind": "menu", "rank": 1, "shard": 1, "waits_since": 1, "slug": n}, None) for n in range(3)]
"""Documents that most of QUERIES find, so that a page of one has a next one."""


def in_mongodb(server: str) -> str:
    """The URL of a database of its own on a server."""
    return urlsplit(server)._replace(path=f"/test_{RANDOMNESS.token(8).hex()}").geturl()


def driver(url: str) -> Client:
    """The driver itself, for what other programs do to a server."""
    return pymongo.MongoClient(url, serverSelectionTimeoutMS=5_000, socketTimeoutMS=60_000, retryWrites=False)


def is_mongodb_itself(client: Client) -> bool:
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
