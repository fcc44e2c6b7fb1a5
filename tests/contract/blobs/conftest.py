"""Stores that the contract of blobs is tested on. Another adapter is one more name."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from quietzone_kit.blobs import Blobs, open_blobs
from quietzone_kit.runtime import Executor, SystemRandomness, ThreadExecutor


@pytest.fixture
def executor() -> Iterator[Executor]:
    threads = ThreadExecutor("blobs", threads=8)
    yield threads
    threads.close()


def _url(request: pytest.FixtureRequest, folder: Path) -> str:
    if request.param == "files":
        return f"file://{folder}/blobs"
    bucket, _, options = request.getfixturevalue("s3_url").partition("?")
    return f"{bucket}/{SystemRandomness().token(6).hex()}?{options}"


@pytest.fixture(params=["files", pytest.param("s3", marks=pytest.mark.server("s3"))])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A store with nothing in it."""
    return _url(request, tmp_path)


@pytest.fixture
async def blobs(url: str, executor: Executor) -> AsyncIterator[Blobs]:
    store = open_blobs(url, executor=executor, randomness=SystemRandomness())
    yield store
    if getattr(store, "_made", None) is not None:  # S3 was asked for something
        for entry in (await store.list()).entries:
            await store.delete(entry.key)
    await store.close()
