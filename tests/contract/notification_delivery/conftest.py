"""Delivery stands on every adapter of the documents."""

from collections.abc import AsyncIterator

import pytest
from contract.documents.conftest import documents, executor, url  # noqa: F401 - fixtures
from contract.notification_delivery.world import Sending, World
from receiver import Receiver

from quietzone_kit.documents import Documents
from quietzone_kit.tasks import TASKS
from quietzone_notification.delivery.collections import COLLECTIONS
from quietzone_notification.delivery.sender import _sender


@pytest.fixture
async def world(documents: Documents) -> World:  # noqa: F811
    await documents.ensure(TASKS)
    return await World(documents).open()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver.serving() as receiver:
        yield receiver


@pytest.fixture
async def sending(documents: Documents, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Sending:  # noqa: F811
    """Looks come soon; leases are as long as ever."""
    monkeypatch.setattr(_sender, "FOLLOW_EVERY_S", 0.01)
    monkeypatch.setattr(_sender, "RENEW_S", 0.02)
    monkeypatch.setattr(_sender, "LEAVE_WITHIN_S", 0.2)
    await documents.ensure(*COLLECTIONS, TASKS)
    return Sending(documents, receiver)
