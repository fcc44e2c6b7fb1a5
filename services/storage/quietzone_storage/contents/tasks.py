"""The task that looks through all bytes, part by part."""

from dataclasses import asdict

import msgspec

from quietzone_kit.blobs import BlobsUnavailable
from quietzone_kit.runtime import Clock
from quietzone_kit.tasks import Again, Kind, Progress, Task, Tell
from quietzone_storage.assets.domain import DAY_MS
from quietzone_storage.contents.mending import Mender
from quietzone_storage.contents.scrub import Scrubbed, scrub
from quietzone_storage.contents.sweep import sweep_blobs
from quietzone_storage.metrics import UNKNOWN_BYTES

SCRUB = "scrub-contents"

PART_S = 60.0
PAUSE_MS = 60_000
"""Between parts: whoever else reads from the same disk, or pays for it by the hour, has half of the time for himself."""
WITHIN_S = 3_600.0
"""The last part also lists all blobs: a million take some minutes."""


class Scrubs:
    """Handler of SCRUB, which comes again `every_days` after it has read everything; 0: never."""

    def __init__(self, mender: Mender, clock: Clock, *, every_days: int, grace_ms: int) -> None:
        self._mender = mender
        self._clock = clock
        self._every_days = every_days
        self._grace_ms = grace_ms

    async def run(self, task: Task, tell: Tell) -> Again:
        """See `quietzone_kit.tasks.Handler`. What the last part has found is kept as the task's result."""
        if not self._every_days:
            return Again(after_ms=DAY_MS)  # nobody wants it for now
        before = task.result or {}
        cursor = before.get("cursor")
        so_far = Scrubbed() if cursor is None else msgspec.convert(before, Scrubbed)
        so_far, cursor = await scrub(self._mender, self._clock, so_far, None if cursor is None else str(cursor), for_s=PART_S)
        tell(Progress(so_far.read))
        found = {**asdict(so_far), "named": list(so_far.named)}
        if cursor is not None:
            return Again(after_ms=PAUSE_MS, result={**found, "cursor": cursor})
        keeper = self._mender.keeper
        unknown = await sweep_blobs(keeper.shelf, keeper.assets, before_ms=self._clock.now_ms() - self._grace_ms, dry_run=True)
        UNKNOWN_BYTES.set(unknown.removed_bytes)
        return Again(after_ms=self._every_days * DAY_MS, result={**found, "unknown_bytes": unknown.removed_bytes})

    def kind(self) -> Kind:
        """As a worker wants it."""
        return Kind(self, within_s=WITHIN_S, of_others=(BlobsUnavailable,))
