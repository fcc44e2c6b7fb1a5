from collections.abc import AsyncIterator

import pytest
from hypothesis import settings
from unit.qr.codes import Desk, opened_desk

settings.register_profile("house", deadline=None)  # a busy machine is no failure
settings.load_profile("house")


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with opened_desk() as opened:
        yield opened
