"""Consumers of Kafka: followers, and members of groups, by aiokafka's consumer.

aiokafka fetches and rebalances in tasks of its own, and this is how its owner sees nothing of that: all partitions are paused at a dummy
position until they are sought, so that it never asks where to start; after a rebalance what was kept goes on where its owner stands.
`getmany` is never cancelled (it would count itself as under way for ever): what one poll asked for is left to the next.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError, OffsetOutOfRangeError
from aiokafka.structs import TopicPartition

from quietzone_kit.bus import BusError, OffsetGone, Polled, Record
from quietzone_kit.bus._kafka.cluster import ANSWER_WITHIN_S, CONNECT_WITHIN_S, PATIENCE_S, RETRY_S, Cluster, TopicFound
from quietzone_kit.bus._kafka.shares import Membership
from quietzone_kit.bus._kafka.stop import stop_consumer

SESSION_S = 10.0
"""How long a dead member keeps its partitions; no event loop of ours stands still for that long. Brokers allow 6 s or more."""

HEARTBEAT_S = 1.0
"""How soon a member learns that the group has changed; costs a small request a second."""

REBALANCE_S = 15.0
"""How long the group waits for a member to join again: it does so with its next heartbeat, whatever its owner does."""

ANSWER_MS = int((REBALANCE_S + SESSION_S) * 1000) + 1_000
"""A member's word to the group is answered when the others have joined, or their sessions have ended."""

MAX_POLL_S = 120.0
"""How long an owner may be at work between two polls: longer than a projection's call may take (`quietzone_kit.projection.STEP_S`)."""

NEVER_MS = 1_000_000_000
"""aiokafka's own count of the time since a poll isn't to be relied upon: an error in `getmany` stops it."""

SETTLE_WITHIN_S = 1.0
"""How long a poll waits for the group to say what became of partitions: most often the same member has them again."""

LOOK_S = 1.0
"""How long aiokafka is asked to wait for records at a time."""

CHECK_EVERY_S = 5.0
"""How often brokers are asked whether there is really nothing: aiokafka only logs that it can't reach them."""

LEAVE_WITHIN_S = 2.0
"""At the end, a word to the group saves others a session's wait; more it isn't worth."""

LONG_POLL_MS = 500
"""How long a broker waits for records: a partition that is sought meanwhile waits as long at most."""

PARTITION_BYTES = 1_100_000
"""Of one partition in one fetch: the largest message fits in."""

FETCH_BYTES = 8_000_000
"""Of one fetch: what a consumer holds of each broker's partitions before it is taken."""

NOTHING = Polled(assigned=frozenset(), revoked=frozenset(), records={})


