"""Processes that take a partition from each other."""

from collections.abc import Sequence
from typing import Protocol

from unit.analytics.world import bounds

from quietzone_kit.bus import Bounds, BusUnavailable, Record
from quietzone_kit.documents import DocumentsUnavailable
from quietzone_kit.projection import OwnershipLost


class Projection(Protocol):
    async def claim(self, partition: int, bounds: Bounds) -> int: ...

    async def apply(self, partition: int, records: Sequence[Record], *, next_offset: int) -> None: ...

    async def release(self, partition: int) -> None: ...


class Rival:
    """A process that thinks it owns the partition until it is told otherwise."""

    def __init__(self, projection: Projection, log: Sequence[Record]) -> None:
        self._projection = projection
        self._log = log
        self._next: int | None = None

    def restart(self, projection: Projection) -> None:
        self._projection, self._next = projection, None

    async def advance(self, amount: int) -> None:
        try:
            if self._next is None:
                self._next = await self._projection.claim(0, bounds(self._log))
            chunk = self._log[self._next : self._next + amount]
            if chunk:
                await self._projection.apply(0, chunk, next_offset=self._next + len(chunk))
                self._next += len(chunk)
        except (BusUnavailable, DocumentsUnavailable):
            pass  # the loop would try the same records again
        except OwnershipLost:
            await self._projection.release(0)
            self._next = None
