"""The loop of a reaction. One task polls, so that the group's lease is kept however long a record takes; one a partition works."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from quietzone_kit.bus import Bus, BusUnavailable, Consumer, Polled, Record
from quietzone_kit.projection import LEAVE_WITHIN_S, RETRY_BASE_S, RETRY_CAP_S, ForeignLog, Lag
from quietzone_kit.reaction._letters import dead_topic, redrive_topic
from quietzone_kit.reaction._metrics import MISSED, RETRIES
from quietzone_kit.reaction._records import Patience, Reaction, Records
from quietzone_kit.runtime import Clock, Randomness
from quietzone_kit.telemetry import logger

_T = TypeVar("_T")

log = logger(__name__)

HELD_RECORDS = 100
HELD_BYTES = 1_000_000
"""What of a partition waits in memory, one poll's worth more at most; a partition is silent while it has that."""

COMMIT_EVERY_S = 1.0
"""What a crash makes a partition do again: its last second, or its last record if that took longer."""

WAIT_S = 2.0
SOON_S = 0.05
"""How long a poll waits for records, and how long while a silent partition may want to go on. Each poll that ends empty asks the broker
where the log ends: with a dozen reactions and half a second, a process that had nothing to do took a tenth of a core for that."""


async def run_reaction(
    bus: Bus,
    topic: str,
    name: str,
    reaction: Reaction,
    clock: Clock,
    *,
    randomness: Randomness,
    patience: Patience | None = None,
    from_now: bool = False,
) -> None:
    """React to the records of `topic` as a member of group `name`, and to letters that are redriven; runs until it is cancelled.

    A group that is new begins with the oldest record that there is, or with those to come if `from_now`. What the bus refuses for now is
    tried again; at the end it commits how far it came, and leaves the group.

    Raises:
        FailsOnEverything: one record after the other died.
        ForeignLog: the group has come further than the log reaches: the log isn't the one that it read.
        TopicMismatch: the topics of its dead letters are there with more partitions than one.
    """
    records = Records(bus, topic, name, reaction, patience=patience or Patience(), clock=clock, randomness=randomness)
    shift = _Shift(bus, topic, name, records, clock=clock, randomness=randomness)
    again = _Shift(bus, redrive_topic(topic, name).name, name, records, clock=clock, randomness=randomness)
    await shift.patiently(lambda: bus.ensure([dead_topic(topic, name), redrive_topic(topic, name)]))
    try:
        async with asyncio.TaskGroup() as shifts:
            shifts.create_task(shift.run(from_now=from_now))
            shifts.create_task(again.run(from_now=False))
    except ExceptionGroup as failed:
        raise _first(failed) from failed


@dataclass(slots=True)
class _Lane:
    """A partition that is assigned: records that wait, and the task that works on them.

    `next` is the offset after the last record that is settled, None until the group's is known; `fetched` the one after the last that was
    read. A lane that is `silent` gives no records until the consumer is sent to `fetched`.
    """

    partition: int
    waiting: deque[Record] = field(default_factory=deque)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    next: int | None = None
    fetched: int = 0
    silent: bool = True
    bytes: int = 0
    task: asyncio.Task[None] | None = None

    def begin(self, offset: int) -> None:
        self.next = self.fetched = offset

    def take(self, records: Sequence[Record]) -> None:
        self.waiting.extend(records)
        self.bytes += sum(len(record.value) for record in records)
        self.fetched = records[-1].offset + 1
        self.arrived.set()

    def settled(self, record: Record) -> None:
        self.waiting.popleft()
        self.bytes -= len(record.value)
        self.next = record.offset + 1

    def is_full(self) -> bool:
        return len(self.waiting) >= HELD_RECORDS or self.bytes >= HELD_BYTES

    def may_go_on(self) -> bool:
        return self.silent and self.next is not None and not self.is_full()


