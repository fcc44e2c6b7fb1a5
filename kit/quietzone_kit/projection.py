"""Consumers that keep no offsets on the bus: projections keep them beside their data, followers in memory.

`run_projection` and `run_follower` have the loop in common: partitions come, are started, get their records, and go.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from prometheus_client import Counter, Gauge, Histogram

from quietzone_kit.bus import Bounds, Bus, BusError, BusUnavailable, Consumer, Polled, Record
from quietzone_kit.documents import DocumentsUnavailable
from quietzone_kit.events import traces_of
from quietzone_kit.runtime import Clock, Randomness
from quietzone_kit.telemetry import exemplar, is_tracing, taking_up

_T = TypeVar("_T")

LAG = Gauge(
    "quietzone_consumer_lag_records",
    "Records of a partition that wait for this consumer, looked at every 5 s. Above 10,000 for minutes: look at its retries, then at "
    "its CPU; if that is used up and there are more partitions than processes, start more.",
    ["topic", "consumer", "partition"],
)
APPLIED = Counter(
    "quietzone_consumer_applied_records_total",
    "Records that were applied. Flat while the lag grows: SIGUSR1 shows what the process waits for.",
    ["topic", "consumer"],
)
APPLY_SECONDS = Histogram(
    "quietzone_consumer_apply_seconds",
    "What a consumer took to apply the records of one partition that a poll gave it; failed attempts are retries, not in here. Slower "
    "than before: look at quietzone_documents_seconds, then at this process's CPU.",
    ["topic", "consumer"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0),  # an empty follower, up to a store's deadline
)
RETRIES = Counter(
    "quietzone_consumer_retries_total",
    "Steps that are tried again. 'bus' or 'store' for minutes: that one is down or full, its message is in the log; "
    "'ownership' again and again: two processes take a partition from each other, look at their clocks and pauses.",
    ["topic", "consumer", "reason"],
)

LAG_EVERY_S = 15.0
"""Prometheus asks four times a minute; each partition costs two questions to its broker."""
RETRY_BASE_S = 0.05
RETRY_CAP_S = 5.0
STEP_S = 100.0
"""What a call of a projection may take. The loop polls between calls, and a bus takes partitions from who doesn't poll for two minutes:
of two that are slower than that, each would put the other out."""

LEAVE_WITHIN_S = 2.0
"""For letting go of partitions and group at the end: an orchestrator kills after 10 s or more, and a lease ends after 3 s anyway."""


class OwnershipLost(Exception):
    """Another member owns the partition now: drop what is held of it, and claim it again only when it is assigned again."""


class ForeignLog(BusError):
    """The log isn't the one that the data were made from (recreated, truncated, restored): the message says what to do."""


class Projection(Protocol):
    """What a service does with the records of one topic. Calls for one partition never overlap, those for several do.

    Each ends within STEP_S.
    """

    async def claim(self, partition: int, bounds: Bounds) -> int:
        """Become the partition's owner in the service's own store, and say from which offset to read.

        Raises:
            ForeignLog: `run_projection` ends with this message.
        """

    async def apply(self, partition: int, records: Sequence[Record], *, next_offset: int) -> None:
        """Fold records into the data and set the partition's offset to `next_offset`; applying them twice changes nothing.

        Raises:
            OwnershipLost: somebody else claimed the partition.
        """

    async def release(self, partition: int) -> None:
        """Drop what is held of a partition that was revoked."""


class Follower(Protocol):
    """A view in memory that follows every partition of a topic."""

    async def start(self, partition: int, bounds: Bounds) -> int:
        """Say from which offset to read: where the snapshot that the view was loaded from ended.

        Raises:
            ForeignLog: the snapshot is of another log, or of an offset that is gone; load the view from its source.
        """

    async def receive(self, partition: int, records: Sequence[Record]) -> None:
        """Take up records, in order; the next come after `records[-1].offset`."""


