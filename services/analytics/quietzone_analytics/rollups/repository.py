"""Rollups in the store: three collections, found by key; an account's codes by the one index.

Keys begin with account and code, so that they are read in the same order from each collection, and another account's are never
found. `#` sorts before every symbol of an id, so a longer id never falls between the keys of a shorter one.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, TypeVar

from quietzone_analytics.bodies import field
from quietzone_analytics.deadlines import store_answers
from quietzone_analytics.rollups.codec import decode_day, decode_month, decode_total, encode_day, encode_month, encode_total
from quietzone_analytics.rollups.domain import EPOCH, Day, Month, Rollup, Total
from quietzone_analytics.rollups.scans import CodeKey, Run
from quietzone_kit.documents import Collection, Documents, Index, Outcome, Put, Query, Stored, Value
from quietzone_kit.documents.unknown import NOTHING, Unknown

R = TypeVar("R", bound=Rollup)

NEVER = -1
"""The applied offset of a document that nothing was folded into."""

PAGE = 200  # documents a read: days are 1 KB as a rule and 100 KB at worst, so a page is 20 MB at worst

FIELDS = 7  # of a document that no other release has added any to


@dataclass(frozen=True, slots=True)
class Kind(Generic[R]):
    """A collection of rollups, and how its bytes are made and read."""

    collection: Collection
    empty: Callable[[], R]
    encode: Callable[[R], bytes]
    decode: Callable[[bytes], R]


BY_ACCOUNT = Index("by_account", ("account_id",))
TOTALS = Kind(Collection("rollup_totals", key="rollup_id", indexes=(BY_ACCOUNT,)), Total.empty, encode_total, decode_total)
DAYS = Kind(Collection("rollup_days", key="rollup_id"), Day.empty, encode_day, decode_day)
MONTHS = Kind(Collection("rollup_months", key="rollup_id"), Month.empty, encode_month, decode_month)

COLLECTIONS = (TOTALS.collection, DAYS.collection, MONTHS.collection)


@dataclass(frozen=True, slots=True)
class Address:
    """Where a rollup is kept: `key.code_id` is empty when it is an account's."""

    rollup_id: str
    key: CodeKey
    partition: int


@dataclass(slots=True)
class Document(Generic[R]):
    """A rollup with the place in the log up to which it is complete: (epoch, applied_offset). `version` None: not stored yet."""

    address: Address
    epoch: int
    applied_offset: int
    rollup: R
    version: int | None
    size: int
    """Bytes of the rollup as it was read or written last."""
    unknown: Unknown = NOTHING

    def fold(self, epoch: int, runs: Sequence[Run]) -> bool:
        """Count what lies above the applied offset; False when nothing does. Offsets of an older epoch count as below all."""
        floor = self.applied_offset if self.epoch == epoch else NEVER
        news = [news for run in runs if (news := run.after(floor)) is not None]
        if not news:
            return False
        if self.epoch != epoch:
            self.rollup.enter_epoch()
            self.epoch = epoch
        for run in news:
            self.rollup.fold(run)
        self.applied_offset = max(run.last_offset for run in news)
        return True