class _Shift:
    """A member of the group of one topic."""

    def __init__(self, bus: Bus, topic: str, name: str, records: Records, *, clock: Clock, randomness: Randomness) -> None:
        self._bus = bus
        self._topic = topic
        self._name = name
        self._records = records
        self._clock = clock
        self._randomness = randomness
        self._lanes: dict[int, _Lane] = {}
        self._lag = Lag(bus, topic, name, clock)

    async def run(self, *, from_now: bool) -> None:
        consumer = await self.patiently(lambda: self._bus.join(self._topic, self._name))
        try:
            async with asyncio.TaskGroup() as work:
                while True:
                    polled = await self.patiently(lambda: consumer.poll(max_records=HELD_RECORDS, wait_s=self._wait_s()))
                    await self._let_go(consumer, polled)
                    for partition in sorted(polled.assigned):
                        lane = self._lanes[partition] = _Lane(partition)
                        lane.task = work.create_task(self._work(consumer, lane, from_now=from_now))
                    self._hand_out(consumer, polled)
                    await self._lag.measure({partition: lane.next for partition, lane in self._lanes.items() if lane.next is not None})
        finally:
            await self._leave(consumer)

    async def _work(self, consumer: Consumer, lane: _Lane, *, from_now: bool) -> None:
        """Settle a partition's records one by one."""
        lane.begin(await self.patiently(lambda: self._start(consumer, lane.partition, from_now=from_now)))
        while True:
            await lane.arrived.wait()
            commit_at = self._clock.monotonic() + COMMIT_EVERY_S
            while lane.waiting and self._clock.monotonic() < commit_at:
                await self._records.settle(lane.waiting[0])
                lane.settled(lane.waiting[0])
            if not lane.waiting:
                lane.arrived.clear()
            await self.patiently(lambda: self._commit(consumer, lane))

    async def _start(self, consumer: Consumer, partition: int, *, from_now: bool) -> int:
        committed = await consumer.committed(partition)
        held = await self._bus.bounds(self._topic, partition)  # after the commit was read: the log reaches at least as far
        if committed is None:
            offset = held.next if from_now else held.first
            await consumer.commit({partition: offset})  # a restart before the first record goes on from here, not from then's "now"
            return offset
        if committed > held.next:
            raise ForeignLog(
                f"{self._name} has read {self._topic}, partition {partition}, up to {committed}, and the log ends at {held.next}: it is "
                "not the log that was read. Restore that one; or give the consumer a new group if its records may all come again"
            )
        if committed < held.first:
            MISSED.labels(self._topic, self._name).inc(held.first - committed)
            log.error("records are gone", topic=self._topic, consumer=self._name, partition=partition, first=committed, below=held.first)
        return max(committed, held.first)

    async def _commit(self, consumer: Consumer, lane: _Lane) -> None:
        if lane.next is not None:
            await consumer.commit({lane.partition: lane.next})

    async def _let_go(self, consumer: Consumer, polled: Polled) -> None:
        """Stop work on what was revoked, and keep how far it came; after the next poll it is another member's."""
        gone = [self._lanes.pop(partition) for partition in sorted(polled.revoked) if partition in self._lanes]
        for lane in gone:
            self._lag.forget(lane.partition)
        if tasks := [lane.task for lane in gone if lane.task is not None]:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        # What is assigned again was another's in between, who may have come further.
        await self._keep(consumer, [lane for lane in gone if lane.partition not in polled.assigned])

    async def _keep(self, consumer: Consumer, lanes: Sequence[_Lane]) -> None:
        offsets = {lane.partition: lane.next for lane in lanes if lane.next is not None}
        if offsets:
            with contextlib.suppress(BusUnavailable):  # then the next owner does some records again
                await consumer.commit(offsets)

    def _hand_out(self, consumer: Consumer, polled: Polled) -> None:
        for partition, records in polled.records.items():
            self._lanes[partition].take(records)
        for partition, lane in self._lanes.items():
            if lane.may_go_on():
                consumer.seek(partition, lane.fetched)
                lane.silent = False
            elif not lane.silent and lane.is_full():
                consumer.pause(partition)
                lane.silent = True

    async def _leave(self, consumer: Consumer) -> None:
        lanes, self._lanes = list(self._lanes.values()), {}
        for lane in lanes:
            self._lag.forget(lane.partition)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LEAVE_WITHIN_S):
                await self._keep(consumer, lanes)
                await consumer.close()

    def _wait_s(self) -> float:
        return SOON_S if any(lane.silent for lane in self._lanes.values()) else WAIT_S

    async def patiently(self, ask: Callable[[], Awaitable[_T]]) -> _T:
        """Ask until the bus answers."""
        failures = 0
        while True:
            try:
                return await ask()
            except BusUnavailable:
                RETRIES.labels(self._topic, self._name, "unavailable").inc()
                await asyncio.sleep(self._randomness.uniform(0, min(RETRY_CAP_S, RETRY_BASE_S * 2 ** min(failures, 10))))
                failures += 1


def _first(failed: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = failed
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
