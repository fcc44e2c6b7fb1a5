"""Writes as SQL. Each runs in a transaction that it shares with others, and may run a second time when the first commit's answer was lost.

A write id in each document makes that safe: a document that carries the id of this very write was written by it.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol, TypeVar

from quietzone_kit.documents import Collection, DocumentsUnavailable, DuplicateKey, Outcome, Stored, VersionConflict
from quietzone_kit.documents._bodies import Document, IndexValue, body_of, incremented
from quietzone_kit.documents._sqlite.names import quoted
from quietzone_kit.documents._sqlite.schema import Table

T_co = TypeVar("T_co", covariant=True)

Tables = Mapping[str, Table]

ROWS_PER_STATEMENT = 64
"""Rows of a bulk that one statement writes. A thread lets go of Python's lock in each statement and, when the event loop is busy, gets it
back up to 5 ms later: a bulk of 1,000 took 5 s beside a busy loop with a row a statement, 0.15 s with 64, and 25 ms alone.
"""
STATEMENTS = (ROWS_PER_STATEMENT, ROWS_PER_STATEMENT // 4, ROWS_PER_STATEMENT // 16, 1)
"""Rows of each statement that there is: few, so that prepared ones are found again."""


class Write(Protocol[T_co]):
    """One write; `weight` is its number of documents."""

    @property
    def weight(self) -> int:
        """How many documents it writes at most."""

    def apply(self, connection: sqlite3.Connection, tables: Tables) -> T_co:
        """Do it within the open transaction; raises the port's errors, with nothing done then."""


@dataclass(frozen=True, slots=True)
class Insert:
    """Add a document."""

    collection: Collection
    document: Document
    write_id: bytes
    weight: int = 1

    def apply(self, connection: sqlite3.Connection, tables: Tables) -> Stored:
        """The document as it is stored; raises DuplicateKey."""
        if not _inserted(connection, tables[self.collection.name], self.document, self.write_id):
            raise DuplicateKey(self.collection.name, self.collection.key)
        return Stored(self.document.body, 1)


@dataclass(frozen=True, slots=True)
class Replace:
    """Put a document in the place of one version of it."""

    collection: Collection
    document: Document
    if_version: int
    write_id: bytes
    weight: int = 1

    def apply(self, connection: sqlite3.Connection, tables: Tables) -> Stored:
        """The document as it is stored; raises VersionConflict, DuplicateKey."""
        if not _replaced(connection, tables[self.collection.name], self.document, self.if_version, self.write_id):
            raise VersionConflict(_conflict(self.collection, self.document.key, self.if_version))
        return Stored(self.document.body, self.if_version + 1)


@dataclass(slots=True)
class Delete:
    """Remove one version of a document."""

    collection: Collection
    key: str
    if_version: int
    weight: int = 1
    _tried: bool = False

    def apply(self, connection: sqlite3.Connection, tables: Tables) -> None:
        """Raises VersionConflict."""
        name = tables[self.collection.name].name
        gone = connection.execute(f"DELETE FROM {name} WHERE _key = ? AND _version = ?", (self.key, self.if_version)).rowcount  # noqa: S608
        # the second time, what isn't there any more was removed the first time
        if not gone and not (self._tried and _standing(connection, name, self.key) is None):
            raise VersionConflict(_conflict(self.collection, self.key, self.if_version))
        self._tried = True


@dataclass(slots=True)
class Increment:
    """Add to a number of a document."""

    collection: Collection
    key: str
    field: str
    by: int
    write_id: bytes
    weight: int = 1
    _seen: int | None = None

    def apply(self, connection: sqlite3.Connection, tables: Tables) -> Stored:
        """The document afterwards.

        Raises:
            InvalidDocument: the field isn't a number.
            DocumentsUnavailable: the first answer was lost, and others have written since.
        """
        table = tables[self.collection.name]
        row = connection.execute(f"SELECT _version, _write, _body FROM {table.name} WHERE _key = ?", (self.key,)).fetchone()  # noqa: S608
        version, write_id, data = row or (0, b"", b"")
        if write_id == self.write_id:
            return Stored(body_of(data), version)
        if self._seen not in (None, version):
            raise DocumentsUnavailable(f"collection {self.collection.name}: nobody knows if {self.key} was incremented; read it first")
        body = {self.collection.key: self.key} if not version else body_of(data)
        after = incremented(self.collection, body, self.field, self.by)
        self._seen = version
        if not version:
            _inserted(connection, table, after, self.write_id)
        else:
            _replaced(connection, table, after, version, self.write_id)
        return Stored(after.body, version + 1)


@dataclass(frozen=True, slots=True)
class _Row:
    """One put of a bulk with what its columns hold."""

    document: Document
    if_version: int | None
    columns: Sequence[IndexValue]


