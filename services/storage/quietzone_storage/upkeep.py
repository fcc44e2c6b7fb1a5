"""What is done now and then beside everything else: uploads that are stuck are seen to, moves that were cut off are ended, what a crash
left uncounted is counted, and bytes that nobody needs are removed.
"""

from dataclasses import dataclass

from quietzone_kit.blobs import BlobsUnavailable
from quietzone_kit.runtime import Clock
from quietzone_kit.tasks import Again, Kind, Task, Tell
from quietzone_storage.assets.repository import Assets
from quietzone_storage.assets.use_cases import Keeper
from quietzone_storage.contents.sweep import Swept, sweep, sweep_blobs
from quietzone_storage.contents.use_cases import Shelf
from quietzone_storage.lifecycle.moves import finish
from quietzone_storage.metrics import SWEPT_BYTES
from quietzone_storage.prints.use_cases import Press
from quietzone_storage.prints.use_cases import look_after as prints_look_after
from quietzone_storage.uploads.use_cases import Pipeline, Uploads, look_after
from quietzone_storage.usage.use_cases import Ledger

SWEEP = "sweep-contents"
EVERY_MS = 600_000
WITHIN_S = 1_800.0  # 100,000 contents at 5 ms each take 500 s


@dataclass(frozen=True, slots=True)
class Stalled:
    """What goes on with work that a crash has left."""

    uploads: Uploads
    pipeline: Pipeline
    press: Press


class Upkeep:
    """Handler of SWEEP."""

    def __init__(self, keeper: Keeper, ledger: Ledger, work: Stalled, clock: Clock, *, grace_ms: int) -> None:
        self._keeper = keeper
        self._ledger = ledger
        self._work = work
        self._clock = clock
        self._grace_ms = grace_ms

    async def run(self, task: Task, tell: Tell) -> Again:  # noqa: ARG002 - as handlers are
        """See `quietzone_kit.tasks.Handler`."""
        seen_to = await look_after(self._keeper, self._work.uploads, self._work.pipeline, self._clock)
        prints = await prints_look_after(self._keeper, self._work.press, self._clock)
        await finish(self._keeper.shelf, self._keeper.assets, self._clock)
        counted = await self._ledger.count_all()
        swept = await sweep(self._keeper.shelf, self._keeper.assets, self._clock, grace_ms=self._grace_ms)
        SWEPT_BYTES.inc(swept.removed_bytes)
        return Again(
            after_ms=EVERY_MS,
            result={"uploads": seen_to, "prints": prints, "counted": counted, "looked_at": swept.looked_at, "removed": swept.removed},
        )

    def kind(self) -> Kind:
        """As a worker wants it."""
        return Kind(self, within_s=WITHIN_S, of_others=(BlobsUnavailable,))


async def sweep_once(shelf: Shelf, assets: Assets, clock: Clock, *, grace_ms: int, dry_run: bool) -> str:
    """Remove all that nobody needs, also what no document knows, and say what that was; raises Unavailable."""
    known = await sweep(shelf, assets, clock, grace_ms=grace_ms, dry_run=dry_run)
    unknown = await sweep_blobs(shelf, assets, before_ms=clock.now_ms() - grace_ms, dry_run=dry_run)
    would = "would be removed" if dry_run else "removed"
    return "\n".join((_told("contents that assets have let go of", known, would), _told("files that no document knows", unknown, would)))


def _told(what: str, swept: Swept, would: str) -> str:
    return f"{what}: {swept.looked_at:,} looked at, {swept.needed:,} kept, {swept.removed:,} {would} ({swept.removed_bytes:,} bytes)"
