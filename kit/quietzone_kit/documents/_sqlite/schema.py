"""Collections as tables: `_key`, `_version`, `_write` (the write id), `_body`, and a column for each indexed field.

Columns of fields have no type, so that SQLite keeps an int an int and a str a str. A field that is a list to an index has a column
`_each_<field>` with its elements as JSON, and the index a table of entries (`entries`). Columns follow from the body; the table says which
there are, not the code, so that a process of an older release goes on filling a column that a newer one has added.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from quietzone_kit.documents import Claim, Collection, DocumentsError, DuplicateKey, Index, InvalidDocument
from quietzone_kit.documents._bodies import Document, IndexValue, body_of, index_elements, index_value
from quietzone_kit.documents._declared import present
from quietzone_kit.documents._sqlite.connections import APPLICATION_ID, LAYOUT
from quietzone_kit.documents._sqlite.entries import EACH, entries_of, make_entries
from quietzone_kit.documents._sqlite.names import index_name, quoted

BACKFILL_ROWS = 500  # bodies in memory at once while an index is added: 4 GB were they all as large as allowed, 1 MB as they are


@dataclass(frozen=True, slots=True)
class Table:
    """A collection's table as it stands: its columns that follow from bodies; `unique` names the index of each unique set of them."""

    collection: Collection
    fields: tuple[str, ...]
    unique: Mapping[tuple[str, ...], str]

    @property
    def name(self) -> str:
        """The table's name in SQL."""
        return quoted(self.collection.name)

    def columns(self, document: Document) -> list[IndexValue]:
        """What these columns hold of a document; raises InvalidDocument."""
        return [_column(document.body, field) for field in self.fields]

    def duplicate(self, error: sqlite3.IntegrityError) -> DuplicateKey:
        """The error for a violation, which SQLite tells as 'UNIQUE constraint failed: codes.host, codes.slug'."""
        columns = tuple(column.rpartition(".")[2] for column in str(error).rpartition(": ")[2].split(", "))
        return DuplicateKey(self.collection.name, self.unique.get(columns, self.collection.key))


def taken(connection: sqlite3.Connection, claim: Claim, shown: str) -> bool:
    """Whether the store says that it is the claimant's; raises DocumentsError if it is another's, or empty and not to be made."""
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    owner = _owner(connection)
    claim.check(f"store {shown}", owner=owner, is_empty=not tables)
    return not claim.owner or owner == claim.owner


def take(connection: sqlite3.Connection, claim: Claim, shown: str) -> None:
    """Note whose store it is, in the caller's transaction; raises DocumentsError as `taken` does."""
    if not taken(connection, claim, shown):
        connection.execute("CREATE TABLE _owner (name TEXT NOT NULL)")  # no collection of ours can have this name
        connection.execute("INSERT INTO _owner VALUES (?)", (claim.owner,))


def _owner(connection: sqlite3.Connection) -> str:
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = '_owner'").fetchone():
        return ""
    (name,) = connection.execute("SELECT name FROM _owner").fetchone()
    return str(name)


def complete(connection: sqlite3.Connection, collection: Collection) -> bool:
    """Whether all that the collection declares is there; raises DocumentsError if an index is there with another meaning."""
    there = _definitions(connection, collection)
    for index in collection.indexes:
        definition = there.get(f"{collection.name}.{index.name}")
        if definition not in (None, _create_index(collection, index)):
            raise DocumentsError(
                f"collection {collection.name}: index {index.name} is there with other fields; give the new one a new name"
            )
    return collection.name in there and all(f"{collection.name}.{index.name}" in there for index in collection.indexes)


def indexes(connection: sqlite3.Connection, collection: Collection) -> set[str] | None:
    """The names of the indexes that a collection has; None when it isn't there."""
    there = _definitions(connection, collection)
    return {name.removeprefix(f"{collection.name}.") for name in there} if collection.name in there else None


