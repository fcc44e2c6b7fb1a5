"""Houses: on the files of one machine, and the same on servers of its own."""

import secrets  # noqa: TID251 - a database that no other test has
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from house import House, house_in
from servers.pool import own_servers

EMBEDDED = "embedded"
BACKENDS = (EMBEDDED, pytest.param("real", marks=pytest.mark.server("kafka", "mongodb", own=True)))


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
    with real_urls() as urls, house_in(tmp_path_factory.mktemp("house") / "data", urls) as house:
        yield house


@pytest.fixture
def own_house(tmp_path: Path) -> Iterator[House]:
    """A house that a test may break."""
    with house_in(tmp_path / "data") as house:
        yield house


@contextmanager
def real_urls() -> Iterator[Mapping[str, str]]:
    """A Kafka and a document server that nobody else uses, by the product's variables."""
    with own_servers() as start:
        kafka, mongodb = start("kafka"), start("mongodb")
        run = secrets.token_hex(4)
        stores = {
            f"QUIETZONE_{part}_DOCUMENTS_URL": f"{mongodb.url}/{run}_{part.lower()}" for part in ("QR", "TRACKING", "ANALYTICS", "GATEWAY")
        }
        yield stores | {"QUIETZONE_BUS_URL": kafka.url}
