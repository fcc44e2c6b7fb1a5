"""The comparison as metrics, made again and again."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NoReturn

from quietzone_analytics.metrics import COMPARED_AT, COMPARED_SCANS, PROBLEMS, SILENT_SOURCES
from quietzone_analytics.reconcile.domain import Reconciliation
from quietzone_kit.bus import BusUnavailable
from quietzone_kit.documents import DocumentsUnavailable
from quietzone_kit.runtime import Clock
from quietzone_kit.telemetry import logger

log = logger(__name__)

EVERY_S = 60.0
SHARE = 20
"""A comparison reads every rollup: it may take a twentieth of the time, however many there are."""


async def watch(compare: Callable[[], Awaitable[Reconciliation]], clock: Clock) -> NoReturn:
    """Compare each EVERY_S, or more rarely when it takes long, until cancelled."""
    said: tuple[str, ...] = ()
    while True:
        began = clock.monotonic()
        try:
            found = await compare()
        except (DocumentsUnavailable, BusUnavailable) as error:
            log.warning("accepted and stored scans can't be compared now", error=str(error))
        else:
            show(found, clock.now_ms())
            if found.problems and found.problems != said:
                log.error("scans don't add up: see `quietzone reconcile`", problems=list(found.problems))
            said = found.problems
        await asyncio.sleep(max(EVERY_S, SHARE * (clock.monotonic() - began)))


def show(found: Reconciliation, now_ms: int) -> None:
    """Set the metrics."""
    for stage in ("accepted", "forwarded", "applied", "stored", "lost", "unrecorded"):
        COMPARED_SCANS.labels(stage).set(getattr(found, stage))
    SILENT_SOURCES.set(sum(source.silent for source in found.sources))
    PROBLEMS.set(len(found.problems))
    COMPARED_AT.set(now_ms / 1000)
