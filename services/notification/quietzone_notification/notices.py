"""What this service itself tells an account: an event of the house on its default bus, and a mail to its owners."""

import json
from collections.abc import Awaitable, Callable

from quietzone_kit.runtime import Clock
from quietzone_notification.delivery.endpoints.domain import Endpoint, Reason
from quietzone_notification.delivery.webhooks import Notice
from quietzone_notification.events.domain import DEFAULT_BUS, Event, rfc3339
from quietzone_notification.events.use_cases import EventDesk
from quietzone_notification.reactions.domain import News, disabled, moment_of

NOTIFICATION = "quietzone.notification"
DISABLED = "Webhook Disabled"


class Notices:
    """Tells of endpoints that are disabled."""

    def __init__(self, desk: EventDesk, tell: Callable[[News], Awaitable[None]], clock: Clock) -> None:
        """`tell` writes to the account's owners, durably and once for each news."""
        self._desk = desk
        self._tell = tell
        self._clock = clock

    async def disabled(self, notice: Notice) -> None:
        """`Webhook Disabled`. The same notice again is the same event and the same mail; raises Unavailable."""
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
        called = endpoint.description or endpoint.url
        await self._tell(disabled(notice.notice_id, endpoint.account_id, now_ms, called=called, why=_why(endpoint, notice.reason)))


def _why(endpoint: Endpoint, reason: Reason) -> str:
    if reason is Reason.GONE:
        return "its receiver answered that it is gone (410)"
    since = "for days" if endpoint.failing_since_ms is None else f"since {moment_of(endpoint.failing_since_ms)}"
    return f"all that was sent there {since} has failed"
