"""Writes as commands. Each may run a second time, when the first one's answer was lost.

The write id in each document makes that safe: a document that carries the id of this very write was written by it. Before a write that
is tried again looks, it sends one that changes nothing and is acknowledged by a majority: so is then all that was before it.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar, cast

from pymongo import InsertOne, ReplaceOne
from pymongo.errors import BulkWriteError, DuplicateKeyError, OperationFailure, WriteConcernError

from quietzone_kit.documents import Collection, DocumentsUnavailable, DuplicateKey, Outcome, Stored, VersionConflict
from quietzone_kit.documents._bodies import Document, incremented
from quietzone_kit.documents._mongodb.client import Database, Rows
from quietzone_kit.documents._mongodb.forms import Row, Shape, row, stored

T_co = TypeVar("T_co", covariant=True)

ROWS_PER_COMMAND = 100  # of a bulk: up to 1 s in mongo-java-server (among 10,000 documents), and a command must end within its attempt

_DUPLICATE = 11000
_INDEX = re.compile(r" index: (\S+)")  # E11000 duplicate key error collection: qr.codes index: by_slug dup key: {…}


class Write(Protocol[T_co]):
    """One write; `again` says that it was tried before, and that nobody knows what came of it."""

    async def apply(self, database: Database, again: bool) -> T_co:
        """Do it; raises the port's errors."""


@dataclass(frozen=True, slots=True)
class _Standing:
    """What stands under a key."""

    version: int
    write_id: bytes


class Insert:
    """Add a document."""

    def __init__(self, collection: Collection, document: Document, write_id: bytes, shape: Shape) -> None:
        self._collection = collection
        self._document = document
        self._write_id = write_id
        self._row = row(document, 1, write_id, shape)

    async def apply(self, database: Database, again: bool) -> Stored:
        """The document as it is stored; raises DuplicateKey."""
        rows = database[self._collection.name]
        try:
            await rows.insert_one(self._row)
        except DuplicateKeyError as error:
            standing = await _standing(rows, self._document.key, self._write_id, again=again)
            if standing is None:
                raise _duplicate(self._collection, error) from error
            if standing != _Standing(1, self._write_id):
                raise DuplicateKey(self._collection.name, self._collection.key) from error
        return Stored(self._document.body, 1)


class Replace:
    """Put a document in the place of one version of it."""

    def __init__(self, collection: Collection, document: Document, if_version: int, write_id: bytes, shape: Shape) -> None:
        self._collection = collection
        self._document = document
        self._if_version = if_version
        self._write_id = write_id
        self._row = row(document, if_version + 1, write_id, shape)

    async def apply(self, database: Database, again: bool) -> Stored:
        """The document as it is stored; raises VersionConflict, DuplicateKey."""
        rows, key = database[self._collection.name], self._document.key
        after = Stored(self._document.body, self._if_version + 1)
        try:
            found = await rows.replace_one({"_id": key, "version": self._if_version}, self._row)
        except DuplicateKeyError as error:
            raise _duplicate(self._collection, error) from error
        if found.matched_count:
            return after
        if again and await _standing(rows, key, self._write_id, again=True) == _Standing(after.version, self._write_id):
            return after
        raise VersionConflict(_conflict(self._collection, key, self._if_version))


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove one version of a document."""

    collection: Collection
    key: str
    if_version: int

    async def apply(self, database: Database, again: bool) -> None:
        """Raises VersionConflict."""
        rows = database[self.collection.name]
        gone = await rows.delete_one({"_id": self.key, "version": self.if_version})
        # the second time, what isn't there any more was removed the first time
        if not gone.deleted_count and not (again and await _standing(rows, self.key, b"", again=True) is None):
            raise VersionConflict(_conflict(self.collection, self.key, self.if_version))


class Increment:
    """Add to a number of a document by compare-and-swap: an increment of the server's, tried again, would count twice."""

    def __init__(self, collection: Collection, key: str, field: str, by: int, *, write_id: bytes, shape: Shape) -> None:
        self._collection = collection
        self._key = key
        self._field = field
        self._by = by
        self._write_id = write_id
        self._shape = shape
        self._seen: int | None = None

    async def apply(self, database: Database, again: bool) -> Stored:
        """The document afterwards.

        Raises:
            VersionConflict: another has written it in this moment; nothing was done.
            InvalidDocument: the field isn't a number.
            DuplicateKey: its new fields of a unique index are taken.
            DocumentsUnavailable: the first answer was lost, and others have written since.
        """
        rows = database[self._collection.name]
        if again:
            await _settle(rows, [self._key], self._write_id)
        found = await rows.find_one({"_id": self._key})
        before = Stored({self._collection.key: self._key}, 0) if found is None else stored(found)
        if found is not None and found["write"] == self._write_id:
            return before
        if self._seen not in (None, before.version):
            raise DocumentsUnavailable(f"collection {self._collection.name}: nobody knows if {self._key} was incremented; read it first")
        after = incremented(self._collection, before.body, self._field, self._by)
        self._seen = before.version
        try:
            return await self._put(after, before.version).apply(database, again=False)
        except (VersionConflict, DuplicateKey) as error:
            if not again:
                self._seen = None  # nothing was done for sure
            if isinstance(error, DuplicateKey) and error.index != self._collection.key:
                raise
            raise VersionConflict(_conflict(self._collection, self._key, before.version)) from error

    def _put(self, after: Document, version: int) -> Insert | Replace:
        if version:
            return Replace(self._collection, after, version, self._write_id, self._shape)
        return Insert(self._collection, after, self._write_id, self._shape)


