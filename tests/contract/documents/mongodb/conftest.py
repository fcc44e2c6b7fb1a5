"""A store that is reached through a proxy, so that a test sees and spoils what goes on between them."""

from collections.abc import AsyncIterator

import pytest
from contract.documents.faults import Proxy, through
from contract.documents.stores import RANDOMNESS, THINGS

from quietzone_kit.documents import Documents, open_documents
from quietzone_kit.runtime import Executor


@pytest.fixture
async def store(proxy: Proxy, database_url: str, executor: Executor) -> AsyncIterator[Documents]:
    documents = through(proxy, database_url, executor)
    await documents.ensure(THINGS)
    yield documents
    await documents.close()


@pytest.fixture
async def other(database_url: str, executor: Executor) -> AsyncIterator[Documents]:
    """The same store, as another process reaches it."""
    documents = open_documents(database_url, executor=executor, randomness=RANDOMNESS)
    await documents.ensure(THINGS)
    yield documents
    await documents.close()
