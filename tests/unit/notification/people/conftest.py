from collections.abc import AsyncIterator

import pytest
from unit.notification.world import World


@pytest.fixture
async def world() -> AsyncIterator[World]:
    opened = await World().open()
    yield opened
    await opened.documents.close()
