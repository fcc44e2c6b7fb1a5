"""The projection of scans: records into rollups, each scan once, through crashes, repetitions and changes of owner.

The order of writes is what makes it so: rollups, then milestones to the bus, then the partition's state. A crash in between leaves
rollups ahead of the state; the replay finds their applied offsets and skips what they have.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from quietzone_analytics import metrics
from quietzone_analytics.deadlines import bus_answers
from quietzone_analytics.partitions import Ownership
from quietzone_analytics.projection.chunk import Chunk
from quietzone_analytics.projection.consumers import Decoder
from quietzone_analytics.projection.domain import ScanState
from quietzone_analytics.projection.events import milestone_message
from quietzone_analytics.projection.repository import Rejects, ScanStates
from quietzone_analytics.rollups import Cache, CodeKey, Folder, Milestone, Place, Rollups
from quietzone_kit.bus import Bounds, Message, Position, Record
from quietzone_kit.documents import Documents
from quietzone_kit.projection import OwnershipLost
from quietzone_topics import TRACKING_SCAN_V1

GROUP = "analytics"

TURN = 5_000  # scans decoded in one turn of the event loop, about 10 ms, so that queries are answered in between

PUBLISH = 1_000  # milestones a publish: 200 KB


class Publisher(Protocol):
    """As much of a bus as milestones need."""

    async def publish(self, messages: Sequence[Message]) -> list[Position]:
        """See `quietzone_kit.bus.Bus`."""


class ScanProjection:
    """`quietzone_kit.projection.Projection` of `tracking.scan.v1`."""

    def __init__(
        self,
        documents: Documents,
        bus: Publisher,
        *,
        owner: str,
        partitions: int,
        cache_bytes: int,
        now_ms: Callable[[], int] | None = None,
    ) -> None:
        """`owner` is unique to this process, `partitions` is how many the topic has, `cache_bytes` bounds the rollups held (encoded).

        `now_ms` is for the metric of how old scans are when they are counted; without it (a rebuild) that isn't measured.
        """
        self._bus = bus
        self._now_ms = now_ms
        self._decoder = Decoder(partitions)
        self._ownership = Ownership(ScanStates(documents), TRACKING_SCAN_V1.name, owner)
        self._rejects = Rejects(documents)
        self._cache = Cache(cache_bytes)
        self._folder = Folder(Rollups(documents), self._cache, self._ownership.confirm)

    async def claim(self, partition: int, bounds: Bounds) -> int:
        """Become the partition's owner, and say from which offset to read; raises ForeignLog."""
        self._cache.drop(partition)
        return (await self._ownership.claim(partition, bounds)).next_offset

    async def release(self, partition: int) -> None:
        """Forget the partition."""
        self._ownership.drop(partition)
        self._cache.drop(partition)

    async def apply(self, partition: int, records: Sequence[Record], *, next_offset: int) -> None:
        """Count the scans in records.

        Raises:
            OwnershipLost: somebody else claimed the partition.
            DocumentsUnavailable, BusUnavailable: apply the same records again.
        """
        try:
            state = await self._ownership.state(partition)
            fresh = deque(record for record in records if record.offset >= state.next_offset)
            while state.next_offset < next_offset:
                chunk = await self._gather(state, fresh)
                state = await self._store(state, chunk, fresh[0].offset if fresh else next_offset)
        except OwnershipLost:
            await self.release(partition)
            raise

    async def _gather(self, state: ScanState, fresh: deque[Record]) -> Chunk:
        """Take records from the left as far as one write of documents may reach."""
        chunk = Chunk(state)
        rest = TURN
        while fresh and chunk.has_room(fresh[0]):
            before = chunk.gathered.scans
            chunk.take(self._decoder, fresh.popleft())
            rest -= chunk.gathered.scans - before
            if rest < 0:
                rest = TURN
                await asyncio.sleep(0)
        return chunk

    async def _store(self, before: ScanState, chunk: Chunk, next_offset: int) -> ScanState:
        place = Place(before.partition, before.epoch, before.next_offset, next_offset)
        await self._publish(await self._folder.fold(place, chunk.gathered))
        await self._rejects.keep(chunk.rejects)
        after = chunk.draft.finish(next_offset)
        await self._ownership.save(after)
        chunk.tell(None if self._now_ms is None else self._now_ms())
        return after

    async def _publish(self, crossed: Sequence[tuple[CodeKey, Milestone]]) -> None:
        for at in range(0, len(crossed), PUBLISH):
            messages = [milestone_message(key, milestone) for key, milestone in crossed[at : at + PUBLISH]]
            async with bus_answers():
                await self._bus.publish(messages)
            metrics.MILESTONES.inc(len(messages))
