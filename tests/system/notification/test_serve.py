"""The roles of notification as others see them: over gRPC and on the bus."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from system.conftest import BACKENDS, EMBEDDED, collect_what_was_cut_off
from system.notification.world import once, put_until_taken, running, serving, settings_in

from house import free_port
from quietzone_kit.settings import SettingsError, load
from quietzone_notification.app import build_match, build_migrate, build_verify
from quietzone_notification.delivery.deliveries.repository import DELIVERIES
from quietzone_notification.settings import MatchSettings, NotificationSettings, NotificationStoreSettings


@pytest.fixture(params=BACKENDS)
async def values(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[dict[str, str]]:
    """What the roles are told, on each kind of backends."""
    told = {
        "QUIETZONE_CALLER_KEY": "k" * 32,
        "QUIETZONE_BUS_URL": f"sqlite:///{tmp_path}/bus.db",
        "QUIETZONE_NOTIFICATION_LISTEN": f"unix:{tmp_path}/n",
        "QUIETZONE_NOTIFICATION_DOCUMENTS_URL": f"sqlite:///{tmp_path}/notification.db",
    }
    if request.param != EMBEDDED:
        urls = request.getfixturevalue("new_urls")()
        told |= {
            "QUIETZONE_BUS_URL": urls["QUIETZONE_BUS_URL"],
            "QUIETZONE_NOTIFICATION_DOCUMENTS_URL": urls["QUIETZONE_NOTIFICATION_DOCUMENTS_URL"],
        }
    yield told
    collect_what_was_cut_off()


async def test_what_is_put_is_to_be_delivered(values: dict[str, str]) -> None:
    async with serving(values) as notification:
        await notification.put_rule()
        put: list[str] = []
        async with asyncio.timeout(30):
            while not (await notification.documents.scan(DELIVERIES, limit=1)).items:  # the rule holds within a second
                put.append(await put_until_taken(notification))
                await asyncio.sleep(0.1)

        assert set(await notification.delivered(1)) <= set(put)


async def test_a_process_of_its_own_matches(values: dict[str, str]) -> None:
    values["QUIETZONE_NOTIFICATION_MATCH"] = "false"
    async with serving(values) as notification:
        await notification.put_rule()
        event_id = await put_until_taken(notification)

        async with running(await build_match(load(MatchSettings, values))):
            assert await notification.delivered(1) == [event_id]


async def test_a_process_that_matches_is_ready_while_the_bus_is_away(tmp_path: Path) -> None:
    """Else no release could go back to the one before in such an hour: its matching begins anew."""
    values = settings_in(tmp_path) | {"QUIETZONE_BUS_URL": f"kafka://127.0.0.1:{free_port()}"}
    app = await build_match(load(MatchSettings, values))

    async with running(app):
        assert app.not_ready() == []


async def test_a_release_is_verified_after_it_was_migrated(values: dict[str, str]) -> None:
    await once(await build_migrate(load(NotificationStoreSettings, values)))
    async with serving(values) as notification:
        await notification.put_rule()
        await put_until_taken(notification)

    await once(await build_verify(load(MatchSettings, values)))


@pytest.mark.parametrize("page", ["confirm", "https://a.example/?x=1", "https://a.example/#x"])
def test_the_page_of_confirmations_is_a_page(page: str) -> None:
    with pytest.raises(SettingsError, match="NOTIFICATION_CONFIRM_URL"):
        load(
            NotificationSettings,
            {
                "QUIETZONE_CALLER_KEY": "k" * 32,
                "QUIETZONE_BUS_URL": "sqlite:///bus.db",
                "QUIETZONE_NOTIFICATION_DOCUMENTS_URL": "sqlite:///n.db",
                "QUIETZONE_NOTIFICATION_CONFIRM_URL": page,
            },
        )
