"""Appending to partitions, each batch exactly once however often it must be sent.

What waits while a request is under way goes into the next one: that is group commit, so nothing lingers for company. A partition has one
batch under way, with a producer id, epoch and sequence number that stay with it when it is sent again, so that a broker that has it
already says so and keeps it once. When a batch is given up nobody knows whether it is in the log: the partition goes on with the next
epoch (as Kafka's own client does, KIP-360), which also shuts out a copy of it that is still on its way.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from aiokafka.record.default_records import DefaultRecordBatchBuilder

from quietzone_kit.bus import BusError, BusUnavailable, Message, Position
from quietzone_kit.bus._kafka import codes, metrics, wire
from quietzone_kit.bus._kafka.cluster import RETRY_S, Cluster, Moved

PUBLISH_WITHIN_S = 6.0
"""How long a message may wait for its acknowledgement; with an answer that is late at the end of it (4 s) a publish ends within 10 s."""

REPLICAS_WITHIN_MS = 3_000
"""How long a broker waits for its replicas; less than we wait for the broker."""

MAX_BATCH_BYTES = 1_000_000
"""A batch closes above this; one larger message goes alone. The topic's max.message.bytes leaves room for it."""

MAX_REQUEST_BYTES = 8_000_000
"""Of batches in one request, about: a second on a slow line, well below the brokers' socket.request.max.bytes of 100 MB."""

MAX_WAITING_BYTES = 64_000_000
"""What may wait in all; at 20 MB a second it takes half the time that a publish has."""

LANE = "publish"
LAST_EPOCH = 32_767
SEQUENCE_MASK = 0x7FFFFFFF
PLAIN = 0
MAGIC = 2


class _Call:
    """One `publish`: done when all of its messages are, failed when one is."""

    def __init__(self, messages: int, deadline: float) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.offsets = [-1] * messages
        self.deadline = deadline
        self._left = messages

    def acknowledge(self, index: int, offset: int) -> None:
        self.offsets[index] = offset
        self._left -= 1
        if not self._left and not self.done.done():
            self.done.set_result(None)

    def fail(self, error: BaseException) -> None:
        if not self.done.done():
            self.done.set_exception(error)


@dataclass(frozen=True, slots=True)
class _Entry:
    call: _Call
    index: int
    message: Message


@dataclass(frozen=True, slots=True)
class _Sealed:
    """A batch whose bytes stay as they are."""

    data: bytes
    entries: list[_Entry]
    deadline: float


@dataclass(slots=True)
class _Lane:
    """One partition; `sealed` is what is under way or must be sent again, before all that waits."""

    topic: str
    partition: int
    waiting: deque[_Entry] = field(default_factory=deque)
    sealed: _Sealed | None = None
    busy: bool = False
    resume_at: float = 0.0
    producer: int | None = None
    epoch: int = 0
    sequence: int = 0

    @property
    def place(self) -> tuple[str, int]:
        return self.topic, self.partition

    @property
    def has_work(self) -> bool:
        return self.sealed is not None or bool(self.waiting)

    @property
    def deadline(self) -> float:
        return self.sealed.deadline if self.sealed is not None else self.waiting[0].call.deadline

    def seal(self, now_ms: int) -> _Sealed | None:
        """The batch to send; None when all that waited was given up by its callers."""
        if self.sealed is not None:
            return self.sealed
        builder = DefaultRecordBatchBuilder(MAGIC, PLAIN, 0, self.producer, self.epoch, self.sequence, MAX_BATCH_BYTES)
        entries: list[_Entry] = []
        while self.waiting:
            entry = self.waiting[0]
            message = entry.message
            if not entry.call.done.done():
                key = message.key.encode()
                if builder.append(len(entries), now_ms, key, message.value, list(message.headers)) is None:
                    break
                entries.append(entry)
            self.waiting.popleft()
        if entries:
            self.sealed = _Sealed(bytes(builder.build()), entries, min(entry.call.deadline for entry in entries))
        return self.sealed

    def acknowledge(self, offset: int) -> None:
        sealed, self.sealed = self.sealed, None
        assert sealed is not None  # noqa: S101 - only what was sent is acknowledged
        self.sequence = (self.sequence + len(sealed.entries)) & SEQUENCE_MASK
        metrics.PUBLISHED_BYTES.inc(len(sealed.data))
        for place, entry in enumerate(sealed.entries):
            entry.call.acknowledge(entry.index, offset + place)

    def give_up(self, error: BaseException) -> None:
        """What waits behind a lost batch fails with it: its callers publish all again, in order."""
        for entry in (*(self.sealed.entries if self.sealed else ()), *self.waiting):
            entry.call.fail(error)
        self.waiting.clear()
        if self.sealed is not None:
            self.sealed, self.sequence, self.epoch = None, 0, self.epoch + 1
        if self.epoch > LAST_EPOCH:
            self.producer, self.epoch = None, 0


