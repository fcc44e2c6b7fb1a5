"""Makes salts a day ahead, so that the store may be away at midnight, and destroys them when nobody needs them."""

import asyncio

from quietzone_kit.documents import DocumentsUnavailable
from quietzone_kit.runtime import Clock
from quietzone_kit.telemetry import logger
from quietzone_tracking.salts.repository import SaltStore

DAY_MS = 86_400_000

KEPT_DAYS = 2
"""A salt is destroyed 48 hours after its day began: every edge has turned to the next one by then, whatever its clock says."""

EVERY_S = 600.0
"""Between looks: a salt lives at most this much longer than promised."""

RETRY_S = 5.0

log = logger(__name__)


class SaltKeeper:
    """`run` it in one process at least; more do no harm."""

    def __init__(self, store: SaltStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def run(self) -> None:
        """Keep salts until cancelled."""
        while True:
            try:
                await self.look()
            except DocumentsUnavailable as error:
                log.warning("salts can't be kept now; trying again", reason=str(error))
                await asyncio.sleep(RETRY_S)
            else:
                await asyncio.sleep(EVERY_S)

    async def look(self) -> None:
        """Have today's and tomorrow's salts, and no old ones."""
        today = self._clock.now_ms() // DAY_MS
        await self._store.get_or_make(today)
        await self._store.get_or_make(today + 1)
        destroyed = await self._store.destroy_before(today - KEPT_DAYS + 1)
        if destroyed:
            log.info("salts destroyed", salts=destroyed)
