"""Consumers of Kafka: followers, and members of groups."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from quietzone_kit.bus import Bounds, BusError, OffsetGone, Polled
from quietzone_kit.bus._kafka.membership import Membership
from quietzone_kit.bus._kafka.reader import LONG_POLL_S, Reader
from quietzone_kit.runtime import Clock

SETTLE_WITHIN_S = 1.0
"""How long a poll waits for the group to say what became of partitions, before it tells its owner that they are gone."""


class KafkaConsumer:
    """A reader of one topic; without `membership` it reads all partitions. `forget` is called when it is closed."""

    def __init__(
        self,
        reader: Reader,
        topic: str,
        partitions: int,
        *,
        membership: Membership | None,
        bounds: Callable[[str, int], Awaitable[Bounds]],
        clock: Clock,
        forget: Callable[["KafkaConsumer"], None],
    ) -> None:
        self._reader = reader
        self._topic = topic
        self._membership = membership
        self._bounds = bounds
        self._clock = clock
        self._forget = forget
        self._everything = dict.fromkeys(range(partitions), 0)
        self._told: dict[int, int] = {}
        self._never: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._closed = False

    async def poll(self, *, max_records: int, wait_s: float) -> Polled:
        """What is there now, or comes within `wait_s`."""
        if self._closed:
            raise BusError("the consumer is closed")
        deadline = self._clock.monotonic() + wait_s
        if self._membership is None:
            return await self._look(max_records, deadline)
        self._membership.begin_poll(self._told)
        try:
            await self._settle(self._membership, deadline)
            return await self._look(max_records, deadline)
        finally:
            self._membership.end_poll()

    def seek(self, partition: int, offset: int) -> None:
        """Read `partition` from `offset` on."""
        if partition not in self._told:
            raise ValueError(f"partition {partition} of {self._topic} isn't assigned to this consumer")
        self._reader.seek(partition, offset)

    def pause(self, partition: int) -> None:
        """Give no records of `partition` until the next `seek`."""
        self._reader.stop(partition)

    async def committed(self, partition: int) -> int | None:
        """Where the group goes on in a partition."""
        return await self._group().committed(partition)

    async def commit(self, offsets: Mapping[int, int]) -> None:
        """Keep where the group goes on."""
        await self._group().commit(offsets)

    async def close(self) -> None:
        """Leave the group."""
        if self._closed:
            return
        self._closed = True
        self._forget(self)
        await self._reader.close()
        if self._membership is not None:
            await self._membership.leave()

    async def _look(self, max_records: int, deadline: float) -> Polled:
        looked = False
        while True:
            changed = self._never if self._membership is None else self._membership.changed
            if (polled := self._tell(max_records)) is not None:
                return polled
            left = max(0.0, deadline - self._clock.monotonic())
            if looked and not left:
                return Polled(assigned=frozenset(), revoked=frozenset(), records={})
            if self._reader.idle:
                await asyncio.wait([changed], timeout=left)
                looked = True
            else:
                looked = await self._reader.fetch(min(left, LONG_POLL_S), changed)
            if self._reader.gone:
                raise await self._no_longer_there(self._reader.gone[0])

    def _tell(self, max_records: int) -> Polled | None:
        """What there is to tell. No await here: what is told, and where reading goes on, change together."""
        held = self._everything if self._membership is None else self._membership.held
        revoked = frozenset(partition for partition, since in self._told.items() if held.get(partition) != since)
        assigned = frozenset(partition for partition, since in held.items() if self._told.get(partition) != since)
        if revoked or assigned:
            for partition in revoked:
                self._reader.stop(partition)
            self._told = dict(held)
            return Polled(assigned=assigned, revoked=revoked, records={})
        records = self._reader.take(max_records)
        return Polled(assigned=assigned, revoked=revoked, records=records) if records else None

    async def _settle(self, membership: Membership, deadline: float) -> None:
        """Let the group say what became of partitions: most often the same member gets them again, and needn't stop for nothing."""
        if self._told:
            deadline = max(deadline, self._clock.monotonic() + SETTLE_WITHIN_S)
        while not membership.settled and (left := deadline - self._clock.monotonic()) > 0:
            await asyncio.wait([membership.changed], timeout=left)
        if not membership.settled and not self._told and membership.error is not None:
            raise membership.error

    async def _no_longer_there(self, partition: int) -> OffsetGone:
        bounds = await self._bounds(self._topic, partition)
        self._reader.stop(partition)
        return OffsetGone(
            f"partition {partition} of {self._topic} has offsets {bounds.first} to {bounds.next - 1} in log {bounds.log_id}, not the one "
            "asked for: retention removed it, or the topic was made anew",
            bounds,
        )

    def _group(self) -> Membership:
        if self._membership is None:
            raise ValueError(f"a follower of {self._topic} belongs to no group: it keeps its own offsets")
        return self._membership
