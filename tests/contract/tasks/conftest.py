"""Tasks stand on every adapter of the documents."""

from collections.abc import Iterator

import pytest
from contract.documents.conftest import documents, executor, url  # noqa: F401 - fixtures
from contract.tasks.world import World

from quietzone_kit.documents import Documents
from quietzone_kit.tasks import TASKS, _run, _worker


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Looks and writes come soon; leases are as long as ever."""
    monkeypatch.setattr(_worker, "POLL_S", 0.01)
    monkeypatch.setattr(_run, "TELL_EVERY_S", 0.01)
    return None


@pytest.fixture
async def world(documents: Documents, quick: None) -> World:  # noqa: ARG001, F811
    await documents.ensure(TASKS)
    return World(documents)
