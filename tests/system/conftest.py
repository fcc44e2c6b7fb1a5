from collections.abc import Iterator
from pathlib import Path

import pytest

from house import House, house_in


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with house_in(tmp_path_factory.mktemp("house") / "data") as house:
        yield house


@pytest.fixture
def own_house(tmp_path: Path) -> Iterator[House]:
    """A house that a test may break."""
    with house_in(tmp_path / "data") as house:
        yield house
