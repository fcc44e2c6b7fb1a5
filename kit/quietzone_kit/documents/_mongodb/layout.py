"""A database as a store: a marker, collections, indexes.

The marker names the part whose store it is, and the collections that are ours. A database that holds others, or has no marker and isn't
empty, is somebody's else.

A unique index ends with `lacks.<index>`, which only documents that aren't in the index have, each with its own key: so they differ.
MongoDB leaves them out by the filter anyway; mongo-java-server ignores filters.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from pymongo import UpdateOne
from pymongo.errors import CollectionInvalid, DuplicateKeyError, OperationFailure

from quietzone_kit.documents import Claim, Collection, DocumentsError, DuplicateKey, Index, InvalidDocument
from quietzone_kit.documents._bodies import index_elements
from quietzone_kit.documents._declared import lacks, present
from quietzone_kit.documents._mongodb.client import Database, Rows
from quietzone_kit.documents._mongodb.forms import Row, Shape, stored

MARKER = "_quietzone"  # no collection of ours can have this name
LAYOUT = 1  # of documents and indexes; a store of a newer layout is refused
BACKFILL_ROWS = 500  # documents that one command marks while a unique index is added: 20 ms in the server

_NAMESPACE_EXISTS = 48
_OTHER_INDEX = frozenset({85, 86})  # IndexOptionsConflict, IndexKeySpecsConflict


async def take(database: Database, collections: Sequence[Collection], claim: Claim, shown: str) -> None:
    """Mark an empty database as ours, and note the collections. `shown` is its URL for messages.

    Raises:
        DocumentsError: it holds somebody else's collections, those of another part, or of a newer release.
    """
    there = {name for name in await database.list_collection_names() if not name.startswith("system.")}
    marker = await database[MARKER].find_one({"_id": "store"}) or {"layout": LAYOUT, "collections": []}
    claim.check(shown, owner=marker.get("owner", ""), is_empty=not there)
    if not isinstance(marker.get("layout"), int) or marker["layout"] > LAYOUT:
        raise DocumentsError(
            f"{shown}: its marker is not one of this release (layout {marker.get('layout')!r}, this one knows "
            f"{LAYOUT}): start the release that wrote it, or name an empty database"
        )
    # listed before the marker is read, and noted before they are made: ours are all in it, also while others make some
    if others := sorted(there - {MARKER} - set(marker["collections"])):
        raise DocumentsError(f"{shown} holds what isn't this store's ({', '.join(others[:3])}): name an empty database")
    await _note(database, [collection.name for collection in collections])
    if claim.owner and "owner" not in marker:
        await database[MARKER].update_one({"_id": "store", "owner": {"$exists": False}}, {"$set": {"owner": claim.owner}})
        marker = await database[MARKER].find_one({"_id": "store"}) or {}
        claim.check(shown, owner=marker.get("owner", ""), is_empty=False)  # another part may have been quicker


async def build(database: Database, collection: Collection) -> None:
    """Make what is missing of a collection.

    Raises:
        DuplicateKey: documents that are there break a new unique index.
        DocumentsError: an index is there with other fields, or documents can't be indexed.
    """
    rows = database[collection.name]
    await _make(database, collection)
    there = {each["name"]: each for each in await rows.list_indexes().to_list(None)}
    for index in collection.indexes:
        definition = there.get(index.name)
        if definition is None:
            await _add(rows, collection, index)
        elif not _means(definition, index):
            raise _other_fields(collection, index)


async def missing(database: Database, collections: Sequence[Collection]) -> list[str]:
    """What isn't there of these collections, in words."""
    there = set(await database.list_collection_names())
    found: list[str] = []
    for collection in collections:
        is_there = collection.name in there
        indexes = {each["name"] for each in await database[collection.name].list_indexes().to_list(None)} if is_there else None
        found += lacks(collection, indexes)
    return found


async def shape_of(database: Database, collection: Collection) -> Shape:
    """The collection as it stands."""
    unique: dict[str, tuple[str, ...]] = {}
    fields: set[str] = set()
    lists: set[str] = set()
    for each in await database[collection.name].list_indexes().to_list(None):
        indexed = tuple(name.removeprefix("body.") for name in each["key"] if name.startswith("body."))
        fields.update(indexed)
        lists.update(name.removeprefix("many.") for name in each["key"] if name.startswith("many."))
        if each.get("unique"):
            unique[each["name"]] = indexed
    return Shape(tuple(sorted(fields)), unique, tuple(sorted(lists)))


