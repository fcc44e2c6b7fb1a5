import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from unit.tracking.forwarder_world import World


@pytest.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    """What forwarders work on. A process that is killed loses nothing that it has written: flushes would only take time."""
    for name in ("fsync", "fdatasync"):
        monkeypatch.setattr(os, name, lambda _: None, raising=False)
    world = await World.make(tmp_path)
    yield world
    await world.close()