async def run_projection(
    bus: Bus,
    topic: str,
    group: str,
    projection: Projection,
    clock: Clock,
    *,
    randomness: Randomness,
    max_records: int = 500,
    wait_s: float = 0.5,
) -> None:
    """Join `group`, and claim, apply and release as partitions come and go; runs until it is cancelled.

    What the bus or the store refuses for now (BusUnavailable, DocumentsUnavailable) is tried again with full jitter from 0.05 s to 5 s,
    for each partition by itself; all other errors end it. At the end it releases what it holds and leaves the group.
    """
    steps = _Steps(projection.claim, projection.apply, projection.release)
    pace = _Pace(clock, randomness, max_records, wait_s)
    await _Run(bus, topic, group, steps, pace).run(lambda: bus.join(topic, group))


async def run_follower(
    bus: Bus,
    topic: str,
    name: str,
    follower: Follower,
    clock: Clock,
    *,
    randomness: Randomness,
    max_records: int = 500,
    wait_s: float = 0.5,
) -> None:
    """Give `follower` the records of every partition; runs until it is cancelled. Errors as in `run_projection`; `name` is for metrics."""

    async def apply(partition: int, records: Sequence[Record], *, next_offset: int) -> None:  # noqa: ARG001
        await follower.receive(partition, records)

    async def release(partition: int) -> None:
        """A view in memory has nothing to let go of."""

    pace = _Pace(clock, randomness, max_records, wait_s)
    await _Run(bus, topic, name, _Steps(follower.start, apply, release), pace).run(lambda: bus.follow(topic))


class _Apply(Protocol):
    async def __call__(self, partition: int, records: Sequence[Record], *, next_offset: int) -> None: ...


