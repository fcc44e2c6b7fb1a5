"""What all replicas keep in memory, and hear of at once when it is changed."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import NoReturn

from quietzone_gateway.plans.metrics import READ_FAILURES
from quietzone_kit.cache import Cache
from quietzone_kit.errors import Unavailable

READ_AGAIN_S = 4.0
"""Without news: with the read itself, nothing holds for longer than 5 s after it was changed, also while the cache server is away."""


async def follow(cache: Cache, topic: str, read: Callable[[], Awaitable[None]]) -> NoReturn:
    """Read at once, on each message on `topic`, and every READ_AGAIN_S, until cancelled. While the store is away what was read holds."""
    with cache.subscribe(topic) as messages:
        while True:
            try:
                await read()
            except Unavailable:
                READ_FAILURES.labels(topic.rpartition(".")[2]).inc()
            with suppress(TimeoutError):
                async with asyncio.timeout(READ_AGAIN_S):
                    await messages.receive()
