from collections.abc import AsyncIterator

import pytest
from unit.qr.codes import Desk, opened_desk


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with opened_desk() as opened:
        yield opened
