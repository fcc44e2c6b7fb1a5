"""Where the contract of the cache is tested: each adapter, and the one for servers on a single Redis and on a cluster."""

from collections.abc import AsyncIterator, Iterator

import pytest
from contract.cache.places import cluster, command, process

from quietzone_kit.cache import Cache
from quietzone_kit.runtime import SystemRandomness
from servers.run import Run

SHARED = (pytest.param("redis", marks=pytest.mark.server("redis")), pytest.param("cluster", marks=pytest.mark.server("redis")))


@pytest.fixture(scope="session")
def run() -> Iterator[Run]:
    """Servers that tests start for themselves."""
    with Run.begin() as begun:
        yield begun


@pytest.fixture(scope="session")
def cluster_place(run: Run) -> str:
    node = run.use(cluster(run.folder("redis-cluster")))
    command(node.url, "CLUSTER", "ADDSLOTSRANGE", "0", "16383")
    return node.url


def _url(request: pytest.FixtureRequest) -> str:
    if request.param == "memory":
        return "memory://"
    place = request.getfixturevalue("redis_url" if request.param == "redis" else "cluster_place")
    return f"{place}?prefix={SystemRandomness().token(6).hex()}"


@pytest.fixture(params=["memory", *SHARED])
def url(request: pytest.FixtureRequest) -> str:
    """A cache with nothing in it."""
    return _url(request)


@pytest.fixture(params=SHARED)
def shared_url(request: pytest.FixtureRequest) -> str:
    """One that several processes have."""
    return _url(request)


@pytest.fixture
async def cache(url: str) -> AsyncIterator[Cache]:
    async with process(url) as opened:
        yield opened


@pytest.fixture
async def pair(shared_url: str) -> AsyncIterator[tuple[Cache, Cache]]:
    """Two processes."""
    async with process(shared_url) as one, process(shared_url) as other:
        yield one, other
