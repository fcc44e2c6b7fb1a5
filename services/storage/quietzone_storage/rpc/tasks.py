"""Which tasks accounts see, and what is done when they end one."""

from collections.abc import Mapping

from quietzone_kit.errors import FailedPrecondition
from quietzone_kit.tasks import Task
from quietzone_kit.tasks.service import Shown
from quietzone_storage.assets.domain import AccountId, AssetId, State
from quietzone_storage.assets.repository import Assets
from quietzone_storage.codes.tasks import DRAW
from quietzone_storage.lifecycle.tasks import CLEAN_UP, MOVE
from quietzone_storage.prints.use_cases import MAKE, Press
from quietzone_storage.uploads.use_cases import PROCESS, Uploads

SHOWN = frozenset({CLEAN_UP, MOVE, DRAW, PROCESS, MAKE})
"""The kinds of tasks that accounts see."""


def shown(assets: Assets, uploads: Uploads, press: Press) -> Mapping[str, Shown]:
    """SHOWN, with what is done when somebody ends or redrives one."""

    async def check_pending(task: Task) -> None:
        held = await assets.get(AccountId(task.account_id), AssetId(str(task.payload["asset_id"])))
        if held is None or held.asset.state is not State.PENDING:
            raise FailedPrecondition("what it was about isn't awaited any more: begin it anew")

    return {
        CLEAN_UP: Shown(),
        MOVE: Shown(),
        DRAW: Shown(),
        PROCESS: Shown(let_go=uploads.let_go, check_retry=check_pending),
        MAKE: Shown(let_go=press.let_go, check_retry=check_pending),
    }
