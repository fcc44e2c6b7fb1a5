"""Where the contract of the cache is tested: each adapter, and the one for servers on a single Redis and on a cluster."""

from collections.abc import AsyncIterator

import pytest
from contract import redis_urls
from contract.cache.places import process

from quietzone_kit.cache import Cache

run, patient, cluster_place = redis_urls.run, redis_urls.patient, redis_urls.cluster_place
url, shared_url = redis_urls.url, redis_urls.shared_url
"""Fixtures."""


@pytest.fixture
async def cache(url: str) -> AsyncIterator[Cache]:
    async with process(url) as opened:
        yield opened


@pytest.fixture
async def pair(shared_url: str) -> AsyncIterator[tuple[Cache, Cache]]:
    """Two processes."""
    async with process(shared_url) as one, process(shared_url) as other:
        yield one, other