def create(connection: sqlite3.Connection, collection: Collection) -> None:
    """Add what is missing, and index the documents that are there; in the caller's transaction, so that it is all there or none of it.

    Raises:
        DuplicateKey: documents that are there break a new unique index.
    """
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {LAYOUT}")
    there = _definitions(connection, collection)
    if collection.name not in there:
        connection.execute(
            f"CREATE TABLE {quoted(collection.name)} "
            "(_key TEXT NOT NULL UNIQUE, _version INTEGER NOT NULL, _write BLOB NOT NULL, _body BLOB NOT NULL)"
        )
    _add_columns(connection, collection)
    for index in collection.indexes:
        if f"{collection.name}.{index.name}" not in there:
            if index.many:
                make_entries(connection, collection, index)
            try:
                connection.execute(_create_index(collection, index))
            except sqlite3.IntegrityError as error:
                raise DuplicateKey(collection.name, index.name) from error


def load(connection: sqlite3.Connection, collection: Collection) -> Table:
    """The table as it stands."""
    unique: dict[tuple[str, ...], str] = {}
    for _, name, is_unique, *_ in connection.execute(f"PRAGMA index_list({quoted(collection.name)})").fetchall():
        if is_unique:
            columns = tuple(column for _, _, column in connection.execute(f"PRAGMA index_info({quoted(name)})").fetchall())
            if columns != ("_key",):
                unique[columns] = name.removeprefix(f"{collection.name}.")
    return Table(collection, _fields(connection, collection), unique)


def _fields(connection: sqlite3.Connection, collection: Collection) -> tuple[str, ...]:
    columns = [row[1] for row in connection.execute(f"PRAGMA table_info({quoted(collection.name)})").fetchall()]
    return tuple(column for column in columns if not column.startswith("_") or column.startswith(EACH))


def _definitions(connection: sqlite3.Connection, collection: Collection) -> dict[str, str]:
    rows = connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE (tbl_name = ?1 OR tbl_name GLOB ?1 || '.*') AND sql IS NOT NULL", (collection.name,)
    ).fetchall()
    return dict(rows)


def _create_index(collection: Collection, index: Index) -> str:
    """The key comes last in each index that isn't unique, so that pages come out sorted."""
    columns = ", ".join([quoted(field) for field in index.fields] + ([] if index.unique else ["_key"]))
    condition = " AND ".join(f"{quoted(field)} IS NOT NULL" for field in present(index))
    unique = "UNIQUE " if index.unique else ""
    table = entries_of(collection, index) if index.many else quoted(collection.name)
    return f"CREATE {unique}INDEX {index_name(collection, index)} ON {table} ({columns})" + (f" WHERE {condition}" if condition else "")


def _add_columns(connection: sqlite3.Connection, collection: Collection) -> None:
    there = _fields(connection, collection)
    declared = {EACH + field if field == index.many else field for index in collection.indexes for field in index.fields}
    fields = sorted(declared - set(there))
    if not fields:
        return
    for field in fields:
        connection.execute(f"ALTER TABLE {quoted(collection.name)} ADD COLUMN {quoted(field)}")
    assignments = ", ".join(f"{quoted(field)} = ?" for field in fields)
    fill = f"UPDATE {quoted(collection.name)} SET {assignments} WHERE rowid = ?"  # noqa: S608 - names were checked
    last = -1
    while rows := connection.execute(
        f"SELECT rowid, _key, _body FROM {quoted(collection.name)} WHERE rowid > ? ORDER BY rowid LIMIT {BACKFILL_ROWS}",  # noqa: S608
        (last,),
    ).fetchall():
        connection.executemany(fill, [(*_backfilled(collection, fields, key, data), rowid) for rowid, key, data in rows])
        last = rows[-1][0]


def _backfilled(collection: Collection, fields: Sequence[str], key: str, data: bytes) -> list[IndexValue]:
    body = body_of(data)
    try:
        return [_column(body, field) for field in fields]
    except InvalidDocument as error:
        raise DocumentsError(f"collection {collection.name}: document {key}: {error}; migrate it before it is indexed") from error


def _column(body: Mapping[str, object], column: str) -> IndexValue:
    """What a column holds of a body; raises InvalidDocument."""
    if not column.startswith(EACH):
        return index_value(body, column)
    elements = index_elements(body, column.removeprefix(EACH))
    return msgspec.json.encode(elements).decode() if elements else None
