"""Rules in memory: loaded from the store, changed within a second of each change (topic `notification.rule.v1`)."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import NoReturn, TypeVar

from google.protobuf.message import DecodeError

from quietzone_kit.bus import Bounds, Bus, BusError, Record
from quietzone_kit.bus.topics import ensure_patiently
from quietzone_kit.errors import Unavailable
from quietzone_kit.events import NotAnEvent, event_of
from quietzone_kit.ids import derived_id
from quietzone_kit.projection import ForeignLog, run_follower
from quietzone_kit.runtime import Clock, Randomness
from quietzone_kit.telemetry import logger
from quietzone_notification.deadlines import bus_answers
from quietzone_notification.metrics import RULES_HELD, RULES_REJECTED
from quietzone_notification.rules.book import RuleBook
from quietzone_notification.rules.domain import Rule
from quietzone_notification.rules.events import rule_in
from quietzone_notification.rules.repository import Rules
from quietzone_topics import NOTIFICATION_RULE_V1, TYPE_NOTIFICATION_RULE

POLL_S = 0.25
"""For one poll of the log, which answers at once when something comes."""

LOOK_EVERY_S = 5.0
"""Between looks whether the log is still the same one."""

RETRY_S = 2.0
"""The longest wait before a refused store or bus is asked again."""

T = TypeVar("T")

log = logger(__name__)


class RuleView:
    """A book that is up to date, and a `quietzone_kit.projection.Follower`; `run` must run beside it."""

    def __init__(self, rules: Rules, bus: Bus, clock: Clock, randomness: Randomness) -> None:
        self._rules = rules
        self._bus = bus
        self._clock = clock
        self._randomness = randomness
        self._held: RuleBook | None = None
        self._starts: dict[int, Bounds] = {}

    @property
    def book(self) -> RuleBook:
        """The rules.

        Raises:
            Unavailable: they aren't loaded yet.
        """
        if self._held is None:
            raise Unavailable("rules aren't loaded yet; try again")
        return self._held

    async def run(self) -> NoReturn:
        """Load and follow until cancelled; while store or bus are away the rules are those that there were."""
        await ensure_patiently(self._bus, [NOTIFICATION_RULE_V1], randomness=self._randomness, meanwhile="rules stay as they are")
        while True:
            try:
                await self.load()
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._watch_log())
                    group.create_task(
                        run_follower(
                            self._bus,
                            NOTIFICATION_RULE_V1.name,
                            "notification-rules",
                            self,
                            self._clock,
                            randomness=self._randomness,
                            wait_s=POLL_S,
                        )
                    )
            except* (BusError, Unavailable) as reasons:
                log.warning("rules are loaded anew", reasons=[str(reason) for reason in reasons.exceptions])
            await asyncio.sleep(self._randomness.uniform(0, RETRY_S))

    async def load(self) -> None:
        """Make a new book of all that the store has: its log's end is known first, so that no change falls between.

        Raises:
            Unavailable: store or bus don't answer; the book stays the one that it was.
            BusError: the bus is there, and the topic isn't.
        """
        topic = NOTIFICATION_RULE_V1.name
        async with bus_answers():
            self._starts = {partition: await self._bus.bounds(topic, partition) for partition in range(await self._bus.partitions(topic))}
        book = RuleBook(derived_id)
        page = await self._rules.all()
        while True:
            for rule in page.rules:
                self._admit(book, rule)
            for rule_id, reason in page.unreadable:
                RULES_REJECTED.inc()
                log.warning("a rule that can't be read is at rest here", rule=rule_id, reason=reason)
            if page.next_token is None:
                break
            page = await self._rules.all(page.next_token)
        self._held = book
        RULES_HELD.set(len(book))
        log.info("rules loaded", rules=len(book))

    # quietzone_kit.projection.Follower

    async def start(self, partition: int, bounds: Bounds) -> int:
        """From where the log ended when the rules were loaded.

        Raises:
            ForeignLog: it is another log, or its records went before they were read.
        """
        start = self._starts[partition]
        if start.log_id != bounds.log_id or not bounds.first <= start.next <= bounds.next:
            raise ForeignLog(f"{NOTIFICATION_RULE_V1.name}, partition {partition}, isn't the log that it was when rules were loaded")
        return start.next

    async def receive(self, partition: int, records: Sequence[Record]) -> None:
        """Take up changes."""
        for record in records:
            try:
                event = event_of(record)
                if event.type == TYPE_NOTIFICATION_RULE:
                    self._admit(self.book, rule_in(event.data))
            except (NotAnEvent, DecodeError, KeyError) as error:
                RULES_REJECTED.inc()
                log.warning("change of a rule passed over", partition=partition, offset=record.offset, reason=repr(error))
        RULES_HELD.set(len(self.book))

    def _admit(self, book: RuleBook, rule: Rule) -> None:
        try:
            book.admit(rule)
        except ValueError as error:
            RULES_REJECTED.inc()
            log.warning("a rule is at rest here", rule=rule.rule_id, revision=rule.revision, reason=str(error))

    async def _watch_log(self) -> None:
        """Notice a log that was made anew.

        Raises:
            ForeignLog: that is so.
        """
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            bounds = await self._patiently(lambda: self._bus.bounds(NOTIFICATION_RULE_V1.name, 0))
            if bounds is not None and bounds.log_id != self._starts[0].log_id:
                raise ForeignLog(f"the log of {NOTIFICATION_RULE_V1.name} was {self._starts[0].log_id} and is {bounds.log_id} now")

    async def _patiently(self, ask: Callable[[], Awaitable[T]]) -> T | None:
        try:
            async with bus_answers():
                return await ask()
        except Unavailable:
            return None  # the follower says so
