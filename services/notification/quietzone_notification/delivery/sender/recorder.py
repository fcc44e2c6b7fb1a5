"""Stores outcomes: those that come together, or while others are written, are written together."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

from quietzone_kit.errors import Unavailable
from quietzone_kit.runtime import Randomness
from quietzone_kit.telemetry import logger
from quietzone_notification.delivery.deliveries.repository import Deliveries, Held
from quietzone_notification.delivery.domain import Delivery

log = logger(__name__)

AT_ONCE = 500
"""In one write: as many as may be under way."""
LINGER_S = 0.003
"""For others that are about to come: a transaction costs as much as ten outcomes in it, and most receivers answer within that."""
RETRY_FIRST_S, RETRY_MOST_S = 0.05, 2.0


class Recorder:
    """Outcomes on their way to the store. There are as many as attempts under way: no more begin while it is away."""

    def __init__(self, deliveries: Deliveries, randomness: Randomness, *, others: Callable[[], bool]) -> None:
        """`others`: whether more are about to come."""
        self._others = others
        self._deliveries = deliveries
        self._randomness = randomness
        self._queue: list[tuple[Held, Delivery, asyncio.Future[bool]]] = []
        self._woken = asyncio.Event()

    async def record(self, held: Held, after: Delivery) -> bool:
        """Store what became of a delivery; whether it was, or somebody else has changed it meanwhile."""
        stored: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._queue.append((held, after, stored))
        self._woken.set()
        return await stored

    async def run(self) -> NoReturn:
        """Work until cancelled; when the store is away, until it is back."""
        while True:
            await self._woken.wait()
            self._woken.clear()
            await self._gather()
            while self._queue:
                batch, self._queue = self._queue[:AT_ONCE], self._queue[AT_ONCE:]
                written = await self._put([(held, after) for held, after, _ in batch])
                for (_, _, stored), is_written in zip(batch, written, strict=True):
                    if not stored.done():
                        stored.set_result(is_written)

    async def _gather(self) -> None:
        """Wait for those that come together with the first."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGER_S):
                while self._others():
                    await self._woken.wait()
                    self._woken.clear()

    async def _put(self, changes: list[tuple[Held, Delivery]]) -> list[bool]:
        failures = 0
        while True:
            try:
                return await self._deliveries.put(changes)
            except Unavailable as error:
                if not failures:  # the first of a row
                    log.warning("outcomes of deliveries wait: their store is away", error=str(error))
                await asyncio.sleep(self._randomness.uniform(0, min(RETRY_MOST_S, RETRY_FIRST_S * 2 ** min(failures, 10))))
                failures += 1
