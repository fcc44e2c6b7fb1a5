"""A mail server, and what a service is told that sends by it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from contract.notification_mail.world import UNSUBSCRIBE, Mailbox
from system.notification.world import settings_in


@pytest.fixture
async def mailbox() -> AsyncIterator[Mailbox]:
    async with Mailbox.serving() as mailbox:
        yield mailbox


@pytest.fixture
def values(tmp_path: Path, mailbox: Mailbox) -> dict[str, str]:
    return settings_in(tmp_path) | {
        "QUIETZONE_NOTIFICATION_MAIL_URL": f"smtp://127.0.0.1:{mailbox.port}?tls=none",
        "QUIETZONE_NOTIFICATION_MAIL_FROM": "Codes <codes@example.com>",
        "QUIETZONE_NOTIFICATION_UNSUBSCRIBE_URL": UNSUBSCRIBE,
    }
