"""Bodies as bytes: what a document may hold, checked the same for every adapter, and one deterministic encoding (MessagePack)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, cast

import msgspec

from quietzone_kit.documents import MAX_BODY_BYTES, MAX_ELEMENTS, MAX_ITEMS, Body, Collection, InvalidDocument, Put, Value

IndexValue: TypeAlias = int | str | None
"""What an index sees of a document: None when it lacks the field."""

MAX_KEY_CHARACTERS = 200
MIN_INT, MAX_INT = -(2**63), 2**63 - 1
MAX_DEPTH = 100  # as MongoDB has it; it also keeps the check's recursion far from Python's limit of 1,000

_PLAIN = frozenset({str, bytes, float, bool, type(None)})
_encode = msgspec.msgpack.Encoder(order="deterministic").encode
_decode = msgspec.msgpack.Decoder(dict[str, object]).decode


@dataclass(frozen=True, slots=True)
class Document:
    """A body that was checked: its key, its top level as it was at that moment, and its bytes."""

    key: str
    body: Body
    data: bytes


def document(collection: Collection, body: Body) -> Document:
    """Check and encode a body.

    Raises:
        InvalidDocument: names the field and what would do.
    """
    key = body.get(collection.key)
    if not is_key(key):
        raise InvalidDocument(
            f"collection {collection.name}: the key {collection.key} must be a str of 1 to {MAX_KEY_CHARACTERS} characters"
        )
    top = dict(body)
    for name, value in top.items():
        if type(name) is not str:
            raise InvalidDocument(f"collection {collection.name}: the name {name!r} of a field is not a str")
        _check(value, name, 1)
    return Document(cast("str", key), top, _to_bytes(collection, top))


def documents(collection: Collection, puts: Sequence[Put]) -> list[tuple[Document, int | None]]:
    """The checked bodies of a bulk, each with the version that it replaces.

    Raises:
        InvalidDocument: one of them can't be stored; nothing was written.
        ValueError: a key is there twice, or there are too many.
    """
    check_count(len(puts))
    for put in puts:
        check_version(put.if_version)
    checked = [(document(collection, put.body), put.if_version) for put in puts]
    if len({each.key for each, _ in checked}) < len(checked):
        raise ValueError(f"collection {collection.name}: a bulk has each key once")
    return checked


def body_of(data: bytes) -> dict[str, Value]:
    """The body that `document` made these bytes of."""
    return cast("dict[str, Value]", _decode(data))


def is_key(key: object) -> bool:
    """Whether a document can have this key."""
    if type(key) is not str or not 1 <= len(key) <= MAX_KEY_CHARACTERS or "\0" in key:
        return False
    try:
        key.encode()
    except UnicodeEncodeError:  # half of a surrogate pair: not a character
        return False
    return True


def index_value(body: Mapping[str, object], field: str) -> IndexValue:
    """What an index sees of a field; None counts as absent.

    Raises:
        InvalidDocument: it is of a type that can't be indexed.
    """
    value = body.get(field)
    if value is None or type(value) is int or type(value) is str:
        return value
    raise InvalidDocument(f"field {field}: it is indexed, so it must be an int, a str or absent, not {type(value).__name__}")


def index_elements(body: Mapping[str, object], field: str) -> list[str]:
    """What an index sees of a field that is a list to it; None counts as absent.

    Raises:
        InvalidDocument: it is something else, or has too many elements.
    """
    value = body.get(field)
    if value is None:
        return []
    if type(value) is not list or len(value) > MAX_ELEMENTS or not all(map(is_key, value)):
        raise InvalidDocument(
            f"field {field}: its elements are indexed, so it must be absent or a list of at most {MAX_ELEMENTS} str, "
            f"each of 1 to {MAX_KEY_CHARACTERS} characters"
        )
    return value


def incremented(collection: Collection, body: Body, field: str, by: int) -> Document:
    """A document with `by` added to a number in it; an absent number is 0.

    Raises:
        InvalidDocument: the field isn't a number, is the key, or the sum doesn't fit into 64 bits.
    """
    number = body.get(field, 0)
    if type(number) is not int and type(number) is not float:
        raise InvalidDocument(f"field {field}: only a number can be incremented, not {type(number).__name__}")
    return document(collection, {**body, field: number + by})


def check_count(count: int) -> None:
    """Refuse more than MAX_ITEMS at once.

    Raises:
        ValueError: there are more.
    """
    if count > MAX_ITEMS:
        raise ValueError(f"at most {MAX_ITEMS:,} documents at once, not {count:,}: cut it into parts")


def check_version(version: int | None) -> None:
    """Refuse a version that no document can have.

    Raises:
        ValueError: it doesn't fit into 64 bits.
    """
    if version is not None and not MIN_INT <= version <= MAX_INT:
        raise ValueError(f"a version has 64 bits, {version} has more: pass on what was read")


def _check(value: object, field: str, depth: int) -> None:
    """Raise InvalidDocument unless every adapter can store `value`; types are exact, since a subclass would come back as its base."""
    kind = type(value)
    if kind in _PLAIN:
        return
    if kind is int:
        if not MIN_INT <= cast("int", value) <= MAX_INT:
            raise InvalidDocument(f"field {field}: {value} doesn't fit into 64 bits; store it as a str or bytes")
        return
    if depth > MAX_DEPTH:
        raise InvalidDocument(f"field {field}: it is nested more than {MAX_DEPTH} deep")
    for item in _items(value, field):
        _check(item, field, depth + 1)


def _items(value: object, field: str) -> Iterable[object]:
    if type(value) is list:
        return value
    if type(value) is not dict:
        raise InvalidDocument(
            f"field {field}: {type(value).__name__} can't be stored; use bool, int, float, str, bytes, list, dict or None"
        )
    for name in value:
        if type(name) is not str:
            raise InvalidDocument(f"field {field}: the name {name!r} in it is not a str")
    return value.values()


def _to_bytes(collection: Collection, body: Body) -> bytes:
    try:
        data = _encode(body)
    except UnicodeEncodeError as error:
        raise InvalidDocument(f"collection {collection.name}: a str has half of a surrogate pair, which is no character") from error
    if len(data) > MAX_BODY_BYTES:
        raise InvalidDocument(f"collection {collection.name}: {len(data):,} bytes, and a document has at most {MAX_BODY_BYTES:,}")
    return data
