"""Events in: everything that the house's topics tell, held against all rules; what they ask for is handed on to be delivered."""

from itertools import islice

from quietzone_kit.events import Event
from quietzone_kit.reaction import Unreadable
from quietzone_kit.runtime import Clock
from quietzone_kit.telemetry import logger
from quietzone_notification.delivery.domain import NewDelivery, Outbound
from quietzone_notification.events.house import events_of, knows
from quietzone_notification.metrics import DECIDED, EVENTS, FAILED
from quietzone_notification.patterns import InvalidEvent
from quietzone_notification.rules.follow import RuleView
from quietzone_notification.rules.numbers import RuleNumbers
from quietzone_topics import (
    ANALYTICS_EXPORT_V1,
    ANALYTICS_MILESTONE_V1,
    GATEWAY_USAGE_V1,
    NOTIFICATION_EVENT_V1,
    QR_CODE_V1,
    QR_DESTINATION_V1,
    STORAGE_ASSET_V1,
    TRACKING_SCAN_V1,
)

CONSUMER = "notification-rules"
"""The group of the consumers, one of each topic."""

HEARD = (
    QR_CODE_V1,
    QR_DESTINATION_V1,
    ANALYTICS_MILESTONE_V1,
    ANALYTICS_EXPORT_V1,
    STORAGE_ASSET_V1,
    GATEWAY_USAGE_V1,
    TRACKING_SCAN_V1,
    NOTIFICATION_EVENT_V1,
)
"""Topics whose events are held against rules."""

MAX_AT_ONCE = 100
"""Deliveries that are handed on together; with the largest bodies 26 MB."""

log = logger(__name__)


class MatchEvents:
    """Has delivered what rules ask for, once for each event however often it comes: ids of deliveries follow from event, rule and target.

    It is done with a record when all its deliveries are stored, so that the group's offset never passes one that isn't.
    """

    def __init__(self, topic: str, view: RuleView, outbound: Outbound, numbers: RuleNumbers, clock: Clock) -> None:
        self._topic = topic
        self._view = view
        self._outbound = outbound
        self._numbers = numbers
        self._clock = clock

    def knows(self, event_type: str) -> bool:
        """What becomes events."""
        return knows(event_type)

    async def react(self, event: Event) -> None:
        """Match, and hand on."""
        book = self._view.book
        now_ms = self._clock.now_ms()
        waiting: list[NewDelivery] = []
        try:
            for one in events_of(event, book.may_match_scans):
                has_matched = False
                for matched in book.matching(one, now_ms=now_ms):
                    has_matched = True
                    self._numbers.count(matched, now_ms)
                    for reason in matched.failed:
                        FAILED.inc()
                        log.warning("nothing can be made of an event", rule=matched.rule.rule_id, reason=reason)
                    waiting += matched.deliveries
                    while len(waiting) >= MAX_AT_ONCE:  # also within an event: 300 rules with five targets may make 450 MB of it
                        await self._hand_on(waiting)
                EVENTS.labels(self._topic, "matched" if has_matched else "unmatched").inc()
        except InvalidEvent as error:
            raise Unreadable(str(error)) from error
        while waiting:
            await self._hand_on(waiting)

    async def _hand_on(self, waiting: list[NewDelivery]) -> None:
        deliveries = list(islice(waiting, MAX_AT_ONCE))
        await self._outbound.enqueue(deliveries)
        del waiting[: len(deliveries)]
        for delivery in deliveries:
            DECIDED.labels(delivery.kind).inc()
