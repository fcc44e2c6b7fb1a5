from collections.abc import AsyncIterator

import pytest
from unit.qr.counters.world import World, opened_world


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with opened_world() as opened:
        yield opened
