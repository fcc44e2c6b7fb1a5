"""Folding scans into stored rollups."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass

from quietzone_analytics.rollups.cache import Cache
from quietzone_analytics.rollups.domain import Milestone, day_of, month_of
from quietzone_analytics.rollups.repository import (
    DAYS,
    MONTHS,
    TOTALS,
    Address,
    Document,
    Kind,
    R,
    Rollups,
    day_id,
    month_id,
    new_document,
    total_id,
)
from quietzone_analytics.rollups.scans import CodeKey, Gathered, Run
from quietzone_kit.documents import DocumentsUnavailable
from quietzone_kit.projection import ForeignLog

SLICE = 500  # documents that are held, encoded and written together: 5 MB as a rule, 100 MB if every one has all dimensions full
TURN = 50  # documents folded in one turn of the event loop, about 5 ms, so that queries are answered in between
SCANS_LIKE_A_DOCUMENT = 100  # take as long to count as a document takes by itself
ROUNDS = 5  # a conflict is a former owner's last write; it has one batch under way at most


@dataclass(frozen=True, slots=True)
class Place:
    """Which records the scans come from: offsets from `first` to below `next` of a partition in its `epoch`."""

    partition: int
    epoch: int
    first: int
    next: int


@dataclass(frozen=True, slots=True)
class _Work:
    address: Address
    runs: list[Run]


class Folder:
    """Folds scans into the rollups of the partitions that this process owns.

    `still_owner(partition)` is asked when somebody else has written a rollup; it raises OwnershipLost.
    """

    def __init__(self, rollups: Rollups, cache: Cache, still_owner: Callable[[int], Awaitable[None]]) -> None:
        self._rollups = rollups
        self._cache = cache
        self._still_owner = still_owner

    async def fold(self, place: Place, gathered: Gathered) -> list[tuple[CodeKey, Milestone]]:
        """Count scans in all their rollups; what was counted before from the same offsets isn't counted again.

        Returns the milestones that these records crossed, also if they were noted before. Totals are written last: a total that is
        stored tells a check that the code's days are.

        Raises:
            OwnershipLost: somebody else owns the partition.
            DocumentsUnavailable: some rollups may be written; fold the same scans again.
        """
        days, months, totals = _plan(place.partition, gathered)
        async for _ in self._fold_all(DAYS, place, days):
            pass
        async for _ in self._fold_all(MONTHS, place, months):
            pass
        crossed: list[tuple[CodeKey, Milestone]] = []
        async for document in self._fold_all(TOTALS, place, totals):
            news = [milestone for milestone in document.rollup.milestones if place.first <= milestone.offset < place.next]
            crossed.extend((document.address.key, milestone) for milestone in news)
        return crossed

    async def _fold_all(self, kind: Kind[R], place: Place, work: Sequence[_Work]) -> AsyncIterator[Document[R]]:
        for at in range(0, len(work), SLICE):
            for document in await self._fold_slice(kind, place, work[at : at + SLICE]):
                self._cache.put(kind, document)
                yield document

    async def _fold_slice(self, kind: Kind[R], place: Place, work: Sequence[_Work]) -> list[Document[R]]:
        done: list[Document[R]] = []
        for _ in range(ROUNDS):
            documents = await self._take(kind, place, work)
            changed = []
            rest = TURN
            for document, one in zip(documents, work, strict=True):
                if document.fold(place.epoch, one.runs):
                    changed.append(document)
                rest -= 1 + sum(len(run.offsets) for run in one.runs) // SCANS_LIKE_A_DOCUMENT
                if rest <= 0:
                    rest = TURN
                    await asyncio.sleep(0)
            missed = {document.address.rollup_id for document in await self._rollups.write(kind, changed)} if changed else set()
            done.extend(document for document in documents if document.address.rollup_id not in missed)
            if not missed:
                return done
            await self._still_owner(place.partition)
            work = [one for one in work if one.address.rollup_id in missed]
        raise DocumentsUnavailable(f"{len(work)} documents of {kind.collection.name} are written by somebody else again and again")

    async def _take(self, kind: Kind[R], place: Place, work: Sequence[_Work]) -> list[Document[R]]:
        held = {one.address.rollup_id: self._cache.take(kind, one.address.rollup_id) for one in work}
        stored = await self._rollups.fetch(kind, [rollup_id for rollup_id, document in held.items() if document is None])
        documents = [
            held[one.address.rollup_id] or stored.get(one.address.rollup_id) or new_document(kind, one.address, place.epoch) for one in work
        ]
        if any(document.epoch > place.epoch for document in documents):
            await self._still_owner(place.partition)
            raise ForeignLog(
                f"{kind.collection.name} has counts of a later epoch than partition {place.partition}'s state: "
                "they are from different backups; restore both from one"
            )
        return documents


def _plan(partition: int, gathered: Gathered) -> tuple[list[_Work], list[_Work], list[_Work]]:
    days, totals = [], []
    months: dict[tuple[str, int], list[Run]] = {}
    for key, run in gathered.runs().items():
        totals.append(_Work(Address(total_id(key), key, partition), [run]))
        for day, part in run.split(day_of).items():
            days.append(_Work(Address(day_id(key, day), key, partition), [part]))
        for month, part in run.split(month_of).items():
            months.setdefault((key.account_id, month), []).append(part)
    return (
        days,
        [
            _Work(Address(month_id(account_id, month, partition), CodeKey(account_id, ""), partition), runs)
            for (account_id, month), runs in months.items()
        ],
        totals,
    )
