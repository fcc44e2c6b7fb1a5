from collections.abc import AsyncIterator

import pytest
from unit.gateway.identity.desk import Desk, opened


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    """An installation with its first account, whose key is preset."""
    async with opened() as desk:
        yield desk


@pytest.fixture
async def empty() -> AsyncIterator[Desk]:
    """An installation that was never started."""
    async with opened(preset=None) as desk:
        yield desk
