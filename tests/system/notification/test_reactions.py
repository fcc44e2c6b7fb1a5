"""What the product tells owners, through the whole service: from the bus to a mail server."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from contract.notification_mail.world import UNSUBSCRIBE, Mailbox, part
from system.conftest import collect_what_was_cut_off
from system.notification.world import CLOCK, RANDOMNESS, serving

from quietzone.gateway.v1 import account_pb2
from quietzone.qr.v1 import code_pb2
from quietzone_kit.bus import Bus, open_bus
from quietzone_kit.events import Event
from quietzone_kit.runtime import ThreadExecutor
from quietzone_notification.consumers import READING
from quietzone_topics import GATEWAY_ACCOUNT_V1, QR_CODE_V1, TOPICS, TYPE_GATEWAY_ACCOUNT, TYPE_GATEWAY_PERSON, TYPE_QR_CODE

ADA = "ada@example.com"


@pytest.fixture
def values(values: dict[str, str]) -> dict[str, str]:
    return values | {"QUIETZONE_NOTIFICATION_DASHBOARD_URL": "https://console.example/dashboard"}


@pytest.fixture
async def bus(values: dict[str, str]) -> AsyncIterator[Bus]:
    executor = ThreadExecutor("bus", 2)
    bus = open_bus(values["QUIETZONE_BUS_URL"], clock=CLOCK, executor=executor, randomness=RANDOMNESS)
    await bus.ensure(TOPICS)
    yield bus
    await bus.close()
    executor.close()


def account() -> Event:
    member = account_pb2.AccountMember(user_id="ada", role="owner")
    after = account_pb2.Account(id="anna", name="Ours", members=[member], revision=1)
    told = account_pb2.AccountEvent(occasion=account_pb2.OCCASION_NEW, after=after)
    return Event("account/anna.1.told", "/quietzone/gateway", TYPE_GATEWAY_ACCOUNT, "anna", CLOCK.now_ms(), told.SerializeToString())


def verified() -> Event:
    before = account_pb2.Person(id="ada", name="Ada", revision=1)
    after = account_pb2.Person(id="ada", email=ADA, name="Ada", verified_at_ms=CLOCK.now_ms(), revision=2)
    told = account_pb2.PersonEvent(occasion=account_pb2.OCCASION_CHANGED, before=before, after=after)
    return Event("user/ada.2.told", "/quietzone/gateway", TYPE_GATEWAY_PERSON, "ada", CLOCK.now_ms(), told.SerializeToString())


def created() -> Event:
    code = code_pb2.Code(id="menu", account_id="anna", destination="https://example.com/menu", title="Menu", revision=1)
    told = code_pb2.CodeEvent(kind=code_pb2.CHANGE_KIND_CREATED, after=code)
    return Event("menu.1", "/quietzone/qr", TYPE_QR_CODE, "menu", CLOCK.now_ms(), told.SerializeToString())


async def tell(bus: Bus, topic: str, *events: Event) -> None:
    await bus.publish([event.to_message(topic) for event in events])


async def all_begin(bus: Bus) -> None:
    """Wait until each consumer knows where it begins: those that hear of what comes from now on, too."""
    for topic, group in READING:
        member = await bus.join(topic.name, group)
        try:
            async with asyncio.timeout(30):
                while None in [await member.committed(partition) for partition in range(topic.partitions)]:
                    await asyncio.sleep(0.02)
        finally:
            await member.close()


async def subjects(mailbox: Mailbox, number: int) -> list[str]:
    async with asyncio.timeout(30):
        while len(mailbox.taken) < number:
            await asyncio.sleep(0.02)
    return [str(message["Subject"]) for message in mailbox.messages()]


async def test_who_signs_up_is_welcomed_and_told_of_his_codes(values: dict[str, str], mailbox: Mailbox, bus: Bus) -> None:
    async with serving(values):
        await all_begin(bus)
        await tell(bus, GATEWAY_ACCOUNT_V1.name, account(), verified())
        assert await subjects(mailbox, 1) == ["Welcome to Quietzone"]

        await tell(bus, QR_CODE_V1.name, created(), created())

        assert await subjects(mailbox, 2) == ["Welcome to Quietzone", "QR Code Created Successfully!"]
    welcome, of_code = mailbox.messages()
    assert (str(welcome["To"]), str(of_code["To"])) == (ADA, ADA)
    assert "https://example.com/menu" in part(of_code, "plain")
    assert (welcome["List-Unsubscribe"], str(of_code["List-Unsubscribe"]).startswith(f"<{UNSUBSCRIBE}?token=")) == (None, True)
    collect_what_was_cut_off()