class Sender:
    """Appends messages whose partitions are known; one for each bus."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._lanes: dict[tuple[str, int], _Lane] = {}
        self._waiting_bytes = 0
        self._sending: dict[int, asyncio.Task[None]] = {}
        self._dispatcher: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()

    async def publish(self, messages: Sequence[Message], partitions: Sequence[int]) -> list[Position]:
        """Append each message to its partition.

        Raises:
            BusUnavailable: within ten seconds; some, all or none are in the log.
        """
        size = sum(len(message.value) for message in messages)
        if self._waiting_bytes and self._waiting_bytes + size > MAX_WAITING_BYTES:
            raise BusUnavailable(
                f"{self._cluster.shown}: {self._waiting_bytes:,} bytes wait to be published: publish again when brokers keep up"
            )
        began = self._cluster.clock.monotonic()
        call = _Call(len(messages), began + PUBLISH_WITHIN_S)
        for index, (message, partition) in enumerate(zip(messages, partitions, strict=True)):
            lane = self._lanes.setdefault((message.topic, partition), _Lane(message.topic, partition))
            lane.waiting.append(_Entry(call, index, message))
        self._waiting_bytes += size
        self._wake.set()
        if self._dispatcher is None:
            # Not a caller's task: a caller may be cancelled, and the others' messages are in the same request.
            self._dispatcher = asyncio.create_task(self._dispatch(), name="publish")  # noqa: TID251 - ends by itself; `close` waits for it
        try:
            await call.done
        finally:
            self._waiting_bytes -= size
        metrics.PUBLISH_SECONDS.observe(self._cluster.clock.monotonic() - began)
        return [
            Position(message.topic, partition, offset)
            for message, partition, offset in zip(messages, partitions, call.offsets, strict=True)
        ]

    async def close(self) -> None:
        """Wait until what is under way has ended, one way or the other."""
        if self._dispatcher is not None:
            await asyncio.wait([self._dispatcher])

    async def _dispatch(self) -> None:
        """Send while there is something to send: to all brokers side by side, one request at a time to each."""
        try:
            while busy := [lane for lane in self._lanes.values() if lane.has_work]:
                self._wake.clear()
                now = self._cluster.clock.monotonic()
                for node, lanes in (await self._by_leader([lane for lane in busy if not lane.busy and lane.resume_at <= now])).items():
                    if node not in self._sending:
                        self._send_to(node, lanes)
                resume_at = min((lane.resume_at for lane in busy if not lane.busy and lane.resume_at > now), default=now + PUBLISH_WITHIN_S)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(max(0, resume_at - self._cluster.clock.monotonic())):
                        await self._wake.wait()
        finally:
            self._dispatcher = None
            for lane in self._lanes.values():  # there are none left, unless the loop is ending
                lane.give_up(BusUnavailable(f"{self._cluster.shown}: the process is ending"))

    async def _by_leader(self, lanes: Sequence[_Lane]) -> dict[int, list[_Lane]]:
        found: dict[int, list[_Lane]] = {}
        unknown: dict[str, BusError] = {}  # asked once for all partitions of a topic: brokers that hang cost seconds each time
        for lane in lanes:
            try:
                if lane.topic in unknown:
                    raise unknown[lane.topic]
                found.setdefault(await self._cluster.leader(*lane.place), []).append(lane)
            except Moved as error:
                self._again(lane, error)
            except BusUnavailable as error:
                unknown[lane.topic] = error
                self._again(lane, error)
            except BusError as error:
                lane.give_up(error)
        return found

    def _send_to(self, node: int, lanes: Sequence[_Lane]) -> None:
        for lane in lanes:
            lane.busy = True
        task = asyncio.create_task(self._send(node, lanes), name=f"publish to broker {node}")  # noqa: TID251 - ends by itself, as above
        self._sending[node] = task
        task.add_done_callback(lambda task: self._sent(node, lanes, task))

    def _sent(self, node: int, lanes: Sequence[_Lane], task: asyncio.Task[None]) -> None:
        del self._sending[node]
        error = None if task.cancelled() else task.exception()
        for lane in lanes:
            lane.busy = False
            if error is not None:  # nothing that we know of; who publishes hears of it
                lane.give_up(error)
        self._wake.set()

    async def _send(self, node: int, lanes: Sequence[_Lane]) -> None:
        sent: list[_Lane] = []
        try:
            batches = await self._seal(node, lanes, sent)
            if not batches:
                return
            request = wire.ask_append(batches, REPLICAS_WITHIN_MS)
            answers = wire.read_append(await self._cluster.ask(request, node=node, lane=LANE))
        except BusUnavailable as error:
            metrics.ERRORS.labels("unreachable").inc()
            for lane in sent or lanes:
                self._again(lane, error)
        except BusError as error:
            for lane in sent or lanes:
                lane.give_up(error)
        else:
            for lane in sent:
                self._settle(lane, answers[lane.place])

    async def _seal(self, node: int, lanes: Sequence[_Lane], sent: list[_Lane]) -> dict[tuple[str, int], bytes]:
        """Batches for one request; the lanes that they are of go to `sent`."""
        batches: dict[tuple[str, int], bytes] = {}
        size = 0
        for lane in lanes:
            if lane.producer is None:
                lane.producer = await self._producer(node)
            sealed = lane.seal(self._cluster.clock.now_ms())
            if sealed is None:
                continue
            batches[lane.place] = sealed.data
            sent.append(lane)
            size += len(sealed.data)
            if size > MAX_REQUEST_BYTES:
                break
        return batches

    async def _producer(self, node: int) -> int:
        code, producer = wire.read_producer(await self._cluster.ask(wire.ask_producer(), node=node))
        if code:
            raise self._cluster.refused("a producer id", code)
        return producer

    def _settle(self, lane: _Lane, answer: wire.Appended) -> None:
        if answer.code == codes.OK:
            lane.acknowledge(answer.offset)
        elif answer.code in codes.TRANSIENT:
            metrics.ERRORS.labels("moved").inc()
            self._cluster.forget(lane.topic)
            self._again(lane, self._cluster.refused(f"partition {lane.partition} of {lane.topic}", answer.code))
        elif answer.code in codes.PRODUCER_LOST:
            # aiokafka's producer sticks here; with the next epoch the broker starts to count anew.
            metrics.ERRORS.labels("producer").inc()
            lane.give_up(
                BusUnavailable(
                    f"{self._cluster.shown}: partition {lane.partition} of {lane.topic}: {codes.name(answer.code)}: publish again"
                )
            )
        else:
            metrics.ERRORS.labels("refused").inc()
            lane.give_up(self._cluster.refused(f"partition {lane.partition} of {lane.topic}", answer.code))

    def _again(self, lane: _Lane, error: BusError) -> None:
        """The same batch once more after a pause, unless its time is up."""
        now = self._cluster.clock.monotonic()
        if lane.has_work and now >= lane.deadline:
            lane.give_up(error)
        lane.resume_at = now + RETRY_S
