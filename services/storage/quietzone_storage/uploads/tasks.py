"""The task that processes one upload."""

from quietzone_kit.blobs import BlobsUnavailable
from quietzone_kit.tasks import Done, Kind, Task, Tell
from quietzone_storage.assets.domain import AssetId
from quietzone_storage.scanning import ScannerUnavailable
from quietzone_storage.uploads.use_cases import Pipeline

WITHIN_S = 240.0
"""Two decodings of 40 s that wait for their turn, a scan of 60 s, and some calls."""


class ProcessImage:
    """Handler of PROCESS."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    async def run(self, task: Task, tell: Tell) -> Done:  # noqa: ARG002 - one image has no progress
        """See `quietzone_kit.tasks.Handler`."""
        state = await self._pipeline.process(AssetId(str(task.payload["asset_id"])))
        return Done({"state": "gone" if state is None else state.value})

    def kind(self) -> Kind:
        """As a worker wants it: a scanner or a place of files that is away uses up no attempt."""
        return Kind(self, within_s=WITHIN_S, of_others=(BlobsUnavailable, ScannerUnavailable))
