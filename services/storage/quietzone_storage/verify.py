"""What the role `verify` looks at: all that a release of this service stands on."""

from collections.abc import Sequence
from functools import partial

from quietzone_kit.blobs import Blobs
from quietzone_kit.bus import Bus, Record
from quietzone_kit.documents import Collection, Documents
from quietzone_kit.events import event_of
from quietzone_kit.verify import Checks, documents_are_readable, last_events, store_is_ready, topics_are_there
from quietzone_storage.assets.repository import ASSETS, held_of
from quietzone_storage.codes.consumers import heard_of
from quietzone_storage.codes.domain import Heard
from quietzone_storage.contents.repository import CONTENTS, content_of
from quietzone_storage.migrations import MIGRATIONS
from quietzone_storage.usage.repository import USAGE, usage_of
from quietzone_topics import QR_CODE_V1, STORAGE_ASSET_V1, STORAGE_TASK_V1, TYPE_QR_CODE


async def verify(checks: Checks, documents: Documents, bus: Bus, blobs: Blobs, collections: Sequence[Collection]) -> None:
    """Make the checks."""
    if await checks.see("store", partial(store_is_ready, documents, collections, MIGRATIONS)):
        await checks.see("assets", partial(documents_are_readable, documents, ASSETS, held_of))
        await checks.see("contents", partial(documents_are_readable, documents, CONTENTS, content_of))
        await checks.see("usage", partial(documents_are_readable, documents, USAGE, usage_of))
    if await checks.see("bus", partial(topics_are_there, bus, (QR_CODE_V1, STORAGE_ASSET_V1, STORAGE_TASK_V1))):
        await checks.see(f"events of {QR_CODE_V1.name}", partial(last_events, bus, QR_CODE_V1, _heard))
    await checks.see("blobs", partial(_answer, blobs))


def _heard(record: Record) -> Heard | None:
    event = event_of(record)
    return heard_of(event) if event.type == TYPE_QR_CODE else None


async def _answer(blobs: Blobs) -> str:
    await blobs.list(limit=1)
    return "answer"
