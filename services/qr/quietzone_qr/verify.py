"""What the role `verify` looks at: all that a release of this service stands on."""

from collections.abc import Sequence
from functools import partial

from quietzone_kit.bus import Bus, Record
from quietzone_kit.cache import Cache
from quietzone_kit.documents import Collection, Documents
from quietzone_kit.events import event_of
from quietzone_kit.tasks import TASKS, task_of
from quietzone_kit.verify import Checks, documents_are_readable, last_events, store_is_ready, topics_are_there
from quietzone_qr.codes.repository import CODES, code_of
from quietzone_qr.counters.repository import COUNTED, COUNTERS, counter_of, known_of
from quietzone_qr.health.consumers import heard_of
from quietzone_qr.health.domain import Heard
from quietzone_qr.health.repository import HEALTH, health_of
from quietzone_qr.migrations import MIGRATIONS
from quietzone_topics import QR_CODE_V1, QR_DESTINATION_V1, TYPE_QR_CODE


async def verify(checks: Checks, documents: Documents, bus: Bus, cache: Cache, collections: Sequence[Collection]) -> None:
    """Make the checks."""
    if await checks.see("store", partial(store_is_ready, documents, collections, MIGRATIONS)):
        await checks.see("codes", partial(documents_are_readable, documents, CODES, code_of))
        await checks.see("health", partial(documents_are_readable, documents, HEALTH, health_of))
        await checks.see("counters", partial(documents_are_readable, documents, COUNTERS, counter_of))
        await checks.see("counted codes", partial(documents_are_readable, documents, COUNTED, known_of))
        await checks.see("tasks", partial(documents_are_readable, documents, TASKS, task_of))
    if await checks.see("bus", partial(topics_are_there, bus, (QR_CODE_V1, QR_DESTINATION_V1))):
        await checks.see(f"events of {QR_CODE_V1.name}", partial(last_events, bus, QR_CODE_V1, _heard))
    await checks.see("cache", partial(_answers, cache))


def _heard(record: Record) -> Heard | None:
    event = event_of(record)
    return heard_of(event) if event.type == TYPE_QR_CODE else None


async def _answers(cache: Cache) -> str:
    await cache.check()
    return "answers"
