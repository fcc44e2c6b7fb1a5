import pytest
from unit.kit.http_wire import Scene


@pytest.fixture
def scene() -> Scene:
    return Scene()
