"""What this service itself tells an account, as an event of the house on its default bus."""

import json

from quietzone_kit.runtime import Clock
from quietzone_notification.delivery.webhooks import Notice
from quietzone_notification.events.domain import DEFAULT_BUS, Event, rfc3339
from quietzone_notification.events.use_cases import EventDesk

NOTIFICATION = "quietzone.notification"
DISABLED = "Webhook Disabled"


class Notices:
    """Tells of endpoints that are disabled."""

    def __init__(self, desk: EventDesk, clock: Clock) -> None:
        self._desk = desk
        self._clock = clock

    async def disabled(self, notice: Notice) -> None:
        """`Webhook Disabled`. The same notice again is the same event; raises Unavailable."""
        endpoint, now_ms = notice.endpoint, self._clock.now_ms()
        failing_ms = endpoint.failing_since_ms
        detail = {
            "endpointId": endpoint.endpoint_id,
            "url": endpoint.url,
            "description": endpoint.description,
            "reason": notice.reason.value,
            "failingSince": None if failing_ms is None else rfc3339(failing_ms),
        }
        await self._desk.tell(
            Event(
                id=notice.notice_id,
                account_id=endpoint.account_id,
                bus=DEFAULT_BUS,
                source=NOTIFICATION,
                detail_type=DISABLED,
                time_ms=now_ms,
                resources=(f"endpoint:{endpoint.endpoint_id}",),
                detail=json.dumps(detail, ensure_ascii=False),
            )
        )
