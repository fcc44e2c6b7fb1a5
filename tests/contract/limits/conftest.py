"""Where the contract of limits is tested: in memory, on a single Redis and on a cluster."""

from collections.abc import AsyncIterator

import pytest
from contract import redis_urls

from quietzone_kit.limits import Limits, open_limits
from quietzone_kit.runtime import SystemClock, SystemRandomness

run, patient, cluster_place = redis_urls.run, redis_urls.patient, redis_urls.cluster_place
url, shared_url = redis_urls.url, redis_urls.shared_url
"""Fixtures."""


def opened(url: str) -> Limits:
    """Limits as one process has them."""
    return open_limits(url, clock=SystemClock(), randomness=SystemRandomness())


@pytest.fixture
async def limits(url: str) -> AsyncIterator[Limits]:
    process = opened(url)
    yield process
    await process.close()