@dataclass(frozen=True, slots=True)
class Bulk:
    """Many writes, each on its own: inserts where the version is None."""

    collection: Collection
    puts: Sequence[tuple[Document, int | None]]
    write_id: bytes

    @property
    def weight(self) -> int:
        """How many documents it writes."""
        return len(self.puts)

    def apply(self, connection: sqlite3.Connection, tables: Tables) -> list[Outcome]:
        """An outcome for each, in order."""
        table = tables[self.collection.name]
        rows = [_Row(document, version, table.columns(document)) for document, version in self.puts]  # first, since it may raise
        outcomes = [Outcome.WRITTEN] * len(rows)
        for places in _chunks(self.puts):
            if not self._together(connection, table, [rows[place] for place in places]):
                for place in places:
                    outcomes[place] = self._alone(connection, table, rows[place])
        return outcomes

    def _together(self, connection: sqlite3.Connection, table: Table, rows: Sequence[_Row]) -> bool:
        """Write rows of one kind in one statement. False: not all went in; those that did carry the write id."""
        if len(rows) == 1:
            return False
        parameters: list[IndexValue | bytes] = []
        if rows[0].if_version is None:
            for row in rows:
                parameters += [row.document.key, self.write_id, row.document.data, *row.columns]
            sql = _insert_sql(table.name, table.fields, len(rows))
        else:
            parameters.append(self.write_id)
            for row in rows:
                parameters += [row.document.key, row.if_version, row.document.data, *row.columns]
            sql = _update_many_sql(table.name, table.fields, len(rows))
        try:
            return connection.execute(sql, parameters).rowcount == len(rows)
        except sqlite3.IntegrityError:  # nothing went in: one of them breaks a unique index
            return False

    def _alone(self, connection: sqlite3.Connection, table: Table, row: _Row) -> Outcome:
        try:
            if row.if_version is None:
                written = _inserted(connection, table, row.document, self.write_id)
            else:
                written = _replaced(connection, table, row.document, row.if_version, self.write_id)
        except DuplicateKey:
            return Outcome.DUPLICATE
        return Outcome.WRITTEN if written else Outcome.CONFLICT


def _chunks(puts: Sequence[tuple[Document, int | None]]) -> Iterator[list[int]]:
    """Places in `puts`: replacements first, since they may free what inserts want to have, in statements of few sizes."""
    replacements = [place for place, (_, version) in enumerate(puts) if version is not None]
    inserts = [place for place, (_, version) in enumerate(puts) if version is None]
    for places in (replacements, inserts):
        start = 0
        for size in STATEMENTS:
            while len(places) - start >= size:
                yield places[start : start + size]
                start += size


def _inserted(connection: sqlite3.Connection, table: Table, document: Document, write_id: bytes) -> bool:
    """Whether the document is there by this write; raises DuplicateKey for a unique index."""
    parameters = (document.key, write_id, document.data, *table.columns(document))
    try:
        if connection.execute(_insert_sql(table.name, table.fields, 1), parameters).rowcount:
            return True
    except sqlite3.IntegrityError as error:
        raise table.duplicate(error) from error
    return _standing(connection, table.name, document.key) == (1, write_id)


def _replaced(connection: sqlite3.Connection, table: Table, document: Document, if_version: int, write_id: bytes) -> bool:
    """Whether the document is there by this write; raises DuplicateKey for a unique index."""
    parameters = (write_id, document.data, *table.columns(document), document.key, if_version)
    try:
        if connection.execute(_update_sql(table.name, table.fields), parameters).rowcount:
            return True
    except sqlite3.IntegrityError as error:
        raise table.duplicate(error) from error
    return _standing(connection, table.name, document.key) == (if_version + 1, write_id)


def _standing(connection: sqlite3.Connection, name: str, key: str) -> tuple[int, bytes] | None:
    """Version and write id of what stands there."""
    row: tuple[int, bytes] | None = connection.execute(f"SELECT _version, _write FROM {name} WHERE _key = ?", (key,)).fetchone()  # noqa: S608
    return row


def _conflict(collection: Collection, key: str, version: int) -> str:
    return f"collection {collection.name}: {key} isn't there with version {version}: read it again"


@lru_cache(maxsize=256)  # tables times sizes
def _insert_sql(name: str, fields: tuple[str, ...], rows: int) -> str:
    columns = "".join(f", {quoted(column)}" for column in fields)
    row = f"(?, 1, ?, ?{', ?' * len(fields)})"
    return f"INSERT INTO {name} (_key, _version, _write, _body{columns}) VALUES {', '.join([row] * rows)} ON CONFLICT (_key) DO NOTHING"  # noqa: S608


@lru_cache(maxsize=256)
def _update_sql(name: str, fields: tuple[str, ...]) -> str:
    columns = "".join(f", {quoted(column)} = ?" for column in fields)
    return f"UPDATE {name} SET _version = _version + 1, _write = ?, _body = ?{columns} WHERE _key = ? AND _version = ?"  # noqa: S608


@lru_cache(maxsize=256)
def _update_many_sql(name: str, fields: tuple[str, ...], rows: int) -> str:
    columns = "".join(f", {quoted(column)} = new.column{place}" for place, column in enumerate(fields, start=4))
    row = f"(?, ?, ?{', ?' * len(fields)})"
    return (
        f"UPDATE {name} SET _version = {name}._version + 1, _write = ?, _body = new.column3{columns} "  # noqa: S608
        f"FROM (VALUES {', '.join([row] * rows)}) AS new WHERE {name}._key = new.column1 AND {name}._version = new.column2"
    )
