"""What an account is told of its endpoints."""

import json

import pytest
from unit.notification.world import BORN_MS, ENDPOINT, OURS, World

from quietzone_kit.errors import Unavailable
from quietzone_notification.delivery.endpoints.domain import Endpoint, Reason
from quietzone_notification.delivery.webhooks import Notice
from quietzone_notification.events.events import event_in
from quietzone_notification.notices import Notices
from quietzone_notification.reactions.domain import News

GONE = Notice(
    "n1", Endpoint(ENDPOINT, OURS, "https://a.example/hook", "orders", (), BORN_MS, BORN_MS, failing_since_ms=BORN_MS), Reason.FAILED
)


async def nobody(_news: News) -> None:
    """Writes to nobody."""


async def test_an_account_is_told_on_its_default_bus_that_an_endpoint_is_disabled(world: World) -> None:
    await Notices(world.events, nobody, world.clock).disabled(GONE)

    (message,) = world.bus.published
    event = event_in(message.value)
    assert (event.account_id, event.bus, event.source, event.detail_type) == (OURS, "default", "quietzone.notification", "Webhook Disabled")
    assert json.loads(event.detail) == {
        "endpointId": ENDPOINT,
        "url": "https://a.example/hook",
        "description": "orders",
        "reason": "failed",
        "failingSince": "2026-03-02T10:00:00.000Z",
    }


async def test_the_same_notice_again_is_the_same_event(world: World) -> None:
    notices = Notices(world.events, nobody, world.clock)

    await notices.disabled(GONE)
    world.clock.seconds += 1
    await notices.disabled(GONE)

    assert len({event_in(message.value).id for message in world.bus.published}) == 1


async def test_while_the_bus_is_away_nobody_was_told(world: World) -> None:
    world.bus.down = True

    with pytest.raises(Unavailable):
        await Notices(world.events, nobody, world.clock).disabled(GONE)
