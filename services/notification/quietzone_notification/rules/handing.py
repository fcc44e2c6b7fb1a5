"""From events to deliveries that are stored: what rules ask for is handed on a hundred at a time."""

from itertools import islice

from quietzone_kit.runtime import Clock
from quietzone_kit.telemetry import logger
from quietzone_notification.delivery.domain import NewDelivery, Outbound
from quietzone_notification.events.domain import Event
from quietzone_notification.metrics import DECIDED, FAILED
from quietzone_notification.rules.book import RuleBook
from quietzone_notification.rules.numbers import RuleNumbers

MAX_AT_ONCE = 100
"""Deliveries that are handed on together; with the largest bodies 26 MB."""

log = logger(__name__)


class Handing:
    """Deliveries of one record or task on their way; all are stored when `end` returns."""

    def __init__(self, outbound: Outbound, numbers: RuleNumbers, clock: Clock) -> None:
        self._outbound = outbound
        self._numbers = numbers
        self._clock = clock
        self._waiting: list[NewDelivery] = []

    async def match(self, book: RuleBook, event: Event) -> int | None:
        """Hold an event against rules; how many deliveries became of it, None: no rule matches.

        Raises:
            InvalidEvent: its detail can't be read.
            Unavailable: the store doesn't answer.
        """
        made: int | None = None
        now_ms = self._clock.now_ms()
        for matched in book.matching(event, now_ms=now_ms):
            made = (made or 0) + len(matched.deliveries)
            self._numbers.count(matched, now_ms)
            for reason in matched.failed:
                FAILED.inc()
                log.warning("nothing can be made of an event", rule=matched.rule.rule_id, reason=reason)
            self._waiting += matched.deliveries
            while len(self._waiting) >= MAX_AT_ONCE:  # also within an event: 300 rules with five targets may make 450 MB of it
                await self._hand_on()
        return made

    async def end(self) -> None:
        """Hand on what is left; raises Unavailable."""
        while self._waiting:
            await self._hand_on()

    async def _hand_on(self) -> None:
        deliveries = list(islice(self._waiting, MAX_AT_ONCE))
        await self._outbound.enqueue(deliveries)
        del self._waiting[: len(deliveries)]
        for delivery in deliveries:
            DECIDED.labels(delivery.kind).inc()
