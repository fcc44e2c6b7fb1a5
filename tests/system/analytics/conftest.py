"""Analytics on each kind of backends."""

import itertools
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
from system.analytics.place import BUS, FILES, STORE, Place
from system.conftest import BACKENDS, EMBEDDED, NewUrls, collect_what_was_cut_off


@pytest.fixture(params=BACKENDS)
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    if request.param == EMBEDDED:
        yield Place(tmp_path, _files(tmp_path))
        return
    yield Place(tmp_path, request.getfixturevalue("new_urls"))
    collect_what_was_cut_off()


def _files(folder: Path) -> NewUrls:
    numbers = itertools.count()

    def new_urls() -> Mapping[str, str]:
        number = next(numbers)
        return {
            BUS: f"sqlite:///{folder}/bus-{number}.db",
            STORE: f"sqlite:///{folder}/analytics-{number}.db",
            FILES: f"file://{folder}/blobs-{number}",
        }

    return new_urls