class Rollups:
    """The store of rollups."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    async def fetch(self, kind: Kind[R], rollup_ids: Sequence[str]) -> dict[str, Document[R]]:
        """Those of these rollups that there are."""
        found: dict[str, Document[R]] = {}
        for at in range(0, len(rollup_ids), PAGE):
            async with store_answers():
                stored = await self._documents.get_many(kind.collection, rollup_ids[at : at + PAGE])
            found.update((rollup_id, _document(kind, one)) for rollup_id, one in stored.items())
        return found

    async def write(self, kind: Kind[R], documents: Sequence[Document[R]]) -> list[Document[R]]:
        """Insert or replace by version, at most 10,000; those that didn't have that version any more are returned."""
        puts = []
        for document in documents:
            data = kind.encode(document.rollup)
            document.size = len(data)
            puts.append(Put(document.unknown.beside(_body(document, data)), document.version))
        async with store_answers():
            outcomes = await self._documents.bulk(kind.collection, puts)
        missed = []
        for document, outcome in zip(documents, outcomes, strict=True):
            if outcome is Outcome.WRITTEN:
                document.version = (document.version or 0) + 1
            else:
                missed.append(document)
        return missed

    async def total(self, key: CodeKey) -> Document[Total] | None:
        """All that an account's code was scanned."""
        rollup_id = total_id(key)
        return (await self.fetch(TOTALS, [rollup_id])).get(rollup_id)

    async def totals(self, keys: Sequence[CodeKey]) -> dict[CodeKey, Total]:
        """All that some codes were scanned; those that nobody scanned aren't in it."""
        ids = {key: total_id(key) for key in keys}
        found = await self.fetch(TOTALS, list(ids.values()))
        return {key: found[rollup_id].rollup for key, rollup_id in ids.items() if rollup_id in found}

    async def months(self, account_id: str, first: int, end: int, *, partitions: int) -> list[Month]:
        """An account's UTC months from `first` to below `end`, one for each partition that has any of its scans."""
        ids = [month_id(account_id, month, partition) for month in range(first, end) for partition in range(partitions)]
        return [document.rollup for document in (await self.fetch(MONTHS, ids)).values()]

    async def days(self, key: CodeKey, first: int, end: int) -> AsyncIterator[tuple[int, Day]]:
        """A code's UTC days from `first` to below `end` that have scans, in order, a page at a time."""
        for at in range(first, end, PAGE):
            ids = {day_id(key, day): day for day in range(at, min(at + PAGE, end))}
            found = await self.fetch(DAYS, list(ids))
            for rollup_id, day in ids.items():
                if rollup_id in found:
                    yield day, found[rollup_id].rollup

    async def codes(self, account_id: str) -> AsyncIterator[str]:
        """The ids of an account's codes that were ever scanned, in order (index `by_account`), a page at a time."""
        cursor: str | None = None
        while True:
            code_ids, cursor = await self.codes_page(account_id, limit=PAGE, after=cursor)
            for code_id in code_ids:
                yield code_id
            if cursor is None:
                return

    async def codes_page(self, account_id: str, *, limit: int, after: str | None) -> tuple[list[str], str | None]:
        """A page of these ids, and the cursor of the next, None after the last; raises InvalidCursor."""
        async with store_answers():
            query = Query(BY_ACCOUNT.name, equals=(account_id,), limit=limit, after=after)
            page = await self._documents.query(TOTALS.collection, query)
        return [field(stored.body, "code_id", str) for stored in page.items], page.cursor

    async def scans_by_day(self, account_id: str, code_ids: Sequence[str], first: int, end: int) -> dict[str, list[int]]:
        """Scans by people of each of these codes, one number a UTC day from `first` to below `end`."""
        ids = {day_id(CodeKey(account_id, code_id), day): (code_id, day - first) for code_id in code_ids for day in range(first, end)}
        scans = {code_id: [0] * (end - first) for code_id in code_ids}
        for rollup_id, document in (await self.fetch(DAYS, list(ids))).items():
            code_id, number = ids[rollup_id]
            scans[code_id][number] = sum(document.rollup.slots)
        return scans

    async def all(self, kind: Kind[R]) -> AsyncIterator[Document[R]]:
        """Every rollup of a kind in the order of keys, for checks."""
        cursor: str | None = None
        while True:
            async with store_answers():
                page = await self._documents.scan(kind.collection, limit=PAGE, after=cursor)
            for stored in page.items:
                yield _document(kind, stored)
            if page.cursor is None:
                return
            cursor = page.cursor


def total_id(key: CodeKey) -> str:
    """Where a code's total is."""
    return f"{key.account_id}#{key.code_id}"


def day_id(key: CodeKey, day: int) -> str:
    """Where a code's UTC day is; `day` counts from 1970-01-01."""
    return f"{key.account_id}#{key.code_id}#{EPOCH + timedelta(day)}"


def month_id(account_id: str, month: int, partition: int) -> str:
    """Where an account's UTC month is; `month` is year times 12 plus 0 to 11."""
    return f"{account_id}#{month // 12:04d}-{month % 12 + 1:02d}#{partition}"


def new_document(kind: Kind[R], address: Address, epoch: int) -> Document[R]:
    """A rollup of nothing."""
    return Document(address, epoch, NEVER, kind.empty(), None, 0)


def _document(kind: Kind[R], stored: Stored) -> Document[R]:
    body = stored.body
    data = field(body, "rollup", bytes)
    document = Document(
        Address(
            field(body, kind.collection.key, str),
            CodeKey(field(body, "account_id", str), field(body, "code_id", str)),
            field(body, "partition", int),
        ),
        field(body, "epoch", int),
        field(body, "applied_offset", int),
        kind.decode(data),
        stored.version,
        len(data),
    )
    if len(body) > FIELDS:  # rarely: thousands of documents are read a second
        document.unknown = Unknown.of(body, _body(document, data))
    return document


def _body(document: Document[R], data: bytes) -> dict[str, Value]:
    address = document.address
    return {
        "rollup_id": address.rollup_id,
        "account_id": address.key.account_id,
        "code_id": address.key.code_id,
        "partition": address.partition,
        "epoch": document.epoch,
        "applied_offset": document.applied_offset,
        "rollup": data,
    }
