"""Where counts are kept: a document for each account and partition, what each code counts as, and how far each partition has come.

All of it belongs to an epoch of its partition: counts made from the store anew begin another one, and what is of an older one is nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import msgspec

from quietzone_kit.deadlines import deadline
from quietzone_kit.documents import (
    Body,
    Collection,
    Documents,
    DocumentsUnavailable,
    DuplicateKey,
    Outcome,
    Put,
    Stored,
    Value,
    VersionConflict,
)
from quietzone_kit.documents.unknown import NOTHING, Unknown
from quietzone_qr.codes.repository import CODES, STORE_S, code_of
from quietzone_qr.counters.domain import Counted, Tally, Values
from quietzone_topics import QR_CODE_V1

COUNTERS = Collection("code_counters", key="counter_id")
COUNTED = Collection("counted_codes", key="code_id")
COUNTER_PARTITIONS = Collection("counter_partitions", key="partition_id")

COLLECTIONS = (COUNTERS, COUNTED, COUNTER_PARTITIONS)

PAGE = 500
"""Codes in memory at once while they are counted anew: 2 MB as they are."""

NEVER = -1
"""The applied offset of what nothing was counted into."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PartitionState:
    """How far a partition has come, and who goes on; `is_whole`: its counts are all made, so that they can be told."""

    partition: int
    log_id: str
    next_offset: int
    owner: str
    epoch: int
    is_whole: bool


@dataclass(frozen=True, slots=True)
class Counter:
    """An account's counts in one partition, complete up to `applied_offset` of the epoch."""

    account_id: str
    partition: int
    epoch: int
    applied_offset: int
    tally: Tally

    @property
    def counter_id(self) -> str:
        """Its key."""
        return _counter_id(self.account_id, self.partition)


@dataclass(frozen=True, slots=True)
class Known:
    """What a code counts as in an epoch."""

    epoch: int
    counted: Counted


@dataclass(frozen=True, slots=True)
class Held(Generic[T]):
    """A value as it was read, with what the store needs to replace it; `version` None: it isn't stored yet."""

    value: T
    version: int | None = None
    unknown: Unknown = NOTHING


class CounterStore:
    """Counts in a store of documents. Every call can raise DocumentsUnavailable."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    async def states(self) -> list[PartitionState]:
        """How far each partition has come that anybody has read."""
        keys = [str(partition) for partition in range(QR_CODE_V1.partitions)]
        async with _answers():
            found = await self._documents.get_many(COUNTER_PARTITIONS, keys)
        return [state_of(stored) for stored in found.values()]

    async def state(self, partition: int) -> Held[PartitionState] | None:
        """How far a partition has come; None when nobody has read it yet."""
        async with _answers():
            stored = await self._documents.get(COUNTER_PARTITIONS, str(partition))
        return None if stored is None else _held(stored, state_of(stored), _state_body)

    async def write_state(self, held: Held[PartitionState]) -> Held[PartitionState] | None:
        """Put a state in the place of the one with its version; None when another stands there."""
        body = held.unknown.beside(_state_body(held.value))
        try:
            async with _answers():
                if held.version is None:
                    stored = await self._documents.insert(COUNTER_PARTITIONS, body)
                else:
                    stored = await self._documents.replace(COUNTER_PARTITIONS, body, if_version=held.version)
        except (DuplicateKey, VersionConflict):
            return None
        return replace(held, version=stored.version)

    async def of_account(self, account_id: str) -> list[Counter]:
        """An account's counts, by their keys: one for each partition that has any."""
        keys = [_counter_id(account_id, partition) for partition in range(QR_CODE_V1.partitions)]
        async with _answers():
            found = await self._documents.get_many(COUNTERS, keys)
        return [counter_of(stored) for stored in found.values()]

    async def counters(self, partition: int, account_ids: Sequence[str], epoch: int) -> list[Held[Counter]]:
        """Counts of accounts in a partition, in their order; those that are missing, or of another epoch, are of nothing."""
        fresh = [Counter(account_id, partition, epoch, NEVER, Tally()) for account_id in account_ids]
        async with _answers():
            found = await self._documents.get_many(COUNTERS, [counter.counter_id for counter in fresh])
        held = [_fetched(found.get(one.counter_id), one) for one in fresh]
        return [one if one.value.epoch == epoch else replace(one, value=new) for one, new in zip(held, fresh, strict=True)]

    async def write_counters(self, held: Sequence[Held[Counter]]) -> list[str]:
        """Insert or replace by version; the accounts of those that others have written meanwhile are returned."""
        outcomes = await self._bulk(COUNTERS, [Put(one.unknown.beside(_counter_body(one.value)), one.version) for one in held])
        return [one.value.account_id for one, outcome in zip(held, outcomes, strict=True) if outcome is not Outcome.WRITTEN]

    async def known(self, code_ids: Sequence[str]) -> dict[str, Held[Known]]:
        """What codes count as, by their ids."""
        async with _answers():
            found = await self._documents.get_many(COUNTED, code_ids)
        return {code_id: _held(stored, known_of(stored), _known_body) for code_id, stored in found.items()}

    async def write_known(self, held: Sequence[Held[Known]]) -> list[Known]:
        """Insert or replace by version; those that others have written meanwhile are returned."""
        outcomes = await self._bulk(COUNTED, [Put(one.unknown.beside(_known_body(one.value)), one.version) for one in held])
        return [one.value for one, outcome in zip(held, outcomes, strict=True) if outcome is not Outcome.WRITTEN]

    async def codes(self, after: str | None) -> tuple[list[Counted], str | None]:
        """What codes count as by what they are now, a page in the order of their ids; the cursor brings the next."""
        async with _answers():
            page = await self._documents.scan(CODES, limit=PAGE, after=after)
        return [_of_code(stored) for stored in page.items], page.cursor

    async def _bulk(self, collection: Collection, puts: Sequence[Put]) -> list[Outcome]:
        if not puts:
            return []
        async with _answers():
            return await self._documents.bulk(collection, puts)


