"""What the role `verify` looks at: all that a release of this service stands on."""

from collections.abc import Sequence
from functools import partial
from typing import TypeVar

from quietzone_analytics.archive import ArchiveStates
from quietzone_analytics.creations.consumers import creation_in
from quietzone_analytics.creations.domain import Creation
from quietzone_analytics.creations.repository import CREATIONS, creation_of
from quietzone_analytics.migrations import MIGRATIONS
from quietzone_analytics.partitions import State, States
from quietzone_analytics.projection import ScanStates
from quietzone_analytics.projection.consumers import Decoder
from quietzone_analytics.reconcile import ReportStates
from quietzone_analytics.reconcile.consumers import report_of
from quietzone_analytics.rollups import DAYS, MONTHS, TOTALS, Kind, Rollups
from quietzone_analytics.rollups.domain import Rollup
from quietzone_kit.blobs import Blobs
from quietzone_kit.bus import Bus, Record
from quietzone_kit.documents import Collection, Documents
from quietzone_kit.events import event_of
from quietzone_kit.tasks import TASKS, task_of
from quietzone_kit.verify import DOCUMENTS, Checks, documents_are_readable, last_events, store_is_ready, topics_are_there
from quietzone_topics import ANALYTICS_EXPORT_V1, ANALYTICS_MILESTONE_V1, QR_CODE_V1, TRACKING_SCAN_V1, TRACKING_SOURCE_V1, TYPE_QR_CODE

TOPICS = (TRACKING_SCAN_V1, TRACKING_SOURCE_V1, QR_CODE_V1, ANALYTICS_MILESTONE_V1, ANALYTICS_EXPORT_V1)
"""All that this service reads or writes."""

S = TypeVar("S", bound=State)
R = TypeVar("R", bound=Rollup)


async def verify(checks: Checks, documents: Documents, bus: Bus, blobs: Blobs | None, collections: Sequence[Collection]) -> None:
    """Make the checks; `blobs` is None where there is neither archive nor export."""
    if await checks.see("store", partial(store_is_ready, documents, collections, MIGRATIONS)):
        await checks.see("scans counted", partial(_states, ScanStates(documents)))
        await checks.see("reports of sources", partial(_states, ReportStates(documents)))
        await checks.see("archive", partial(_states, ArchiveStates(documents)))
        rollups = Rollups(documents)
        await checks.see("totals", partial(_rollups, rollups, TOTALS))
        await checks.see("days", partial(_rollups, rollups, DAYS))
        await checks.see("months", partial(_rollups, rollups, MONTHS))
        await checks.see("creations", partial(documents_are_readable, documents, CREATIONS, creation_of))
        await checks.see("tasks", partial(documents_are_readable, documents, TASKS, task_of))
    if await checks.see("bus", partial(topics_are_there, bus, TOPICS)):
        decoder = Decoder(TRACKING_SCAN_V1.partitions)
        await checks.see(f"events of {TRACKING_SCAN_V1.name}", partial(last_events, bus, TRACKING_SCAN_V1, decoder.decode))
        await checks.see(f"events of {TRACKING_SOURCE_V1.name}", partial(last_events, bus, TRACKING_SOURCE_V1, report_of))
        await checks.see(f"events of {QR_CODE_V1.name}", partial(last_events, bus, QR_CODE_V1, _created))
    if blobs is not None:
        await checks.see("blobs", partial(_files, blobs))


def _created(record: Record) -> Creation | None:
    event = event_of(record)
    return creation_in(event) if event.type == TYPE_QR_CODE else None


async def _states(states: States[S]) -> str:
    return f"{len(await states.all())} partitions can be read"


async def _rollups(rollups: Rollups, kind: Kind[R]) -> str:
    read = 0
    async for _ in rollups.all(kind):
        read += 1
        if read == DOCUMENTS:
            break
    return f"{read:,} documents can be read"


async def _files(blobs: Blobs) -> str:
    await blobs.list(limit=1)
    return "answer"
