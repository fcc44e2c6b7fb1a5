import asyncio
from collections.abc import Callable, Mapping

import pytest
import uvloop
from unit.kit.http_wire import Scene


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Whatever the loop: production has uvloop."""
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture
def scene() -> Scene:
    return Scene()
