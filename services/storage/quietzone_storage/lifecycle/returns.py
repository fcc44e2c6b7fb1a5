"""What is used again comes back: HOT from WARM, and a code's files from wherever they are, or from nothing but its modules."""

from quietzone_kit.runtime import Clock
from quietzone_kit.tasks import NewTask, Tasks
from quietzone_storage.assets.domain import DAY_MS, Asset, Kind, Tier
from quietzone_storage.codes.domain import lacks_files
from quietzone_storage.codes.tasks import DRAW
from quietzone_storage.deadlines import store_answers
from quietzone_storage.lifecycle.tasks import begin_move


class Returns:
    """Has that done by tasks."""

    def __init__(self, tasks: Tasks, clock: Clock) -> None:
        self._tasks = tasks
        self._clock = clock

    async def begin(self, asset: Asset) -> None:
        """Have the files of an asset that is used brought back, if they are away; those of an upload that is archived only its owner has
        brought back, since that costs money. Raises Unavailable.
        """
        if asset.kind is Kind.CODE and lacks_files(asset):
            day = self._clock.now_ms() // DAY_MS  # what failed for good is tried again when it is used on another day
            async with store_answers():
                key = f"{asset.asset_id}.{asset.revision}.{day}"
                await self._tasks.add(NewTask(asset.account_id, DRAW, {"asset_id": asset.asset_id}, dedup_key=key))
        elif asset.kind is Kind.UPLOAD and asset.tier is Tier.WARM:
            await begin_move(self._tasks, asset, Tier.HOT)
