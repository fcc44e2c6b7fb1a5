"""Houses: on the files of one machine, and the same on servers, with databases, topics, keys and files of their own."""

import asyncio
import gc
import secrets  # noqa: TID251 - names that no other test has
import warnings
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pymongo
import pytest
from pymongo.errors import OperationFailure

from house import House, house_in
from servers import named_apart
from servers.kafka import forget_topics

EMBEDDED = "embedded"
SERVERS = pytest.mark.server("kafka", "mongodb", "redis", "s3")
REAL = pytest.param("real", marks=SERVERS)
BACKENDS = (EMBEDDED, REAL)

PARTS = ("qr", "tracking", "analytics", "storage", "notification", "gateway")

NewUrls = Callable[[], Mapping[str, str]]
"""Where an installation finds its servers, by the product's variables; nobody else has anything there."""


@pytest.fixture(scope="session")
def new_urls(request: pytest.FixtureRequest) -> Iterator[NewUrls]:
    """For tests with the mark SERVERS."""
    used: dict[str, str] = {}
    runs: list[str] = []

    def make() -> Mapping[str, str]:
        for name in ("kafka", "mongodb", "redis", "s3"):
            used[name] = request.getfixturevalue(f"{name}_url")
        runs.append(run := f"t{secrets.token_hex(4)}")
        stores = {part: urlsplit(used["mongodb"])._replace(path=f"/{run}-{part}").geturl() for part in PARTS}
        return {f"QUIETZONE_{part.upper()}_DOCUMENTS_URL": url for part, url in stores.items()} | {
            "QUIETZONE_BUS_URL": named_apart(used["kafka"], f"{run}."),
            "QUIETZONE_CACHE_URL": named_apart(used["redis"], run),
            "QUIETZONE_ANALYTICS_BLOBS_URL": urlsplit(used["s3"])._replace(path=f"/{run}").geturl(),
            "QUIETZONE_STORAGE_BLOBS_URL": urlsplit(used["s3"])._replace(path=f"/{run}-files").geturl(),
        }

    yield make
    if used:
        forget(used["kafka"], *runs)
        with pymongo.MongoClient(used["mongodb"]) as client:
            for name in client.list_database_names():
                if name.startswith(tuple(runs)):
                    with suppress(OperationFailure):  # mongo-java-server, when it finds an index gone that it is about to drop
                        client.drop_database(name)


def forget(bus_url: str, *runs: str) -> None:
    """Remove the topics of houses that are closed: a broker with thousands of partitions takes seconds for whatever is asked."""
    with ThreadPoolExecutor(1) as thread:  # a test's event loop may still be this thread's
        thread.submit(asyncio.run, forget_topics(bus_url, runs)).result()


@pytest.fixture(scope="module")
def embedded_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with house_in(tmp_path_factory.mktemp("house") / "data") as house:
        yield house


@pytest.fixture(scope="module", params=BACKENDS)
def house(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house for all tests of a module, on each kind of backends."""
    if request.param == EMBEDDED:
        yield request.getfixturevalue("embedded_house")
        return
    urls = request.getfixturevalue("new_urls")()
    with house_in(tmp_path_factory.mktemp("house") / "data", urls) as house:
        yield house
    forget(urls["QUIETZONE_BUS_URL"], *parse_qs(urlsplit(urls["QUIETZONE_BUS_URL"]).query)["prefix"])


@pytest.fixture
def own_house(tmp_path: Path) -> Iterator[House]:
    """A house on files that a test may break."""
    with house_in(tmp_path / "data") as house:
        yield house


def collect_what_was_cut_off() -> None:
    """A role cuts off what of aiokafka's takes too long to close, and its process ends with that; on a busy machine ours sees it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