@dataclass(frozen=True, slots=True)
class _Steps:
    start: Callable[[int, Bounds], Awaitable[int]]
    apply: _Apply
    release: Callable[[int], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class _Pace:
    clock: Clock
    randomness: Randomness
    max_records: int
    wait_s: float


@dataclass(slots=True)
class _Share:
    """A partition that is assigned: what to read next (None until it is started), and when to go on if it waits for a retry."""

    next_offset: int | None = None
    resume_at: float | None = None
    failures: int = 0


class Lag:
    """How far a consumer of a topic is behind, by partition."""

    def __init__(self, bus: Bus, topic: str, consumer: str, clock: Clock) -> None:
        self._bus = bus
        self._topic = topic
        self._consumer = consumer
        self._clock = clock
        self._due_at = 0.0

    async def measure(self, offsets: Mapping[int, int]) -> None:
        """Compare what is read next of each partition with where it ends, when it is time to; call it often."""
        now = self._clock.monotonic()
        if now < self._due_at:
            return
        self._due_at = now + LAG_EVERY_S
        with contextlib.suppress(BusUnavailable):  # the next poll finds out, and counts it
            for partition, offset in offsets.items():
                held = await self._bus.bounds(self._topic, partition)
                LAG.labels(self._topic, self._consumer, str(partition)).set(held.next - offset)

    def forget(self, partition: int) -> None:
        """The partition is another member's."""
        with contextlib.suppress(KeyError):
            LAG.remove(self._topic, self._consumer, str(partition))


class _Run:
    def __init__(self, bus: Bus, topic: str, consumer: str, steps: _Steps, pace: _Pace) -> None:
        self._bus = bus
        self._topic = topic
        self._name = consumer
        self._steps = steps
        self._pace = pace
        self._shares: dict[int, _Share] = {}
        self._failures = 0
        self._lag = Lag(bus, topic, consumer, pace.clock)

    async def run(self, connect: Callable[[], Awaitable[Consumer]]) -> None:
        consumer = await self._patiently(connect)
        try:
            while True:
                polled = await self._patiently(lambda: consumer.poll(max_records=self._pace.max_records, wait_s=self._wait_s()))
                await self._take_up(polled)
                await self._advance(consumer, polled)
                await self._lag.measure(
                    {partition: share.next_offset for partition, share in self._shares.items() if share.next_offset is not None}
                )
        finally:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LEAVE_WITHIN_S):
                    for partition in list(self._shares):
                        await self._drop(partition)
                    await consumer.close()

    async def _patiently(self, ask: Callable[[], Awaitable[_T]]) -> _T:
        while True:
            try:
                answer = await ask()
            except BusUnavailable:
                RETRIES.labels(self._topic, self._name, "bus").inc()
                await asyncio.sleep(self._jitter(self._failures))
                self._failures += 1
            else:
                self._failures = 0
                return answer

    async def _take_up(self, polled: Polled) -> None:
        for partition in sorted(polled.revoked):
            await self._drop(partition)
        for partition in sorted(polled.assigned):
            self._shares[partition] = _Share(resume_at=self._pace.clock.monotonic())

    async def _advance(self, consumer: Consumer, polled: Polled) -> None:
        """Partitions side by side, so that a store can take their writes in one; a failing one doesn't stop the others."""
        now = self._pace.clock.monotonic()
        try:
            async with asyncio.TaskGroup() as steps:
                for partition, share in self._shares.items():
                    records = polled.records.get(partition, ())
                    if records or (share.resume_at is not None and share.resume_at <= now):
                        steps.create_task(self._step(consumer, partition, share, records))
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from failed

    async def _step(self, consumer: Consumer, partition: int, share: _Share, records: Sequence[Record]) -> None:
        try:
            if share.next_offset is None:
                share.next_offset = await self._start(partition)
            elif records:
                next_offset = records[-1].offset + 1
                with taking_up(f"{self._name} takes up {self._topic}", traces_of(records) if is_tracing() else ()):
                    began = self._pace.clock.monotonic()
                    await self._steps.apply(partition, records, next_offset=next_offset)
                    APPLY_SECONDS.labels(self._topic, self._name).observe(self._pace.clock.monotonic() - began, exemplar())
                APPLIED.labels(self._topic, self._name).inc(len(records))
                share.next_offset, share.failures = next_offset, 0
                return
        except BusUnavailable:
            self._pause(consumer, partition, share, "bus")
        except DocumentsUnavailable:
            self._pause(consumer, partition, share, "store")
        except OwnershipLost:
            await self._steps.release(partition)
            share.next_offset = None
            self._pause(consumer, partition, share, "ownership")
        else:
            share.resume_at = None
            consumer.seek(partition, share.next_offset)

    async def _start(self, partition: int) -> int:
        bounds = await self._bus.bounds(self._topic, partition)
        try:
            return await self._steps.start(partition, bounds)
        except ForeignLog:
            # While we were held up another member may have come further than the log reached when we looked.
            newer = await self._bus.bounds(self._topic, partition)
            if newer == bounds:
                raise
            return await self._steps.start(partition, newer)

    def _pause(self, consumer: Consumer, partition: int, share: _Share, reason: str) -> None:
        """Leave the partition alone for a while; by then a poll has said whether it is still ours."""
        RETRIES.labels(self._topic, self._name, reason).inc()
        consumer.pause(partition)
        share.resume_at = self._pace.clock.monotonic() + self._jitter(share.failures)
        share.failures += 1

    async def _drop(self, partition: int) -> None:
        share = self._shares.pop(partition)
        self._lag.forget(partition)
        if share.next_offset is not None:
            await self._steps.release(partition)

    def _wait_s(self) -> float:
        now = self._pace.clock.monotonic()
        waits = [share.resume_at - now for share in self._shares.values() if share.resume_at is not None]
        return max(0.0, min([self._pace.wait_s, *waits]))

    def _jitter(self, failures: int) -> float:
        """Full jitter (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/)."""
        return self._pace.randomness.uniform(0, min(RETRY_CAP_S, RETRY_BASE_S * 2 ** min(failures, 10)))
