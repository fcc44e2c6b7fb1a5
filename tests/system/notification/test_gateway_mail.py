"""The gateway's mails as people get them: ordered as a task, handed to notification, sent by it, and their links are good."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from contract.notification_mail.world import Mailbox, part
from ports import Inline
from system.conftest import collect_what_was_cut_off
from system.notification.world import CLOCK, RANDOMNESS, running, serving

from quietzone_gateway.app import build_work
from quietzone_gateway.collections import COLLECTIONS
from quietzone_gateway.identity.build import Identity, Parts, build_identity
from quietzone_gateway.identity.domain import Visitor
from quietzone_gateway.identity.users.use_cases import SignUp, sign_up, verify_email
from quietzone_gateway.settings import GatewayWorkSettings
from quietzone_kit.cache import open_cache
from quietzone_kit.documents import open_documents
from quietzone_kit.runtime import ThreadExecutor
from quietzone_kit.settings import load

ADA = "ada@example.com"
HOME = Visitor("203.0.113.9")


@pytest.fixture
def values(values: dict[str, str], tmp_path: Path) -> dict[str, str]:
    return values | {
        "QUIETZONE_NOTIFICATION_ADDRESS": f"unix:{tmp_path}/n",
        "QUIETZONE_MAIL_URL": "smtp://127.0.0.1:1?tls=none",
        "QUIETZONE_GATEWAY_DOCUMENTS_URL": f"sqlite:///{tmp_path}/gateway.db",
        "QUIETZONE_GATEWAY_SECRET_KEY": "g" * 32,
        "QUIETZONE_PUBLIC_URL": "https://qr.example.com",
        "QUIETZONE_SIGN_UP": "open",
        "QUIETZONE_ARGON2_MEMORY_KIB": "8",
        "QUIETZONE_ARGON2_ROUNDS": "1",
    }


@pytest.fixture
def settings(values: dict[str, str]) -> GatewayWorkSettings:
    return load(GatewayWorkSettings, values)


@pytest.fixture
async def identity(settings: GatewayWorkSettings) -> AsyncIterator[Identity]:
    """What the API of the gateway has."""
    executor = ThreadExecutor("api", 1)
    documents = open_documents(settings.gateway_documents_url, executor=executor, randomness=RANDOMNESS, owner="gateway")
    await documents.ensure(*COLLECTIONS)
    cache = open_cache("memory://", clock=CLOCK, randomness=RANDOMNESS)
    yield build_identity(Parts(documents, cache, CLOCK, RANDOMNESS, Inline()), settings)
    await cache.close()
    await documents.close()
    executor.close()


async def test_who_signs_up_gets_one_mail_by_notification_whose_link_is_good(
    values: dict[str, str], settings: GatewayWorkSettings, identity: Identity, mailbox: Mailbox
) -> None:
    async with serving(values), running(await build_work(settings)):
        await sign_up(identity.people, SignUp(ADA, "Ada", "Correct-horse-1"), HOME)
        async with asyncio.timeout(30):
            while not mailbox.taken:
                await asyncio.sleep(0.02)

        (message,) = mailbox.messages()
        found = re.search(r"https://qr\.example\.com/verify#token=(\S+)", part(message, "plain"))
        assert found is not None
        await verify_email(identity.people, found[1], HOME)

    user = await identity.people.users.by_email(ADA)
    assert user is not None
    assert user.verified_at_ms is not None
    assert (str(message["To"]), message["List-Unsubscribe"]) == (ADA, None)
    assert ">This is my address</a>" in part(message, "html")
    collect_what_was_cut_off()
