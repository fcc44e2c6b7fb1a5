"""Tables of entries: what an index with `many` is over, a row for each different element of each document.

Triggers keep them, from columns of the collection's table. So they are right whoever writes a document: also a process of an older
release, which knows nothing of them and carries a list that it doesn't know along. A change of no column costs them nothing.
"""

import sqlite3

from quietzone_kit.documents import Collection, Index
from quietzone_kit.documents._sqlite.names import index_name, quoted

EACH = "_each_"
"""What the column of a list begins with: releases before there were any pass over columns that begin with `_`."""


def entries_of(collection: Collection, index: Index) -> str:
    """The name in SQL of an index's table of entries."""
    return index_name(collection, index, "entries")


def make_entries(connection: sqlite3.Connection, collection: Collection, index: Index) -> None:
    """Make an index's table of entries with what is there, and have it kept; in the caller's transaction."""
    documents, entries = quoted(collection.name), entries_of(collection, index)
    columns = ", ".join(quoted(field) for field in index.fields)
    connection.execute(f"CREATE TABLE {entries} ({columns}, _key TEXT NOT NULL)")
    connection.execute(f"CREATE INDEX {index_name(collection, index, 'keys')} ON {entries} (_key)")  # what is removed is found by it
    of_all = f"{_rows(index, documents)} FROM {documents}, json_each({documents}.{_list(index)}) AS item"
    connection.execute(f"INSERT INTO {entries} {of_all}")
    add = f"INSERT INTO {entries} {_rows(index, 'NEW')} FROM json_each(NEW.{_list(index)}) AS item;"
    remove = f"DELETE FROM {entries} WHERE _key = OLD._key;"  # noqa: S608
    held = [_list(index), *(quoted(field) for field in index.fields if field != index.many)]
    differs = " OR ".join(f"OLD.{column} IS NOT NEW.{column}" for column in held)
    for event, condition, work in (("INSERT", "", add), ("UPDATE", f"WHEN {differs} ", remove + " " + add), ("DELETE", "", remove)):
        name = index_name(collection, index, event.lower())
        connection.execute(f"CREATE TRIGGER {name} AFTER {event} ON {documents} {condition}BEGIN {work} END")


def _list(index: Index) -> str:
    return quoted(EACH + index.many)


def _rows(index: Index, row: str) -> str:
    """A row of entries for each different element, of `row` with its list as `item`."""
    columns = ", ".join("item.value" if field == index.many else f"{row}.{quoted(field)}" for field in index.fields)
    return f"SELECT DISTINCT {columns}, {row}._key"
