"""Reading for tails: one follower of each of the house's topics for all of them, and none while nobody tails."""

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from google.protobuf.message import DecodeError

from quietzone_kit.bus import Bounds, Bus, BusError, Record, Topic
from quietzone_kit.deadlines import deadline
from quietzone_kit.errors import ResourceExhausted, Unavailable
from quietzone_kit.events import NotAnEvent, event_of
from quietzone_kit.projection import ForeignLog, run_follower
from quietzone_kit.reaction import Unreadable
from quietzone_kit.runtime import Clock, Randomness
from quietzone_kit.telemetry import logger
from quietzone_notification.deadlines import BUS_S, bus_answers
from quietzone_notification.events.domain import Event
from quietzone_notification.events.house import events_of, knows
from quietzone_notification.metrics import TAILS
from quietzone_notification.rules.consumers import HEARD
from quietzone_notification.tails.domain import Tail

MAX_TAILS = 100
"""Of a process: people look on, and each costs up to 1 MB and a match of every event of its account. Programs have rules."""

MAX_TAILS_OF_ACCOUNT = 5
"""A few terminals of its people: one account can't take the places of twenty others."""

NAME = "notification-tails"
"""Of the followers, in metrics."""

POLL_S = 0.25
"""For one poll of a log, which answers at once when something comes."""

RETRY_S = 2.0
"""The longest wait before a bus that refused is read again."""

log = logger(__name__)


class Watch:
    """All tails of this process; `run` must run beside it."""

    def __init__(self, bus: Bus, clock: Clock, randomness: Randomness) -> None:
        self._bus = bus
        self._clock = clock
        self._randomness = randomness
        self._places: dict[tuple[str, str], list[Tail]] = {}
        self._of_account: Counter[str] = Counter()
        self._occupied, self._empty, self._reading = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.is_stopping = False

    def __len__(self) -> int:
        return self._of_account.total()

    @contextmanager
    def entered(self, tail: Tail) -> Iterator[None]:
        """Have the tail among the others while the block runs.

        Raises:
            ResourceExhausted: its account has all that it may have, or everybody together.
            Unavailable: this process ends.
        """
        self._check_room(tail.account_id)
        place = tail.account_id, tail.bus
        self._places.setdefault(place, []).append(tail)
        self._of_account[tail.account_id] += 1
        self._occupied.set()
        self._empty.clear()
        TAILS.inc()
        try:
            yield
        finally:
            TAILS.dec()
            self._places[place].remove(tail)
            if not self._places[place]:
                del self._places[place]
            self._of_account[tail.account_id] -= 1
            if not self._of_account[tail.account_id]:
                del self._of_account[tail.account_id]
            if not self._places:
                self._empty.set()
                if not self.is_stopping:
                    self._occupied.clear()

    async def begun(self) -> None:
        """Return once what happens from now on is read.

        Raises:
            Unavailable: the bus doesn't answer.
        """
        async with deadline(BUS_S, Unavailable, "the event bus doesn't answer; try again"):
            await self._reading.wait()

    def stop(self) -> None:
        """Let nobody in any more, and have all tails end; `run` ends when they have."""
        self.is_stopping = True
        self._occupied.set()
        for tail in self._all():
            tail.wake()

    async def run(self) -> None:
        """Read while somebody tails, until `stop` was called and all tails have ended."""
        while True:
            await self._occupied.wait()
            if self.is_stopping and not self._places:
                return
            async with asyncio.TaskGroup() as group:
                reading = group.create_task(self._read())
                while self._places:  # the last may have gone, and another come
                    await self._empty.wait()
                reading.cancel()
                self._reading.clear()  # at once: who comes now waits for the next reading

    def _check_room(self, account_id: str) -> None:
        if self.is_stopping:
            raise Unavailable("this process is being replaced; try again in a moment")
        if self._of_account[account_id] >= MAX_TAILS_OF_ACCOUNT:
            raise ResourceExhausted(f"this account has {MAX_TAILS_OF_ACCOUNT} tails; end one before another is begun")
        if len(self) >= MAX_TAILS:
            raise ResourceExhausted("this server has all the tails that it takes; try again in a moment")

    def _all(self) -> list[Tail]:
        return [tail for tails in self._places.values() for tail in tails]

    async def _read(self) -> None:
        """Follow all topics from where they end now; where that breaks off, say so and begin anew."""
        while True:
            try:
                ends = {topic.name: await self._ends(topic) for topic in HEARD}
                self._reading.set()
                async with asyncio.TaskGroup() as group:
                    for topic in HEARD:
                        group.create_task(self._follow(topic, ends[topic.name]))
            except* (BusError, Unavailable) as reasons:
                log.warning("what tails are told is read anew", reasons=[str(reason) for reason in reasons.exceptions])
            if self._reading.is_set():
                self._reading.clear()
                for tail in self._all():
                    tail.interrupt()
            await asyncio.sleep(self._randomness.uniform(0, RETRY_S))

    async def _ends(self, topic: Topic) -> dict[int, Bounds]:
        async with bus_answers():
            return {partition: await self._bus.bounds(topic.name, partition) for partition in range(await self._bus.partitions(topic.name))}

    async def _follow(self, topic: Topic, ends: Mapping[int, Bounds]) -> None:
        follower = _Follower(self, ends)
        await run_follower(self._bus, topic.name, NAME, follower, self._clock, randomness=self._randomness, wait_s=POLL_S)

    def hear(self, record: Record) -> None:
        """Tell the tails that want it what a record says."""
        try:
            told = event_of(record)
            if knows(told.type):
                for event in events_of(told, self._may_want_scans):
                    self._tell(event)
        except (NotAnEvent, Unreadable, DecodeError, ValueError, LookupError) as error:
            # Rules' own consumer counts it and keeps it.
            log.debug("record passed over", topic=record.topic, partition=record.partition, offset=record.offset, reason=repr(error))

    def _may_want_scans(self, account_id: str, code_id: str) -> bool:
        if account_id not in self._of_account:
            return False
        return any(tail.may_want_scans(code_id) for tail in self._all() if tail.account_id == account_id)

    def _tell(self, event: Event) -> None:
        tails = self._places.get((event.account_id, event.bus))
        if tails is None:
            return
        tree = event.tree()
        wanting = [tail for tail in tails if tail.wants(tree)]
        if wanting:
            text = event.text()
            for tail in wanting:
                tail.put(text)


class _Follower:
    """A `quietzone_kit.projection.Follower` of one topic, from where it ended when the reading began."""

    def __init__(self, watch: Watch, ends: Mapping[int, Bounds]) -> None:
        self._watch = watch
        self._ends = ends

    async def start(self, partition: int, bounds: Bounds) -> int:
        """From the end that was known."""
        end = self._ends[partition]
        if end.log_id != bounds.log_id or not bounds.first <= end.next <= bounds.next:
            raise ForeignLog(f"partition {partition} isn't the log that it was when tails began")
        return end.next

    async def receive(self, partition: int, records: Sequence[Record]) -> None:  # noqa: ARG002 - the port's
        """Tell the tails."""
        for record in records:
            self._watch.hear(record)
            await asyncio.sleep(0)  # a batch holds thousands of scans: others go on between two
