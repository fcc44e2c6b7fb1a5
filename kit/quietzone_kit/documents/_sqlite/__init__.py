"""Documents in SQLite: durable, for one machine, shared by its processes.

Writes of one process that come together are committed together; each keeps its own outcome. Whoever waits first leads: one job takes
what is queued, up to a bound, and leaves the rest to the next. Reads have connections of their own and see the last commit.
"""

import asyncio
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Generic, TypeVar

import msgspec

from quietzone_kit.documents import (
    ANYBODY,
    Body,
    Claim,
    Collection,
    Connect,
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
from quietzone_kit.documents._bodies import IndexValue, body_of, check_count, check_version, document, documents, is_key
from quietzone_kit.documents._cursors import cursor, position_of
from quietzone_kit.documents._declared import check, check_limit, lacks
from quietzone_kit.documents._metrics import measured
from quietzone_kit.documents._sqlite.connections import Connections, connect_to
from quietzone_kit.documents._sqlite.queries import plan
from quietzone_kit.documents._sqlite.schema import Table, complete, create, indexes, load, take, taken
from quietzone_kit.documents._sqlite.writes import Bulk, Delete, Increment, Insert, Replace, Tables, Write
from quietzone_kit.runtime import Executor, Randomness

__all__ = ["SqliteDocuments", "connect_to"]

T = TypeVar("T")

MAX_QUEUED = 1_000  # writes that wait: a second's worth on a slow disk; who comes later hears so instead of waiting longer
MAX_COMMIT = 1_000  # documents in one commit, unless one bulk has more: about 40 ms, which is how long another process waits for its turn
MAX_INLINE = 16  # bodies of a bulk that are encoded at once; 1,000 take 10 ms, which the event loop needn't wait for
WRITE_ID_BYTES = 12  # two writes of one document draw the same id once in 2**96


class _Entry(Generic[T]):
    """A write in the queue, and how it ended."""

    def __init__(self, write: Write[T]) -> None:
        self.write = write
        self.done = False
        self.wanted = True
        self._result: T
        self._error: Exception | None = None

    def apply(self, connection: sqlite3.Connection, tables: Tables) -> None:
        """Run the write; an error of the port's is its outcome, SQLite's own end the transaction."""
        try:
            self._result, self._error = self.write.apply(connection, tables), None
        except DocumentsError as error:
            self._error = error

    def fail(self, error: Exception) -> None:
        """End it with an error."""
        self._error, self.done = error, True

    def result(self) -> T:
        """What the write gave; raises what it raised."""
        if self._error is not None:
            raise self._error
        return self._result


class SqliteDocuments:
    """The port `Documents` on connections that `connect` opens; `place` is for messages."""

    def __init__(self, connect: Connect, place: str, *, executor: Executor, randomness: Randomness, claim: Claim = ANYBODY) -> None:
        self._connections = Connections(connect, place)
        self._place = place
        self._claim = claim
        self._executor = executor
        self._randomness = randomness
        self._tables: dict[str, Table] = {}
        self._schema_version = -1
        self._queue: deque[_Entry[object]] = deque()
        self._turn = asyncio.Lock()
        self._writing = threading.Lock()  # a job whose caller was cancelled still runs when the next one starts

    async def ensure(self, *collections: Collection) -> None:
        """Create collections and indexes that aren't there; raises DuplicateKey, DocumentsError."""
        for collection in collections:
            check(collection)
        async with self._turn:
            await self._run(partial(self._ensure, collections))

    async def missing(self, *collections: Collection) -> list[str]:
        """What `ensure` would create."""
        return await self._run(partial(self._missing, collections))

    @measured
    async def get(self, collection: Collection, key: str) -> Stored | None:
        """The document with this key."""
        return (await self._get_many(collection, (key,))).get(key)

    @measured
    async def get_many(self, collection: Collection, keys: Sequence[str]) -> dict[str, Stored]:
        """The documents with these keys that there are."""
        return await self._get_many(collection, keys)

    @measured
    async def insert(self, collection: Collection, body: Body) -> Stored:
        """Add a document; raises DuplicateKey."""
        return await self._write(Insert(collection, document(collection, body), self._write_id()), collection)

    @measured
    async def replace(self, collection: Collection, body: Body, *, if_version: int) -> Stored:
        """Put `body` in the place of the version `if_version`; raises VersionConflict, DuplicateKey."""
        check_version(if_version)
        return await self._write(Replace(collection, document(collection, body), if_version, self._write_id()), collection)

    @measured
    async def delete(self, collection: Collection, key: str, *, if_version: int) -> None:
        """Remove a document; raises VersionConflict."""
        check_version(if_version)
        if not is_key(key):
            raise VersionConflict(f"collection {collection.name}: no document can have the key {key!r}")
        await self._write(Delete(collection, key, if_version), collection)

    @measured
    async def increment(self, collection: Collection, key: str, field: str, by: int = 1) -> Stored:
        """Add to a number in a document; raises InvalidDocument when it isn't one."""
        if not is_key(key):
            raise InvalidDocument(f"collection {collection.name}: no document can have the key {key!r}")
        return await self._write(Increment(collection, key, field, by, self._write_id()), collection)

    @measured
    async def bulk(self, collection: Collection, puts: Sequence[Put]) -> list[Outcome]:
        """Write many documents, each on its own."""
        if not puts:
            return []
        if len(puts) <= MAX_INLINE:
            checked = documents(collection, puts)
        else:
            checked = await self._run(partial(documents, collection, puts))
        return await self._write(Bulk(collection, checked, self._write_id()), collection)

    @measured
    async def query(self, collection: Collection, query: Query) -> Page:
        """One page of a declared index; raises KeyError, ValueError, InvalidCursor."""
        steps = plan(collection, query)
        after = None if query.after is None else position_of(collection, query, query.after, length=len(steps.order))
        self._table(collection)
        statements = [(each.sql, each.parameters) for each in steps.statements(after)]
        return await self._run(partial(self._read_page, statements, query.limit, partial(cursor, collection, query)))

    @measured
    async def scan(self, collection: Collection, *, limit: int, after: str | None = None) -> Page:
        """One page of all documents in the order of their keys; raises InvalidCursor."""
        check_limit(limit)
        position = [""] if after is None else position_of(collection, None, after, length=1)
        sql = f"SELECT _version, _body, _key FROM {self._table(collection).name} WHERE _key > ? ORDER BY _key LIMIT ?"  # noqa: S608
        return await self._run(partial(self._read_page, [(sql, tuple(position))], limit, partial(cursor, collection, None)))

    async def explain(self, collection: Collection, query: Query) -> list[str]:
        """How SQLite reads a query: the lines of EXPLAIN QUERY PLAN of its statements. For tests of access patterns."""
        steps = plan(collection, query)
        after = None if query.after is None else position_of(collection, query, query.after, length=len(steps.order))
        return await self._run(partial(self._explain, [(each.sql, each.parameters) for each in steps.statements(after)]))

    async def close(self) -> None:
        """Let go of everything, after the writes that are under way."""
        async with self._turn:
            await self._executor.run(self._close)

    async def _get_many(self, collection: Collection, keys: Sequence[str]) -> dict[str, Stored]:
        check_count(len(keys))
        name = self._table(collection).name
        wanted = [key for key in keys if is_key(key)]
        if len(wanted) == 1:
            sql, parameter = f"SELECT _key, _version, _body FROM {name} WHERE _key = ?", wanted[0]  # noqa: S608 - names were checked
        else:
            # one parameter for any number of keys: the statement is prepared once
            sql = f"SELECT _key, _version, _body FROM {name} WHERE _key IN (SELECT value FROM json_each(?))"  # noqa: S608
            parameter = msgspec.json.encode(wanted).decode()
        return await self._run(partial(self._read_by_key, sql, parameter))

    def _write_id(self) -> bytes:
        return self._randomness.token(WRITE_ID_BYTES)

    def _table(self, collection: Collection) -> Table:
        table = self._tables.get(collection.name)
        if table is None:
            raise DocumentsError(f"collection {collection.name} was not declared: call ensure first")
        return table

    async def _run(self, work: Callable[[], T]) -> T:
        try:
            return await self._executor.run(work)
        except sqlite3.Error as error:
            raise self._connections.explained(error) from error

    async def _write(self, write: Write[T], collection: Collection) -> T:
        self._table(collection)
        if len(self._queue) >= MAX_QUEUED:
            raise DocumentsUnavailable(f"{MAX_QUEUED:,} writes wait for the disk already: try again later")
        entry = _Entry(write)
        self._queue.append(entry)  # type: ignore[arg-type] # each entry is read only by whoever put it in
        try:
            async with self._turn:
                if not entry.done:
                    await self._executor.run(self._drain)
        finally:
            entry.wanted = False  # a caller that was cancelled before its turn wants nothing written
        return entry.result()

    # From here on: in the executor.

    def _drain(self) -> None:
        with self._writing:
            entries = self._take()
            try:
                self._commit(entries)
            except sqlite3.Error as error:
                for entry in entries:
                    entry.fail(self._connections.explained(error))
            except DocumentsError as error:
                for entry in entries:
                    entry.fail(type(error)(*error.args))
            except BaseException as error:
                for entry in entries:
                    entry.fail(DocumentsUnavailable(f"the process is going down: {error!r}"))
                raise

    def _take(self) -> list["_Entry[object]"]:
        entries: list[_Entry[object]] = []
        weight = 0
        while self._queue and (not entries or weight + self._queue[0].write.weight <= MAX_COMMIT):
            entry = self._queue.popleft()
            if entry.wanted:
                entries.append(entry)
                weight += entry.write.weight
        return entries

    def _commit(self, entries: Sequence["_Entry[object]"]) -> None:
        """Write all in one transaction; once more if the commit's answer was lost, which the write ids make safe."""
        if not entries:
            return
        error = self._transact(entries) and self._transact(entries)
        if error is not None:
            raise error
        for entry in entries:
            entry.done = True

    def _transact(self, entries: Sequence["_Entry[object]"]) -> sqlite3.Error | None:
        """The error of a commit, after which nobody knows if it happened; raises sqlite3.Error when nothing has happened for sure."""
        connection = self._connections.writer()
        try:
            connection.execute("BEGIN IMMEDIATE")
            self._reload(connection)
            for entry in entries:
                entry.apply(connection, self._tables)
        except BaseException:
            self._connections.roll_back()
            raise
        try:
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._connections.roll_back()
            return error
        return None

    def _reload(self, connection: sqlite3.Connection) -> None:
        """See columns that another process, perhaps of a newer release, has added."""
        (version,) = connection.execute("PRAGMA schema_version").fetchone()
        if version != self._schema_version:
            self._tables.update({name: load(connection, table.collection) for name, table in self._tables.items()})
            self._schema_version = version

    def _ensure(self, collections: Sequence[Collection]) -> None:
        with self._writing:
            connection = self._connections.writer()
            if not (taken(connection, self._claim, self._place) and all(complete(connection, collection) for collection in collections)):
                try:
                    connection.execute("BEGIN IMMEDIATE")
                    take(connection, self._claim, self._place)
                    for collection in collections:
                        create(connection, collection)
                    connection.execute("COMMIT")
                except BaseException:
                    self._connections.roll_back()
                    raise
            self._tables.update({collection.name: load(connection, collection) for collection in collections})

    def _missing(self, collections: Sequence[Collection]) -> list[str]:
        with self._connections.reader() as connection:
            return [lacking for collection in collections for lacking in lacks(collection, indexes(connection, collection))]

    def _read_by_key(self, sql: str, parameter: str) -> dict[str, Stored]:
        with self._connections.reader() as connection:
            rows = connection.execute(sql, (parameter,)).fetchall()
        return {key: Stored(body_of(data), version) for key, version, data in rows}

    def _read_page(
        self, statements: Sequence[tuple[str, tuple[IndexValue | bytes, ...]]], limit: int, cursor_at: Callable[[Sequence[IndexValue]], str]
    ) -> Page:
        rows: list[tuple[int, bytes, *tuple[IndexValue, ...]]] = []
        with self._connections.reader() as connection:
            connection.execute("BEGIN")  # one state of the store for all statements of a page
            try:
                for sql, parameters in statements:
                    rows += connection.execute(sql, (*parameters, limit + 1 - len(rows))).fetchall()
                    if len(rows) > limit:
                        break
            finally:
                connection.execute("ROLLBACK")
        items = [Stored(body_of(row[1]), row[0]) for row in rows[:limit]]
        return Page(items, cursor_at(rows[limit - 1][2:]) if len(rows) > limit else None)

    def _explain(self, statements: Sequence[tuple[str, tuple[IndexValue | bytes, ...]]]) -> list[str]:
        with self._connections.reader() as connection:
            return [
                row[3]
                for sql, parameters in statements
                for row in connection.execute("EXPLAIN QUERY PLAN " + sql, (*parameters, 1)).fetchall()
            ]

    def _close(self) -> None:
        with self._writing:
            self._connections.close()
