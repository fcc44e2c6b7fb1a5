"""Events in: everything that the house's topics tell, held against all rules; what they ask for is handed on to be delivered."""

from collections import Counter

from quietzone.tracking.v1 import scan_pb2
from quietzone_kit.events import Event
from quietzone_kit.reaction import Unreadable
from quietzone_kit.runtime import Clock
from quietzone_kit.tasks import Tasks
from quietzone_notification.deadlines import store_answers
from quietzone_notification.delivery.domain import Outbound
from quietzone_notification.events.house import events_of, knows
from quietzone_notification.events.scans import seq_of, slices
from quietzone_notification.metrics import EVENTS, LEFT
from quietzone_notification.patterns import InvalidEvent
from quietzone_notification.rules.follow import RuleView
from quietzone_notification.rules.handing import Handing
from quietzone_notification.rules.numbers import RuleNumbers
from quietzone_notification.rules.tasks import task_of
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

OF_ACCOUNT = 10_000
"""Deliveries that one record makes for one account at once: 30 s on the slowest store that was seen. The rest of its scans is a task's."""
OF_RECORD = 50_000
"""That it makes for all of them: 150 s there, half of what an attempt has."""


class MatchEvents:
    """Has delivered what rules ask for, once for each event however often it comes: ids of deliveries follow from event, rule and target.

    It is done with a record when all its deliveries are stored, so that the group's offset never passes one that isn't. Of scans that would
    make too many, tasks are stored instead: one account's rules hold up nobody else's scans.
    """

    def __init__(self, topic: str, view: RuleView, outbound: Outbound, tasks: Tasks, *, numbers: RuleNumbers, clock: Clock) -> None:
        self._topic = topic
        self._view = view
        self._outbound = outbound
        self._tasks = tasks
        self._numbers = numbers
        self._clock = clock

    def knows(self, event_type: str) -> bool:
        """What becomes events."""
        return knows(event_type)

    async def react(self, event: Event) -> None:
        """Match, and hand on."""
        book, handing = self._view.book, Handing(self._outbound, self._numbers, self._clock)
        made, of_all = Counter[str](), 0
        left: dict[str, list[int]] = {}
        try:
            for one in events_of(event, book.may_match_scans):
                if made[one.account_id] >= OF_ACCOUNT or of_all >= OF_RECORD:
                    left.setdefault(one.account_id, []).append(seq_of(one))
                    continue
                number = await handing.match(book, one)
                made[one.account_id] += number or 0
                of_all += number or 0
                EVENTS.labels(self._topic, "unmatched" if number is None else "matched").inc()
        except InvalidEvent as error:
            raise Unreadable(str(error)) from error
        await handing.end()
        if left:
            await self._leave(event, left)

    async def _leave(self, event: Event, left: dict[str, list[int]]) -> None:
        """Have tasks there that match the rest of an account's scans."""
        batch = scan_pb2.ScanBatch.FromString(event.data)
        for account_id, seqs in left.items():
            for part in slices(batch, seqs):
                async with store_answers():
                    await self._tasks.add(task_of(account_id, part))
            LEFT.inc(len(seqs))