def path(index: Index, field: str) -> str:
    """Where a field is that an index holds."""
    return f"many.{field}" if field == index.many else f"body.{field}"


def keys(index: Index) -> list[tuple[str, int]]:
    """An index's fields as MongoDB has them; the key comes last, so that pages come out sorted."""
    last = f"lacks.{index.name}" if index.unique else "_id"
    return [*((path(index, field), 1) for field in index.fields), (last, 1)]


def _filter(index: Index) -> Row:
    return {path(index, field): {"$exists": True} for field in present(index)}


def _means(definition: Mapping[str, Any], index: Index) -> bool:
    """Whether an index that is there is the one that is declared."""
    return (
        list(definition["key"]) == [name for name, _ in keys(index)]
        and bool(definition.get("unique")) == index.unique
        and definition.get("partialFilterExpression", {}) == _filter(index)
    )


async def _note(database: Database, names: Sequence[str]) -> None:
    change = {"$setOnInsert": {"layout": LAYOUT}, "$addToSet": {"collections": {"$each": list(names)}}}
    try:
        await database[MARKER].update_one({"_id": "store"}, change, upsert=True)
    except DuplicateKeyError:  # another process has made it in this moment: it is there now
        await database[MARKER].update_one({"_id": "store"}, change, upsert=True)


async def _make(database: Database, collection: Collection) -> None:
    try:
        await database.create_collection(collection.name)
    except CollectionInvalid:
        pass
    except OperationFailure as error:
        if error.code != _NAMESPACE_EXISTS:
            raise


async def _add(rows: Rows, collection: Collection, index: Index) -> None:
    await _check_values(rows, collection, index)
    if index.unique:
        await _mark_lacking(rows, index)
    if index.many:
        await _copy_lists(rows, collection, index.many)
    options: Row = {"partialFilterExpression": _filter(index)} if present(index) else {}
    async with _explained(collection, index):
        await rows.create_index(keys(index), name=index.name, unique=index.unique, **options)


@asynccontextmanager
async def _explained(collection: Collection, index: Index) -> AsyncIterator[None]:
    try:
        yield
    except DuplicateKeyError as error:
        raise DuplicateKey(collection.name, index.name) from error
    except OperationFailure as error:
        if error.code in _OTHER_INDEX:
            raise _other_fields(collection, index) from error
        raise


async def _check_values(rows: Rows, collection: Collection, index: Index) -> None:
    """Raise DocumentsError if a document has a value that no index takes: an array would count as many."""
    for field in (each for each in index.fields if each != index.many):
        unfit = {"$exists": True, "$not": {"$type": ["int", "long", "string"]}}
        if (found := await rows.find_one({f"body.{field}": unfit}, {"_id": 1})) is not None:
            raise DocumentsError(
                f"collection {collection.name}: document {found['_id']}: field {field} is indexed, so it must be an int, a str or absent; "
                "migrate it before it is indexed"
            )


async def _mark_lacking(rows: Rows, index: Index) -> None:
    lacking: Row = {"$or": [{f"body.{field}": None} for field in index.fields], f"lacks.{index.name}": None}
    while found := await rows.find(lacking, {"_id": 1}).limit(BACKFILL_ROWS).to_list(None):
        await rows.bulk_write([UpdateOne({"_id": each["_id"]}, {"$set": {f"lacks.{index.name}": each["_id"]}}) for each in found])


async def _copy_lists(rows: Rows, collection: Collection, field: str) -> None:
    """Give documents the list that is indexed; raises DocumentsError if one of them has what no index takes."""
    left: Row = {f"body.{field}": {"$exists": True}, f"many.{field}": {"$exists": False}}
    while found := await rows.find(left).limit(BACKFILL_ROWS).to_list(None):
        try:
            lists = {each["_id"]: index_elements(stored(each).body, field) for each in found}
        except InvalidDocument as error:
            raise DocumentsError(f"collection {collection.name}: {error}; migrate it before it is indexed") from error
        # only as it was read: who writes it meanwhile keeps the list that it has then, or leaves it to the next turn
        same = [({"_id": each["_id"], "write": each["write"]}, {"$set": {f"many.{field}": lists[each["_id"]]}}) for each in found]
        await rows.bulk_write([UpdateOne(condition, change) for condition, change in same])


def _other_fields(collection: Collection, index: Index) -> DocumentsError:
    return DocumentsError(f"collection {collection.name}: index {index.name} is there with other fields; give the new one a new name")
