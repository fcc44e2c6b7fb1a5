"""The tasks that make prints, and delete them when their time is over."""

from quietzone_kit.blobs import BlobsUnavailable
from quietzone_kit.tasks import Again, Done, Kind, Task, Tell
from quietzone_storage.assets.domain import AssetId, State
from quietzone_storage.prints.use_cases import FORGET, MAKE, Maker

WITHIN_S = 300.0
"""A print of 180 s, and some calls."""

LOOK_MS = 1_000
"""Until codes that aren't drawn yet are looked for again."""


class Printing:
    """Handler of MAKE and FORGET."""

    def __init__(self, maker: Maker) -> None:
        self._maker = maker

    async def run(self, task: Task, tell: Tell) -> Done | Again:  # noqa: ARG002 - typesetting has no progress
        """See `quietzone_kit.tasks.Handler`."""
        asset_id = AssetId(str(task.payload["asset_id"]))
        if task.kind == FORGET:
            await self._maker.forget(asset_id)
            return Done({})
        state = await self._maker.make(asset_id)
        if state is State.PENDING:
            return Again(after_ms=LOOK_MS)
        return Done({"state": "gone" if state is None else state.value})

    def kinds(self) -> dict[str, Kind]:
        """As a worker wants them: a place of files that is away uses up no attempt."""
        kind = Kind(self, within_s=WITHIN_S, of_others=(BlobsUnavailable,))
        return {MAKE: kind, FORGET: kind}
