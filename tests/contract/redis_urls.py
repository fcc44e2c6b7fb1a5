"""Fixtures for suites of ports that Redis serves: URLs in memory, on a single server and on a cluster."""

from collections.abc import Iterator

import pytest
from contract.cache.places import cluster, command
from redis import Redis

from house import until
from quietzone_kit.runtime import SystemRandomness
from servers.run import Run

SHARED = (pytest.param("redis", marks=pytest.mark.server("redis")), pytest.param("cluster", marks=pytest.mark.server("redis")))


@pytest.fixture(scope="session")
def run() -> Iterator[Run]:
    """Servers that tests start for themselves."""
    with Run.begin() as begun:
        yield begun


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for answers: a busy machine is no failure, and faults have tests of their own."""
    monkeypatch.setattr("quietzone_kit.cache._redis.line.ANSWER_S", 5.0)
    monkeypatch.setattr("quietzone_kit.cache._redis.listener.QUIET_S", 5.0)
    monkeypatch.setattr("quietzone_kit.cache._redis.connect.CONNECT_S", 5.0)


@pytest.fixture(scope="session")
def cluster_place(run: Run) -> str:
    node = run.use(cluster(run.folder("redis-cluster")))
    command(node.url, "CLUSTER", "ADDSLOTSRANGE", "0", "16383")
    until(lambda: "cluster_state:ok" in command(node.url, "CLUSTER", "INFO"), "the cluster takes commands")
    return node.url


def _url(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "memory":
        yield "memory://"
        return
    place = request.getfixturevalue("redis_url" if request.param == "redis" else "cluster_place")
    prefix = SystemRandomness().token(6).hex()
    yield f"{place}?prefix={prefix}"
    with Redis.from_url(place.replace("+cluster", "")) as server:
        for key in server.scan_iter(f"{prefix}:*"):
            server.delete(key)


@pytest.fixture(params=["memory", *SHARED])
def url(request: pytest.FixtureRequest, patient: None) -> Iterator[str]:  # noqa: ARG001 - it acts by being there
    """One with nothing in it."""
    yield from _url(request)


@pytest.fixture(params=SHARED)
def shared_url(request: pytest.FixtureRequest, patient: None) -> Iterator[str]:  # noqa: ARG001 - it acts by being there
    """One that several processes have."""
    yield from _url(request)
