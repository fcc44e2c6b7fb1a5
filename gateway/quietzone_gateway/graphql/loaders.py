"""Questions to services gathered: what the fields of one request ask for at once is one call, and nothing is asked for twice."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from strawberry.dataloader import DataLoader

from quietzone_gateway.rest.route import Parts
from quietzone_gateway.rpc import MAX_BATCH, Code, DestinationHealth, Interval, ScanCounts
from quietzone_kit.errors import QuietzoneError
from quietzone_kit.rpc import Caller

AT_ONCE = 10
"""Of calls that there is no batch for, in one request: a service answers 1,000 at once, and others ask too."""

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class CountsAsked:
    """Counts of one code from `from_ms` to below `to_ms`."""

    code_id: str
    from_ms: int
    to_ms: int
    interval: Interval
    zone: str


class Loaders:
    """Of one request. Each gives values in the order of the keys, None for codes that the account hasn't."""

    def __init__(self, parts: Parts, caller: Caller) -> None:
        self._parts = parts
        self._caller = caller
        self.codes: DataLoader[str, Code | None] = DataLoader(self._codes, max_batch_size=MAX_BATCH)
        self.totals: DataLoader[str, int] = DataLoader(self._totals, max_batch_size=MAX_BATCH)
        self.health: DataLoader[str, DestinationHealth] = DataLoader(self._health)
        self.counts: DataLoader[CountsAsked, ScanCounts] = DataLoader(self._counts)

    async def _codes(self, code_ids: Sequence[str]) -> Sequence[Code | None]:
        return await self._parts.codes.get_many(self._caller, code_ids)

    async def _totals(self, code_ids: Sequence[str]) -> Sequence[int]:
        return await self._parts.counts.totals(self._caller, code_ids)

    async def _health(self, code_ids: Sequence[str]) -> Sequence[DestinationHealth | QuietzoneError]:
        return await _each(code_ids, lambda code_id: self._parts.codes.health(self._caller, code_id))

    async def _counts(self, asked: Sequence[CountsAsked]) -> Sequence[ScanCounts | QuietzoneError]:
        return await _each(asked, self._counted)

    async def _counted(self, asked: CountsAsked) -> ScanCounts:
        return await self._parts.counts.of_code(
            self._caller, asked.code_id, from_ms=asked.from_ms, to_ms=asked.to_ms, interval=asked.interval, zone=asked.zone
        )


async def _each(keys: Sequence[K], ask: Callable[[K], Awaitable[V]]) -> list[V | QuietzoneError]:
    """What is answered for each key, or why not, in order; AT_ONCE are asked at a time."""
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(key: K) -> V | QuietzoneError:
        async with turns:
            try:
                return await ask(key)
            except QuietzoneError as error:
                return error

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(key)) for key in keys]
    return [task.result() for task in tasks]
