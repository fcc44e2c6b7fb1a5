"""Events in: changes of assets (topic `storage.asset.v1`), as copies to be forgotten."""

import asyncio

from quietzone.storage.v1 import asset_pb2
from quietzone_kit.events import Event
from quietzone_kit.runtime import Clock
from quietzone_storage.copies import Copies, Purge
from quietzone_storage.deadlines import STORE_S
from quietzone_storage.metrics import PURGED
from quietzone_storage.serving.held import HELD_FOR_S
from quietzone_topics import TYPE_STORAGE_ASSET

FOLDER = "/files/"

ON_THE_WAY_S = 2.0
"""From a server of files to whoever keeps copies; and what clocks of machines differ by."""
SETTLED_S = STORE_S + HELD_FOR_S + ON_THE_WAY_S
"""After a change, until no server hands the file of before out any more to be kept: the change's own write has a deadline, then who has
read the file before that may hand it out for some seconds. Whoever purges earlier may purge what comes again.
"""

MADE_IN_SIZES = frozenset({asset_pb2.ASSET_KIND_CODE, asset_pb2.ASSET_KIND_UPLOAD})
"""What is made in other sizes when somebody asks."""


class ForgetCopies:
    """Has copies forgotten of exactly the files that there were, and that are others now, or none. What else was made when somebody asked
    is known to nobody, and goes with its asset's tag.
    """

    def __init__(self, copies: Copies, clock: Clock) -> None:
        self._copies = copies
        self._clock = clock

    def knows(self, event_type: str) -> bool:
        """Changes of assets."""
        return event_type == TYPE_STORAGE_ASSET

    async def react(self, event: Event) -> None:
        """Purge, when nobody hands out the old files any more; the event's id is the purge's name, so that its redelivery is the same
        purge. Events wait for one and the same moment after their change, so one that waits keeps the next ones for nothing longer.
        """
        told = asset_pb2.AssetEvent.FromString(event.data)
        if not told.gone:
            return
        age_s = (self._clock.now_ms() - event.time_ms) / 1000
        await asyncio.sleep(min(SETTLED_S, max(0.0, SETTLED_S - age_s)))
        tags = (told.after.id,) if told.after.kind in MADE_IN_SIZES else ()
        await self._copies.purge(Purge(event.id, paths=tuple(FOLDER + name for name in told.gone), tags=tags))
        PURGED.inc(len(told.gone))
