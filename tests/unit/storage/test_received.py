"""What is sent is looked at beside the event loop: a file that takes long to look at holds up nobody else."""

from collections.abc import Callable
from typing import TypeVar

import pytest
from unit.storage.test_files import image
from unit.storage.world import OURS, World

from quietzone_storage.serving.links import UrlKeys
from quietzone_storage.uploads import use_cases
from quietzone_storage.uploads.files import PNG, SVG, Looked, look
from quietzone_storage.uploads.use_cases import NewUpload, Uploads

T = TypeVar("T")


class Beside:
    """An executor that knows whether it is at work."""

    def __init__(self) -> None:
        self.is_at_work = False

    async def run(self, work: Callable[[], T]) -> T:
        self.is_at_work = True
        try:
            return work()
        finally:
            self.is_at_work = False


@pytest.mark.parametrize(("media_type", "data"), [(PNG, image()), (SVG, b'<svg xmlns="http://www.w3.org/2000/svg"/>')])
async def test_bytes_are_looked_at_by_the_executor(world: World, monkeypatch: pytest.MonkeyPatch, media_type: str, data: bytes) -> None:
    beside, looked = Beside(), []

    def seen(sent: bytes, declared: str) -> Looked:
        looked.append(beside.is_at_work)
        return look(sent, declared)

    monkeypatch.setattr(use_cases, "look", seen)
    uploads = Uploads(world.keeper, world.tasks, beside, world.clock, world.randomness)
    begun = await uploads.begin(UrlKeys(["u" * 32]), OURS, NewUpload("logo", media_type, 1_000), base="", max_bytes=10_000)

    await uploads.receive(begun.asset.asset_id, data, media_type)

    assert looked == [True]