class KafkaConsumer:
    """A reader of one topic; without `group` it reads all partitions. `forget` is called when it is closed."""

    def __init__(
        self, cluster: Cluster, topic: str, found: TopicFound, *, group: str | None, forget: Callable[["KafkaConsumer"], None]
    ) -> None:
        self._cluster = cluster
        self._topic = topic
        self._log_id = found.id
        self._group_name = group
        self._forget = forget
        self._membership = None if group is None else Membership(group, cluster.name(topic), len(found.leaders), self._change)
        self._everything = dict.fromkeys(range(len(found.leaders)), 0)
        self._told: dict[int, int] = {}
        self._offsets: dict[int, int] = {}  # of what is read: where its owner stands
        self._sought: set[int] = set()  # at the next poll: what is read ahead is read when somebody wants it
        self._gone: list[int] = []
        self._consumer: AIOKafkaConsumer | None = None
        self._looking: asyncio.Task[dict[TopicPartition, list[ConsumerRecord]]] | None = None
        self._changed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._asleep: asyncio.TimerHandle | None = None
        self._opening = asyncio.Lock()
        self._turn = 0
        self._closed = False

    async def poll(self, *, max_records: int, wait_s: float) -> Polled:
        """What is there now, or comes within `wait_s`."""
        if self._closed:
            raise BusError("the consumer is closed")
        if self._asleep is not None:
            self._asleep.cancel()
        try:
            return await self._poll(max_records, self._cluster.clock.monotonic() + wait_s)
        except OffsetOutOfRangeError as error:
            [partition] = [tp.partition for tp in error.args[0]]
            raise await self._no_longer_there(partition) from error
        except (KafkaError, TimeoutError) as error:
            await self._throw_away()
            raise self._cluster.refused(f"reading {self._topic}", error) from error
        finally:
            if self._membership is not None and not self._closed:
                self._asleep = asyncio.get_running_loop().call_later(MAX_POLL_S, self._oversleep)

    def seek(self, partition: int, offset: int) -> None:
        """Read `partition` from `offset` on."""
        if partition not in self._told:
            raise ValueError(f"partition {partition} of {self._topic} isn't assigned to this consumer")
        self._offsets[partition] = offset
        self._sought.add(partition)

    def pause(self, partition: int) -> None:
        """Give no records of `partition` until the next `seek`."""
        self._offsets.pop(partition, None)
        self._place(partition)

    async def committed(self, partition: int) -> int | None:
        """Where the group goes on in a partition."""
        membership = self._group()
        try:
            async with asyncio.timeout(PATIENCE_S):
                consumer = self._consumer or await self._open(membership)
                offset: int | None = await consumer.committed(self._named(partition))
                return offset
        except (KafkaError, TimeoutError) as error:
            raise self._cluster.refused(f"what group {self._group_name} committed", error) from error

    async def commit(self, offsets: Mapping[int, int]) -> None:
        """Keep where the group goes on."""
        membership = self._group()
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not await self._commit(membership, offsets):
                    await asyncio.wait([self._changed], timeout=RETRY_S)  # while the group rebalances: soon it is known what is ours
        except (KafkaError, TimeoutError) as error:
            raise self._cluster.refused(f"a commit of group {self._group_name}", error) from error

    async def close(self) -> None:
        """Leave the group."""
        if self._closed:
            return
        self._closed = True
        self._forget(self)
        if self._asleep is not None:
            self._asleep.cancel()
        await self._throw_away()

    async def _poll(self, max_records: int, deadline: float) -> Polled:
        await self._open(self._membership)
        await self._check_log()
        self._let_go()
        await self._settle(deadline)
        while self._sought:
            self._place(self._sought.pop())
        now = self._cluster.clock.monotonic
        give_up_at = max(deadline, now()) + ANSWER_WITHIN_S
        while (polled := await self._now(max_records)) is None:
            if await self._wait(min(deadline - now(), CHECK_EVERY_S)):
                continue
            behind = await self._is_behind()
            if now() >= give_up_at:
                raise TimeoutError
            if now() >= deadline and not behind:
                return await self._now(max_records) or NOTHING
            if behind:
                await self._wait(RETRY_S)  # it is on its way
        return polled

    async def _settle(self, deadline: float) -> None:
        """Let the group say what became of partitions."""
        now = self._cluster.clock.monotonic
        if self._told:
            deadline = max(deadline, now() + SETTLE_WITHIN_S)
        while not self._settled and (left := deadline - now()) > 0:
            await self._wait(left)

    async def _now(self, max_records: int) -> Polled | None:
        if (polled := self._tell()) is not None or not self._settled:
            return polled
        records = await self._take(max_records)
        return Polled(assigned=frozenset(), revoked=frozenset(), records=records) if records else None

    def _tell(self) -> Polled | None:
        """What changed hands. No await here: what is told, and where reading goes on, change together."""
        held = self._everything if self._membership is None else self._membership.held
        revoked = frozenset(partition for partition, since in self._told.items() if held.get(partition) != since)
        assigned = frozenset(partition for partition, since in held.items() if self._told.get(partition) != since)
        if not revoked and not assigned:
            return None
        self._told = dict(held)
        for partition in revoked | assigned:
            self.pause(partition)
        return Polled(assigned=assigned, revoked=revoked, records={})

    async def _take(self, max_records: int) -> dict[int, Sequence[Record]]:
        """What is here, shared evenly; another partition comes first each time, so that a full one can't keep the others waiting.

        It waits for nothing: so no rebalance comes in between, and nothing that was taken is lost when a poll is cancelled.
        """
        assert self._consumer is not None  # noqa: S101 - `_poll` opens it
        found: dict[int, list[Record]] = {}
        if self._looking is not None and self._looking.done():
            looking, self._looking = self._looking, None
            self._keep(looking.result(), found)
        order = sorted(self._offsets)
        start = self._turn % len(order) if order else 0
        self._turn += 1
        full, level = [*order[start:], *order[:start]], 0
        while full and (left := max_records - sum(map(len, found.values()))) > 0:
            level += max(1, left // len(full))
            for partition in tuple(full):
                due = min(level - len(found.get(partition, ())), max_records - sum(map(len, found.values())))
                if due > 0 and not await self._more(partition, due, found):
                    full.remove(partition)
        return {partition: records for partition, records in sorted(found.items()) if records}

    async def _more(self, partition: int, max_records: int, found: dict[int, list[Record]]) -> bool:
        """Whether there was more. An error takes along what was found elsewhere: that is read again."""
        assert self._consumer is not None  # noqa: S101 - as above
        try:
            return self._keep(await self._consumer.getmany(self._named(partition), max_records=max_records), found)
        except KafkaError:
            for other, records in found.items():
                self.seek(other, records[0].offset)
            raise

    def _keep(self, batches: Mapping[TopicPartition, Sequence[ConsumerRecord]], found: dict[int, list[Record]]) -> bool:
        """Whether aiokafka had any. What was asked for before a seek isn't what is wanted now."""
        for tp, records in batches.items():
            for record in records:
                if record.offset >= self._offsets.get(tp.partition, record.offset + 1):
                    self._offsets[tp.partition] = record.offset + 1
                    found.setdefault(tp.partition, []).append(self._record(record))
        return bool(batches)

    def _record(self, record: ConsumerRecord) -> Record:
        # What others wrote may have no key, no value, or a key that is no text; that is for the reader's decoder to refuse.
        key = (record.key or b"").decode(errors="replace")
        headers = tuple((name, value or b"") for name, value in record.headers)
        return Record(self._topic, record.partition, record.offset, record.timestamp, key, record.value or b"", headers)

    async def _wait(self, seconds: float) -> bool:
        """For records, an error, or news of the group; whether there are any."""
        end = self._cluster.clock.monotonic() + seconds
        while (left := end - self._cluster.clock.monotonic()) > 0:
            if self._consumer is None:
                raise BusError("the consumer is closed")
            if self._looking is None:
                look = self._consumer.getmany(timeout_ms=int(LOOK_S * 1000), max_records=1)
                self._looking = asyncio.create_task(look)  # noqa: TID251 - ends by itself within LOOK_S, or in `_throw_away`
            looking, changed = self._looking, self._changed
            waits: list[asyncio.Future[Any]] = [changed] if looking.done() else [changed, looking]
            await asyncio.wait(waits, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            if self._looking is looking and looking.done() and (looking.exception() is not None or not looking.result()):
                self._looking = None
                looking.result()
            elif changed.done() or (looking.done() and self._settled):
                return True
        return False

    async def _is_behind(self) -> bool:
        """Whether the log has more than we were given; raises KafkaError, TimeoutError when nobody can tell."""
        consumer = self._consumer
        if consumer is None or not self._settled:
            return False
        async with asyncio.timeout(PATIENCE_S):
            if self._membership is not None:
                await consumer.committed(self._named(0))
            if not self._offsets:
                return False
            ends = await consumer.end_offsets([self._named(partition) for partition in self._offsets])
        for tp, end in ends.items():
            offset = self._offsets.get(tp.partition, end)
            if offset > end:
                raise OffsetOutOfRangeError({tp: offset})
            # aiokafka knows to step over what isn't for us, such as the marks of transactions.
            if offset < end and (tp not in consumer.assignment() or await consumer.position(tp) < end):
                return True
        return False

    async def _check_log(self) -> None:
        if (found := await self._cluster.topic(self._topic)).id != self._log_id:
            self._log_id = found.id
            self._gone = sorted(self._offsets)  # their offsets mean other records now
        if self._gone:
            raise await self._no_longer_there(self._gone[0])

    async def _no_longer_there(self, partition: int) -> OffsetGone:
        bounds = await self._cluster.bounds(self._topic, partition)
        self._gone = [other for other in self._gone if other != partition]
        self.pause(partition)
        return OffsetGone(
            f"partition {partition} of {self._topic} has offsets {bounds.first} to {bounds.next - 1} in log {bounds.log_id}, not the one "
            "asked for: retention removed it, or the topic was made anew",
            bounds,
        )

    async def _commit(self, membership: Membership, offsets: Mapping[int, int]) -> bool:
        """Whether it is done; not yet, while the group rebalances."""
        mine = {p: offset for p, offset in offsets.items() if p in membership.held or p in membership.leaving}
        if not mine:
            return True  # expected when a commit comes late: the new owner does those records again
        if self._consumer is None or not membership.settled:
            return False
        try:
            await self._consumer.commit({self._named(partition): offset for partition, offset in mine.items()})
        except (CommitFailedError, IllegalStateError):
            return False  # a rebalance began
        return True

    async def _open(self, membership: Membership | None) -> AIOKafkaConsumer:
        async with self._opening:
            if self._consumer is None:
                consumer = await self._started(membership)
                if self._closed:
                    await self._cluster.end(stop_consumer(consumer), within_s=1)
                    raise BusError("the consumer is closed")
                self._consumer = consumer
                if membership is None:
                    consumer.assign([self._named(partition) for partition in self._everything])
                    self._change()
                else:
                    consumer.subscribe([self._cluster.name(self._topic)], listener=membership)
            return self._consumer

    async def _started(self, membership: Membership | None) -> AIOKafkaConsumer:
        consumer = AIOKafkaConsumer(
            **await self._cluster.arguments(),
            group_id=None if self._group_name is None else self._cluster.name(self._group_name),
            partition_assignment_strategy=(membership,),
            session_timeout_ms=int(SESSION_S * 1000),
            heartbeat_interval_ms=int(HEARTBEAT_S * 1000),
            rebalance_timeout_ms=int(REBALANCE_S * 1000),
            request_timeout_ms=ANSWER_MS,
            max_poll_interval_ms=NEVER_MS,
            auto_offset_reset="none",
            enable_auto_commit=False,
            fetch_max_wait_ms=LONG_POLL_MS,
            fetch_max_bytes=FETCH_BYTES,
            max_partition_fetch_bytes=PARTITION_BYTES,
        )
        self._cluster.owns(consumer._client)  # noqa: SLF001 - there is no public way to its connections
        async with asyncio.timeout(CONNECT_WITHIN_S):
            await self._cluster.start(consumer.start(), lambda: stop_consumer(consumer))
        return consumer

    def _let_go(self) -> None:
        if self._membership is not None and self._membership.let_go(self._told):
            assert self._consumer is not None  # noqa: S101 - `_poll` opens it
            self._consumer.subscribe([self._cluster.name(self._topic)], listener=self._membership)  # the way to join again

    @property
    def _settled(self) -> bool:
        return self._membership is None or self._membership.settled

    def _change(self) -> None:
        """A rebalance began or ended; aiokafka knows nothing of positions and pauses after one."""
        for partition in self._everything:
            self._place(partition)
        changed, self._changed = self._changed, asyncio.get_running_loop().create_future()
        changed.set_result(None)

    def _place(self, partition: int) -> None:
        """Have aiokafka read a partition from where its owner stands, or not at all."""
        tp = self._named(partition)
        if self._consumer is None or not self._settled or tp not in self._consumer.assignment():
            return
        held = self._everything if self._membership is None else self._membership.held
        reads = partition in self._offsets and held.get(partition) == self._told.get(partition)
        if not reads:
            self._consumer.pause(tp)
        self._consumer.seek(tp, self._offsets[partition] if reads else 0)
        if reads:
            self._consumer.resume(tp)

    def _oversleep(self) -> None:
        """Its owner hangs: others go on. A poll after that begins anew."""
        self._cluster.begin(self._throw_away())

    async def _throw_away(self) -> None:
        consumer, self._consumer = self._consumer, None
        looking, self._looking = self._looking, None
        if self._membership is not None:
            self._membership.lose()
        if looking is not None:
            looking.cancel()
            await asyncio.wait([looking])
        if consumer is not None:
            await self._cluster.end(stop_consumer(consumer), within_s=LEAVE_WITHIN_S)

    def _named(self, partition: int) -> TopicPartition:
        return TopicPartition(self._cluster.name(self._topic), partition)

    def _group(self) -> Membership:
        if self._membership is None:
            raise ValueError(f"a follower of {self._topic} belongs to no group: it keeps its own offsets")
        return self._membership
