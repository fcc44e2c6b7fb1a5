"""Events in: changes of assets (topic `storage.asset.v1`), as copies to be forgotten."""

from quietzone.storage.v1 import asset_pb2
from quietzone_kit.events import Event
from quietzone_storage.copies import Copies, Purge
from quietzone_storage.metrics import PURGED
from quietzone_topics import TYPE_STORAGE_ASSET

FOLDER = "/files/"


class ForgetCopies:
    """Has copies forgotten of exactly the files that there were, and that are others now, or none."""

    def __init__(self, copies: Copies) -> None:
        self._copies = copies

    def knows(self, event_type: str) -> bool:
        """Changes of assets."""
        return event_type == TYPE_STORAGE_ASSET

    async def react(self, event: Event) -> None:
        """Purge; the event's id is the purge's name, so that its redelivery is the same purge."""
        gone = asset_pb2.AssetEvent.FromString(event.data).gone
        if gone:
            await self._copies.purge(Purge(event.id, paths=tuple(FOLDER + name for name in gone)))
            PURGED.inc(len(gone))
