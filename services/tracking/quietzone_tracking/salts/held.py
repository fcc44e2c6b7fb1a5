"""The salts that an edge holds in memory: today's and tomorrow's."""

import asyncio

from quietzone_kit.documents import DocumentsError
from quietzone_kit.runtime import Clock
from quietzone_kit.telemetry import logger
from quietzone_tracking.metrics import SALTS_MISSING
from quietzone_tracking.salts.keeper import DAY_MS
from quietzone_tracking.salts.repository import SaltStore

LOOK_EVERY_S = 30.0
"""Between looks whether the day has changed."""

READY_AT_LATEST_S = 2.5
"""After this the edge serves without: redirects come before uniques."""

RETRY_S = 1.0
"""Between questions to a store that refuses; scans have no visitor meanwhile if today's salt is missing."""

log = logger(__name__)


class HeldSalts:
    """The edge's `Salts`; `run` must run beside it."""

    def __init__(self, store: SaltStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._held: dict[int, bytes] = {}
        self._began_at = clock.monotonic()
        self._ready = False

    def not_ready(self) -> str | None:
        """What is missing before the edge should serve; None from then on, whatever happens."""
        waited_s = self._clock.monotonic() - self._began_at
        self._ready = self._ready or bool(self._held) or waited_s >= READY_AT_LATEST_S
        return None if self._ready else "waiting for the salt of the day"

    def salt(self, utc_day: int) -> bytes | None:
        """The salt of a UTC day (days since 1970); None when it isn't here, which is counted."""
        salt = self._held.get(utc_day)
        if salt is None:
            SALTS_MISSING.inc()
        return salt

    async def run(self) -> None:
        """Hold the right salts, until cancelled."""
        while True:
            try:
                await self.look()
            except DocumentsError as error:  # also damage: redirects come before uniques
                log.warning("salts can't be read now; trying again", days_held=len(self._held), reason=str(error))
                await asyncio.sleep(RETRY_S)
            else:
                await asyncio.sleep(LOOK_EVERY_S)

    async def look(self) -> None:
        """Get what is missing, and forget what is over."""
        today = self._clock.now_ms() // DAY_MS
        for day in [day for day in self._held if day not in {today, today + 1}]:
            del self._held[day]
        for day in (today, today + 1):
            if day not in self._held:
                self._held[day] = await self._store.get_or_make(day)
