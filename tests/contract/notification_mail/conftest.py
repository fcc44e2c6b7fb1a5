"""Mail stands on every adapter of the documents."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from contract.documents.conftest import documents, executor, url  # noqa: F401 - fixtures
from contract.notification_mail.world import Mailbox, Service, World, served

from quietzone_kit.documents import Documents
from quietzone_kit.tasks import TASKS
from quietzone_notification.delivery.collections import COLLECTIONS as DELIVERY
from quietzone_notification.delivery.sender import _sender
from quietzone_notification.mail.collections import COLLECTIONS
from quietzone_notification.people.repository import COLLECTIONS as PEOPLE


@pytest.fixture
async def mailbox() -> AsyncIterator[Mailbox]:
    async with Mailbox.serving() as mailbox:
        yield mailbox


@pytest.fixture
async def world(documents: Documents, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch) -> World:  # noqa: F811
    """Looks come soon; leases are as long as ever."""
    monkeypatch.setattr(_sender, "FOLLOW_EVERY_S", 0.01)
    monkeypatch.setattr(_sender, "RENEW_S", 0.02)
    monkeypatch.setattr(_sender, "LEAVE_WITHIN_S", 0.2)
    await documents.ensure(*DELIVERY, *COLLECTIONS, *PEOPLE, TASKS)
    return World(documents, mailbox)


@pytest.fixture
async def service(world: World, tmp_path: Path) -> AsyncIterator[Service]:
    async with served(world, tmp_path) as service:
        yield service
