"""What a collection declares, and what may be asked of it: checked the same for every adapter."""

import re
from collections.abc import Container

from quietzone_kit.documents import MAX_ITEMS, Collection, Index, Query
from quietzone_kit.documents._bodies import MAX_INT, MIN_INT

_NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")  # SQLite takes a and A for the same column


def check(collection: Collection) -> None:
    """Refuse names that not every adapter can have.

    Raises:
        ValueError: says which name.
    """
    names = [
        collection.name,
        *(index.name for index in collection.indexes),
        *(field for index in collection.indexes for field in index.fields),
    ]
    for name in names:
        if not _NAME.fullmatch(name) or name.startswith("sqlite_"):
            raise ValueError(f"collection {collection.name}: {name!r} must be 1 to 60 of a-z, 0-9 and _, and begin with a letter")

    for index in collection.indexes:
        _check_many(collection, index)


def _check_many(collection: Collection, index: Index) -> None:
    if not index.many:
        return
    if index.many not in index.fields or index.unique:
        raise ValueError(f"collection {collection.name}: index {index.name}: `many` is one of its fields, and it isn't unique")
    if any(index.many in other.fields and index.many != other.many for other in collection.indexes):
        raise ValueError(f"collection {collection.name}: field {index.many} is a list to index {index.name}, so it is one to all indexes")


def present(index: Index) -> tuple[str, ...]:
    """Fields that a document must have to be in the index."""
    if index.unique:
        return index.fields
    return index.fields[-1:] if index.sparse else ()


def lacks(collection: Collection, indexes: Container[str] | None) -> list[str]:
    """What of a collection isn't there, in words; `indexes` are the names of those that are, None without the collection itself."""
    if indexes is None:
        return [f"collection {collection.name}"]
    return [f"index {index.name} of {collection.name}" for index in collection.indexes if index.name not in indexes]


def index_of(collection: Collection, query: Query) -> Index:
    """The index that a query names.

    Raises:
        KeyError: the collection declares no such index.
        ValueError: the index can't answer the query.
    """
    index = next((each for each in collection.indexes if each.name == query.index), None)
    if index is None:
        raise KeyError(f"collection {collection.name} declares no index {query.index}")
    check_limit(query.limit)
    _check_values(index, query)
    ranged = (query.at_least, query.below) != (None, None)
    if len(query.equals) + ranged > len(index.fields):
        raise ValueError(f"index {index.name} has {len(index.fields)} fields, the query asks for more")
    if index.many in index.fields[len(query.equals) :]:
        raise ValueError(f"index {index.name} is asked for one element of {index.many}: give {index.fields.index(index.many) + 1} equals")
    if query.at_least is not None and query.below is not None and type(query.at_least) is not type(query.below):
        raise ValueError(f"index {index.name}: at_least and below must both be int or both be str")
    return index


def check_limit(limit: int) -> None:
    """Raise ValueError unless a page can have this size."""
    if not 1 <= limit <= MAX_ITEMS:
        raise ValueError(f"a page has 1 to {MAX_ITEMS:,} documents, not {limit:,}")


def _check_values(index: Index, query: Query) -> None:
    for value in (*query.equals, query.at_least, query.below):
        if value is None:
            continue
        if type(value) is str:
            value.encode()  # half of a surrogate pair: UnicodeEncodeError is a ValueError
        elif not (type(value) is int and MIN_INT <= value <= MAX_INT):
            raise ValueError(f"index {index.name}: {value!r} is neither a str nor an int of 64 bits")
