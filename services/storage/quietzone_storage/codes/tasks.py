"""The task that draws a code's files again when somebody uses them after long."""

from quietzone_kit.blobs import BlobsUnavailable
from quietzone_kit.tasks import Done, Kind, Task, Tell
from quietzone_storage.assets.domain import AccountId, AssetId
from quietzone_storage.codes.use_cases import Followed

DRAW = "draw-code"

WITHIN_S = 120.0
"""Five files are drawn within a second, and written each within its deadline."""


class DrawAgain:
    """Handler of DRAW."""

    def __init__(self, followed: Followed) -> None:
        self._followed = followed

    async def run(self, task: Task, tell: Tell) -> Done:  # noqa: ARG002 - five files have no progress
        """See `quietzone_kit.tasks.Handler`."""
        drawn = await self._followed.draw_again(AccountId(task.account_id), AssetId(str(task.payload["asset_id"])))
        return Done({"drawn": drawn})

    def kind(self) -> Kind:
        """As a worker wants it: a place of files that is away uses up no attempt."""
        return Kind(self, within_s=WITHIN_S, of_others=(BlobsUnavailable,))
