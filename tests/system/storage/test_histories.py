"""Histories of storage on what an installation really stores in; `tests/simulation/test_storage.py` plays many more in memory."""

from pathlib import Path

import pytest
from system.conftest import BACKENDS, EMBEDDED

from quietzone_kit.blobs import open_blobs
from quietzone_kit.documents import open_documents
from quietzone_kit.runtime import SystemRandomness, ThreadExecutor
from simulation.storage_history import play

SEEDS = (0, 7, 94, 223)
"""Those that catch the most mutants."""


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("seed", SEEDS)
async def test_no_file_is_half_there_lost_or_deleted_early_on_real_stores(
    request: pytest.FixtureRequest, tmp_path: Path, seed: int, backend: str
) -> None:
    urls = (f"sqlite:///{tmp_path}/storage.db", f"file://{tmp_path}/files")
    if backend != EMBEDDED:
        real = request.getfixturevalue("new_urls")()
        urls = (real["QUIETZONE_STORAGE_DOCUMENTS_URL"], real["QUIETZONE_STORAGE_BLOBS_URL"])
    executor, randomness = ThreadExecutor("storage", 4), SystemRandomness()
    documents = open_documents(urls[0], executor=executor, randomness=randomness)
    blobs = open_blobs(urls[1], executor=executor, randomness=randomness)

    await play(seed, documents, blobs)

    await blobs.close()
    executor.close()
