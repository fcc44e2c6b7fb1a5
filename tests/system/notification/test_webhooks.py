"""From an event that is put to a webhook that is received, through the roles as they are started."""

import asyncio
from pathlib import Path

import pytest
from receiver import Receiver
from standardwebhooks import Webhook
from system.notification.world import Notification, put_until_taken, running, serving, settings_in

from house import free_port
from quietzone_kit.settings import load
from quietzone_notification.app import build_send
from quietzone_notification.settings import SendSettings


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def values(tmp_path: Path, port: int) -> dict[str, str]:
    return settings_in(tmp_path) | {
        "QUIETZONE_NOTIFICATION_WEBHOOK_PORTS": str(port),
        "QUIETZONE_NOTIFICATION_WEBHOOK_NETWORKS": "127.0.0.0/8",
    }


async def put_until_decided(notification: Notification) -> None:
    """Put events until the rule holds: the first that it matches is the only one that is to be delivered."""
    async with asyncio.timeout(30):
        while not await notification.is_decided():
            await put_until_taken(notification)
            await asyncio.sleep(0.1)


async def received(receiver: Receiver) -> None:
    async with asyncio.timeout(30):
        while not receiver.got:
            await asyncio.sleep(0.01)


async def test_what_is_put_comes_to_a_webhook_signed(values: dict[str, str], port: int) -> None:
    async with Receiver.serving(port) as receiver, serving(values) as notification:
        made = await notification.endpoint_at(f"http://127.0.0.1:{port}/hook")
        await notification.put_rule(made.endpoint.id)
        await put_until_decided(notification)
        await received(receiver)

        (first, *_) = receiver.got
        assert Webhook(made.secret).verify(first.body, first.headers)["source"] == "shop"
        assert set(receiver.ids.values()) == {1}


async def test_a_webhook_whose_server_is_away_comes_when_it_is_back(values: dict[str, str], port: int) -> None:
    async with serving(values) as notification:
        made = await notification.endpoint_at(f"http://127.0.0.1:{port}/hook")
        await notification.put_rule(made.endpoint.id)
        await put_until_decided(notification)
        await notification.tried(1)

        async with Receiver.serving(port) as receiver:
            await received(receiver)

            assert Webhook(made.secret).verify(receiver.got[0].body, receiver.got[0].headers)["detail-type"] == "Order"


async def test_a_process_of_its_own_sends(values: dict[str, str], port: int) -> None:
    values["QUIETZONE_NOTIFICATION_SEND"] = "false"
    async with Receiver.serving(port) as receiver, serving(values) as notification:
        made = await notification.endpoint_at(f"http://127.0.0.1:{port}/hook")
        await notification.put_rule(made.endpoint.id)
        await put_until_decided(notification)
        assert not receiver.got

        async with running(await build_send(load(SendSettings, values))):
            await received(receiver)
