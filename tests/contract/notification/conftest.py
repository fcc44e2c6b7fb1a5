"""Rules stand on the embedded store and bus, and on MongoDB and Kafka."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from contract.documents.stores import empty_store
from contract.notification.world import World, opened

from quietzone_kit.runtime import SystemRandomness, ThreadExecutor
from servers import named_apart
from servers.kafka import forget_topics

REAL = pytest.param("real", marks=pytest.mark.server("kafka", "mongodb"))


@pytest.fixture
def executor() -> Iterator[ThreadExecutor]:
    threads = ThreadExecutor("notification", threads=4)
    yield threads
    threads.close()


@pytest.fixture(params=["embedded", REAL])
async def urls(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[str, str]]:
    """Of an empty store and of a bus without our topics."""
    if request.param == "embedded":
        yield f"sqlite:///{tmp_path}/notification.db", f"sqlite:///{tmp_path}/bus.db"
        return
    kafka, prefix = request.getfixturevalue("kafka_url"), f"{SystemRandomness().token(6).hex()}."
    for store in empty_store(request, "mongodb", tmp_path):
        yield store, named_apart(kafka, prefix)
    await forget_topics(kafka, (prefix,))


@pytest.fixture
async def world(urls: tuple[str, str], executor: ThreadExecutor, tmp_path: Path) -> AsyncIterator[World]:
    async with opened(urls, executor, tmp_path) as one:
        yield one