class Part:
    """Writes of a bulk that go in one command, all of them inserts (their version is None) or all of them replacements."""

    def __init__(self, collection: Collection, puts: Sequence[tuple[Document, int | None]], write_id: bytes, shape: Shape) -> None:
        self._collection = collection
        self._puts = puts
        self._write_id = write_id
        self._rows = [row(document, (version or 0) + 1, write_id, shape) for document, version in puts]

    async def apply(self, database: Database, again: bool) -> list[Outcome]:
        """An outcome for each, in order. What others have written over before it was looked at counts as a conflict, too."""
        rows = database[self._collection.name]
        matched, duplicates = await self._send(rows)
        short = [place for place in range(len(self._puts)) if place in duplicates or self._puts[place][1] is not None]
        outcomes = [Outcome.WRITTEN] * len(self._puts)
        if duplicates or matched < len(short):
            standing = await _standings(rows, [self._puts[place][0].key for place in short], self._write_id, again=again)
            for place in short:
                outcomes[place] = self._outcome(place, standing.get(self._puts[place][0].key), taken=place in duplicates)
        return outcomes

    async def _send(self, rows: Rows) -> tuple[int, set[int]]:
        """How many replacements found their version, and which writes met a duplicate."""
        try:
            result = await rows.bulk_write([self._operation(place) for place in range(len(self._puts))], ordered=False)
        except BulkWriteError as error:
            details = cast("Row", error.details)
            for failed in details["writeErrors"]:
                if failed["code"] != _DUPLICATE:
                    raise OperationFailure(failed["errmsg"], failed["code"], failed) from error
            for failed in details["writeConcernErrors"]:
                raise WriteConcernError(failed.get("errmsg", ""), failed.get("code"), failed) from error
            return details["nMatched"], {failed["index"] for failed in details["writeErrors"]}
        return result.matched_count, set()

    def _operation(self, place: int) -> InsertOne[Row] | ReplaceOne[Row]:
        document, version = self._puts[place]
        if version is None:
            return InsertOne(self._rows[place])
        return ReplaceOne({"_id": document.key, "version": version}, self._rows[place])

    def _outcome(self, place: int, standing: _Standing | None, *, taken: bool) -> Outcome:
        before = self._puts[place][1] or 0
        if standing == _Standing(before + 1, self._write_id):
            return Outcome.WRITTEN
        unchanged = before == (0 if standing is None else standing.version)
        return Outcome.DUPLICATE if taken and unchanged else Outcome.CONFLICT


def parts(puts: Sequence[tuple[Document, int | None]]) -> Iterator[list[int]]:
    """Places in `puts` for one command each: replacements first, since they may free what inserts want to have."""
    replacements = [place for place, (_, version) in enumerate(puts) if version is not None]
    inserts = [place for place, (_, version) in enumerate(puts) if version is None]
    for places in (replacements, inserts):
        for start in range(0, len(places), ROWS_PER_COMMAND):
            yield places[start : start + ROWS_PER_COMMAND]


async def _settle(rows: Rows, keys: Sequence[str], write_id: bytes) -> None:
    """Have a majority acknowledge all that was written until now."""
    await rows.update_many({"_id": {"$in": list(keys)}, "write": write_id}, {"$set": {"write": write_id}})


async def _standing(rows: Rows, key: str, write_id: bytes, *, again: bool) -> _Standing | None:
    return (await _standings(rows, [key], write_id, again=again)).get(key)


async def _standings(rows: Rows, keys: Sequence[str], write_id: bytes, *, again: bool) -> dict[str, _Standing]:
    if again:
        await _settle(rows, keys, write_id)
    found = await rows.find({"_id": {"$in": list(keys)}}, {"version": 1, "write": 1}).to_list(None)
    return {each["_id"]: _Standing(int(each["version"]), each["write"]) for each in found}


def _duplicate(collection: Collection, error: DuplicateKeyError) -> DuplicateKey:
    named = _INDEX.search(str(error))
    return DuplicateKey(collection.name, named[1] if named and named[1] != "_id_" else collection.key)


def _conflict(collection: Collection, key: str, version: int) -> str:
    return f"collection {collection.name}: {key} isn't there with version {version}: read it again"
