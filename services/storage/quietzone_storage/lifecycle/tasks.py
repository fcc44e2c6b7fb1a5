"""The tasks that clean up, and that move an upload's files."""

from dataclasses import asdict

import msgspec

from quietzone_kit.blobs import BlobsUnavailable
from quietzone_kit.errors import FailedPrecondition, InvalidInput, NotFound
from quietzone_kit.tasks import Again, Done, Fail, Kind, NewTask, Progress, State, Task, Tasks, Tell
from quietzone_storage.assets.domain import AccountId, Asset, AssetId, Tier
from quietzone_storage.deadlines import store_answers
from quietzone_storage.lifecycle.domain import Report
from quietzone_storage.lifecycle.use_cases import Cleaner, CleanUp, Part
from quietzone_storage.metrics import CLEANED

CLEAN_UP, CLEAN_UP_ALL, MOVE = "clean-up", "clean-up-all", "move-asset"

PART_S = 60.0
"""Of a clean-up, after which it is written down how far it has come: whoever dies repeats no more than that."""
CLEAN_UP_WITHIN_S = 600.0
"""A part, and one more page of 1,000 assets: to move or delete one takes some ms, and where blobs answer slowly half a second."""
MOVE_WITHIN_S = 400.0
"""Ten blobs of an asset, each within its deadline."""
ASK_AGAIN_MS = 600_000
"""For what is brought back, which takes S3 3 to 48 hours."""
HOUR_MS = 3_600_000


class CleanUps:
    """Handler of CLEAN_UP, and of CLEAN_UP_ALL, which comes again every `every_h` hours for all accounts."""

    def __init__(self, cleaner: Cleaner, *, every_h: int) -> None:
        self._cleaner = cleaner
        self._every_h = every_h

    async def run(self, task: Task, tell: Tell) -> Done | Again:
        """See `quietzone_kit.tasks.Handler`."""
        if task.kind == CLEAN_UP_ALL and not self._every_h:
            return Again(after_ms=24 * HOUR_MS)  # nobody wants it for now
        account_id = AccountId(task.account_id) if task.account_id else None
        what = CleanUp(account_id, str(task.payload["prefix"]), task.payload["dry_run"] is True)
        before = _part_of(task)
        part = await self._cleaner.clean_up(what, before, for_s=PART_S, looked=lambda so_far: tell(Progress(so_far.processed)))
        if not what.dry_run:
            count(part.report, before.report if before else Report())
        result = dict(asdict(part.report))
        if part.cursor is not None:
            return Again(result={**result, "as_of_ms": part.as_of_ms, "cursor": part.cursor})
        return Again(after_ms=self._every_h * HOUR_MS, result=result) if task.kind == CLEAN_UP_ALL else Done(result)

    def kind(self) -> Kind:
        """As a worker wants it."""
        return Kind(self, within_s=CLEAN_UP_WITHIN_S, of_others=(BlobsUnavailable,))


class Moves:
    """Handler of MOVE."""

    def __init__(self, cleaner: Cleaner) -> None:
        self._cleaner = cleaner

    async def run(self, task: Task, tell: Tell) -> Done | Again:
        """See `quietzone_kit.tasks.Handler`."""
        asset_id, tier = AssetId(str(task.payload["asset_id"])), Tier(str(task.payload["tier"]))
        try:
            if await self._cleaner.move(AccountId(task.account_id), asset_id, tier):
                return Done({"tier": tier.value})
        except (NotFound, InvalidInput, FailedPrecondition) as error:
            raise Fail(str(error)) from error
        tell(Progress(note="the store brings it back"))
        return Again(after_ms=ASK_AGAIN_MS)

    def kind(self) -> Kind:
        """As a worker wants it."""
        return Kind(self, within_s=MOVE_WITHIN_S, of_others=(BlobsUnavailable,))


async def begin_clean_up(tasks: Tasks, what: CleanUp, *, request_id: str | None) -> Task:
    """Have an account cleaned up; the same `request_id` again gives the task that is there. Raises Unavailable."""
    new = NewTask(what.account_id or "", CLEAN_UP, {"prefix": what.prefix, "dry_run": what.dry_run}, dedup_key=request_id)
    async with store_answers():
        return await tasks.add(new)


async def begin_move(tasks: Tasks, asset: Asset, tier: Tier) -> Task:
    """Have an asset's files moved; while that is under way the task that is there, and one that has failed or was cancelled again. Raises
    Unavailable.
    """
    key = f"{asset.asset_id}.{asset.revision}.{tier.value}"
    async with store_answers():
        task = await tasks.add(NewTask(asset.account_id, MOVE, {"asset_id": asset.asset_id, "tier": tier.value}, dedup_key=key))
        return await tasks.retry(task.account_id, task.task_id) if task.state in {State.DEAD, State.CANCELLED} else task


def count(report: Report, before: Report) -> None:
    """Add to the metrics what was done since `before`."""
    for outcome in ("warmed", "archived", "deleted", "kept"):
        CLEANED.labels(outcome).inc(getattr(report, outcome) - getattr(before, outcome))


def _part_of(task: Task) -> Part | None:
    """How far a clean-up has come that goes on; None when it begins."""
    result = task.result or {}
    if "cursor" not in result:
        return None
    return Part(msgspec.convert(result, Report), msgspec.convert(result["as_of_ms"], int), str(result["cursor"]))
