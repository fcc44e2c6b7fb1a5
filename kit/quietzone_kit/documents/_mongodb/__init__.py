"""Documents in MongoDB (4.4 or newer): for services that run on several machines.

Writes are acknowledged when a majority has them in its journal; reads see what a majority has.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import TypeVar

from quietzone_kit.documents import (
    ANYBODY,
    Body,
    Claim,
    Collection,
    DocumentsError,
    DocumentsUnavailable,
    InvalidDocument,
    Outcome,
    Page,
    Put,
    Query,
    Stored,
    VersionConflict,
)
from quietzone_kit.documents._bodies import (
    Document,
    IndexValue,
    check_count,
    check_version,
    document,
    documents,
    index_elements,
    index_value,
    is_key,
)
from quietzone_kit.documents._cursors import cursor, position_of
from quietzone_kit.documents._declared import check, check_limit
from quietzone_kit.documents._metrics import measured
from quietzone_kit.documents._mongodb.client import INDEX_S, Client, Database
from quietzone_kit.documents._mongodb.forms import Row, Shape, stored
from quietzone_kit.documents._mongodb.layout import build, missing, shape_of, take
from quietzone_kit.documents._mongodb.place import Place
from quietzone_kit.documents._mongodb.queries import Plan, Sort, plan
from quietzone_kit.documents._mongodb.writes import Delete, Increment, Insert, Part, Replace, Write, parts
from quietzone_kit.runtime import Executor, Randomness

__all__ = ["MongodbDocuments"]

T = TypeVar("T")

ROWS_PER_READ = 1_000  # of a page or of many keys: some MB, so that a slow line brings it within one attempt
INCREMENT_TRIES = 30  # against other processes; those of this one wait for each other
INCREMENT_PAUSE_S = 0.02  # at most, before it is tried again: four times what one takes
WRITE_ID_BYTES = 12  # two writes of one document draw the same id once in 2**96


class MongodbDocuments:
    """The port `Documents` on the database at `place`."""

    def __init__(self, place: Place, *, executor: Executor, randomness: Randomness, claim: Claim = ANYBODY) -> None:
        self._client = Client(place, executor)
        self._shown = place.shown
        self._claim = claim
        self._executor = executor
        self._randomness = randomness
        self._shapes: dict[str, Shape] = {}
        self._counting: dict[tuple[str, str], tuple[asyncio.Lock, int]] = {}

    async def ensure(self, *collections: Collection) -> None:
        """Create collections and indexes that aren't there; raises DuplicateKey, DocumentsError."""
        for collection in collections:
            check(collection)

        async def work(database: Database, again: bool) -> dict[str, Shape]:  # noqa: ARG001 - all of it can be done twice
            for collection in collections:
                await build(database, collection)
            return {collection.name: await shape_of(database, collection) for collection in collections}

        await self._client.call(lambda database, _: take(database, collections, self._claim, self._shown))
        self._shapes |= await self._client.call(work, within_s=INDEX_S)

    async def missing(self, *collections: Collection) -> list[str]:
        """What `ensure` would create."""
        return await self._client.call(lambda database, _: missing(database, collections))

    @measured
    async def get(self, collection: Collection, key: str) -> Stored | None:
        """The document with this key."""
        self._shape(collection)
        if not is_key(key):
            return None
        found = await self._client.call(lambda database, _: database[collection.name].find_one({"_id": key}))
        return None if found is None else stored(found)

    @measured
    async def get_many(self, collection: Collection, keys: Sequence[str]) -> dict[str, Stored]:
        """The documents with these keys that there are."""
        check_count(len(keys))
        self._shape(collection)
        wanted = [key for key in keys if is_key(key)]
        found: list[Row] = []
        for start in range(0, len(wanted), ROWS_PER_READ):
            part = wanted[start : start + ROWS_PER_READ]
            found += await self._find(collection, {"_id": {"$in": part}}, hint="_id_", sort=[("_id", 1)], limit=len(part))
        items = await self._executor.run(partial(_stored, found))
        return {row["_id"]: item for row, item in zip(found, items, strict=True)}

    @measured
    async def insert(self, collection: Collection, body: Body) -> Stored:
        """Add a document; raises DuplicateKey."""
        shape = self._shape(collection)
        checked = _indexable(document(collection, body), shape)
        return await self._write(Insert(collection, checked, self._write_id(), shape))

    @measured
    async def replace(self, collection: Collection, body: Body, *, if_version: int) -> Stored:
        """Put `body` in the place of the version `if_version`; raises VersionConflict, DuplicateKey."""
        check_version(if_version)
        shape = self._shape(collection)
        checked = _indexable(document(collection, body), shape)
        return await self._write(Replace(collection, checked, if_version, self._write_id(), shape))

    @measured
    async def delete(self, collection: Collection, key: str, *, if_version: int) -> None:
        """Remove a document; raises VersionConflict."""
        check_version(if_version)
        self._shape(collection)
        if not is_key(key):
            raise VersionConflict(f"collection {collection.name}: no document can have the key {key!r}")
        await self._write(Delete(collection, key, if_version))

    @measured
    async def increment(self, collection: Collection, key: str, field: str, by: int = 1) -> Stored:
        """Add to a number in a document; raises InvalidDocument when it isn't one."""
        shape = self._shape(collection)
        if not is_key(key):
            raise InvalidDocument(f"collection {collection.name}: no document can have the key {key!r}")
        write = Increment(collection, key, field, by, write_id=self._write_id(), shape=shape)
        async with self._alone(collection.name, key):
            for _ in range(INCREMENT_TRIES):
                try:
                    return await self._write(write)
                except VersionConflict:
                    await asyncio.sleep(self._randomness.uniform(0, INCREMENT_PAUSE_S))
        raise DocumentsUnavailable(f"collection {collection.name}: others wrote {key} {INCREMENT_TRIES} times meanwhile: try again")

    @measured
    async def bulk(self, collection: Collection, puts: Sequence[Put]) -> list[Outcome]:
        """Write many documents, each on its own."""
        shape = self._shape(collection)
        checked = await self._executor.run(partial(_checked, collection, puts, shape))  # 1,000 bodies take 10 ms
        outcomes = [Outcome.WRITTEN] * len(checked)
        write_id = self._write_id()
        for places in parts(checked):
            part = Part(collection, [checked[place] for place in places], write_id, shape)
            for place, outcome in zip(places, await self._write(part), strict=True):
                outcomes[place] = outcome
        return outcomes

    @measured
    async def query(self, collection: Collection, query: Query) -> Page:
        """One page of a declared index; raises KeyError, ValueError, InvalidCursor."""
        steps = plan(collection, query)
        position = None if query.after is None else position_of(collection, query, query.after, length=len(steps.order))
        self._shape(collection)
        found: list[Row] = []
        while len(found) <= query.limit:
            wanted = min(query.limit + 1 - len(found), ROWS_PER_READ)
            part = await self._after(collection, steps, position, wanted)
            found += part
            if len(part) < wanted:
                break
            position = steps.position(part[-1])
        items = await self._executor.run(partial(_stored, found[: query.limit]))
        more = len(found) > query.limit
        return Page(items, cursor(collection, query, steps.position(found[query.limit - 1])) if more else None)

    @measured
    async def scan(self, collection: Collection, *, limit: int, after: str | None = None) -> Page:
        """One page of all documents in the order of their keys; raises InvalidCursor."""
        check_limit(limit)
        position: IndexValue = "" if after is None else position_of(collection, None, after, length=1)[0]
        self._shape(collection)
        found: list[Row] = []
        while len(found) <= limit:
            wanted = min(limit + 1 - len(found), ROWS_PER_READ)
            part = await self._find(collection, {"_id": {"$gt": position}}, hint="_id_", sort=[("_id", 1)], limit=wanted)
            found += part
            if len(part) < wanted:
                break
            position = part[-1]["_id"]
        items = await self._executor.run(partial(_stored, found[:limit]))
        return Page(items, cursor(collection, None, [found[limit - 1]["_id"]]) if len(found) > limit else None)

    async def close(self) -> None:
        """Let go of everything."""
        await self._client.close()

    def _write_id(self) -> bytes:
        return self._randomness.token(WRITE_ID_BYTES)

    def _shape(self, collection: Collection) -> Shape:
        shape = self._shapes.get(collection.name)
        if shape is None:
            raise DocumentsError(f"collection {collection.name} was not declared: call ensure first")
        return shape

    async def _write(self, write: Write[T]) -> T:
        return await self._client.call(write.apply)

    async def _after(self, collection: Collection, steps: Plan, position: Sequence[IndexValue] | None, wanted: int) -> list[Row]:
        found: list[Row] = []
        for condition in steps.filters(position):
            found += await self._find(collection, condition, hint=steps.index.name, sort=steps.sort, limit=wanted - len(found))
            if len(found) == wanted:
                break
        return found

    async def _find(self, collection: Collection, condition: Row, *, hint: str, sort: Sort, limit: int) -> list[Row]:
        """Documents by a named index: the server may take no other, and refuses rather than walk the collection."""
        return await self._client.call(
            lambda database, _: database[collection.name].find(condition, hint=hint, sort=sort, limit=limit).to_list(None)
        )

    @asynccontextmanager
    async def _alone(self, name: str, key: str) -> AsyncIterator[None]:
        """One increment of a document at a time: they would only overtake each other. Those that wait are as many as callers."""
        lock, waiting = self._counting.get((name, key), (asyncio.Lock(), 0))
        self._counting[name, key] = lock, waiting + 1
        try:
            async with lock:
                yield
        finally:
            lock, waiting = self._counting[name, key]
            if waiting == 1:
                del self._counting[name, key]
            else:
                self._counting[name, key] = lock, waiting - 1


# From here on: in the executor, for more than a few.


def _stored(rows: Sequence[Row]) -> list[Stored]:
    return [stored(row) for row in rows]


def _checked(collection: Collection, puts: Sequence[Put], shape: Shape) -> list[tuple[Document, int | None]]:
    return [(_indexable(checked, shape), version) for checked, version in documents(collection, puts)]


def _indexable(checked: Document, shape: Shape) -> Document:
    """The document, if indexes can hold it; raises InvalidDocument."""
    for field in shape.fields:
        index_value(checked.body, field)
    for field in shape.lists:
        index_elements(checked.body, field)
    return checked