def _answers() -> AbstractAsyncContextManager[None]:
    """The block under the store's deadline; raises DocumentsUnavailable when it has passed."""
    return deadline(STORE_S, DocumentsUnavailable, f"the store gave no answer within {STORE_S:g} s")


def _of_code(stored: Stored) -> Counted:
    code = code_of(stored)
    state = None if code.shown is None else code.shown.value
    return Counted(code.code_id, code.account_id, code.revision, state, code.tags, code.folder)


def _counter_id(account_id: str, partition: int) -> str:
    return f"{account_id}#{partition}"


def _held(stored: Stored, value: T, body: Callable[[T], Body]) -> Held[T]:
    return Held(value, stored.version, Unknown.of(stored.body, body(value)))


def _fetched(stored: Stored | None, otherwise: Counter) -> Held[Counter]:
    return Held(otherwise) if stored is None else _held(stored, counter_of(stored), _counter_body)


# What these can't make sense of raises msgspec.ValidationError, which names the field.


def state_of(stored: Stored) -> PartitionState:
    """The state in a document."""
    return msgspec.convert(stored.body, PartitionState)


def _state_body(state: PartitionState) -> Body:
    body: dict[str, Value] = msgspec.to_builtins(state)
    return {**body, "partition_id": str(state.partition)}


def known_of(stored: Stored) -> Known:
    """What a code counts as, of a document."""
    return Known(msgspec.convert(stored.body["epoch"], int), msgspec.convert(stored.body, Counted))


def _known_body(known: Known) -> Body:
    body: dict[str, Value] = msgspec.to_builtins(known.counted)
    return {**body, "tags": list(known.counted.tags), "epoch": known.epoch}


@dataclass(frozen=True, slots=True)
class _CounterFields:
    """A counter as it is stored: counts as pairs, since what people call their tags are no names of fields."""

    counter_id: str
    account_id: str
    partition: int
    epoch: int
    applied_offset: int
    states: list[tuple[str, int]]
    tags: list[tuple[str, int]]
    tags_full: bool
    folders: list[tuple[str, int]]
    folders_full: bool


def counter_of(stored: Stored) -> Counter:
    """The counter in a document."""
    found = msgspec.convert(stored.body, _CounterFields)
    tally = Tally(dict(found.states), Values(dict(found.tags), found.tags_full), Values(dict(found.folders), found.folders_full))
    return Counter(found.account_id, found.partition, found.epoch, found.applied_offset, tally)


def _counter_body(counter: Counter) -> Body:
    tally = counter.tally
    return {
        "counter_id": counter.counter_id,
        "account_id": counter.account_id,
        "partition": counter.partition,
        "epoch": counter.epoch,
        "applied_offset": counter.applied_offset,
        "states": _pairs(tally.states),
        "tags": _pairs(tally.tags.counts),
        "tags_full": tally.tags.is_full,
        "folders": _pairs(tally.folders.counts),
        "folders_full": tally.folders.is_full,
    }


def _pairs(counts: Mapping[str, int]) -> list[Value]:
    return [[value, codes] for value, codes in sorted(counts.items())]
