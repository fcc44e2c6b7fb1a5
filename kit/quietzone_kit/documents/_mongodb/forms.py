"""Documents as MongoDB holds them.

::

    {_id: key, version: 3, write: <write id>, body: {slug: "menu", …}, none: ["title"], lacks: {by_slug: key}, many: {tags: ["a", "b"]}}

A body's top level is MongoDB's own values, so that its indexes see them and people can read them. What is nested, whose names and
depth MongoDB would not all take, is `{msgpack: <bytes>}`; nothing else in a body is ever a document. A field that is None is named in
`none` and absent from `body`, for that is how indexes count it. `lacks` has an entry for each unique index that the document is not in
(see `layout`). `many` has the lists whose elements are indexed once more, as MongoDB's own. It isn't in `body`, where a release that
knows of no such lists would refuse to index one; but that one's writes take it away, so whoever comes after it writes all documents
again (`Migration.rewrite`).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, cast
from urllib.parse import unquote

import msgspec
from bson import Int64

from quietzone_kit.documents import Body, Stored, Value
from quietzone_kit.documents._bodies import Document

Row: TypeAlias = dict[str, Any]
"""A document of MongoDB's."""

_NESTED = "msgpack"
_UNUSUAL = re.compile(r"[.$%\0]")
_EMPTY = "%"  # no escaped name is a % alone
_encode = msgspec.msgpack.Encoder(order="deterministic").encode
_decode = msgspec.msgpack.Decoder().decode


@dataclass(frozen=True, slots=True)
class Shape:
    """A collection as it stands: the fields that its indexes hold, those of each unique index, and those that are lists to an index.

    A newer release may have added some.
    """

    fields: tuple[str, ...]
    unique: Mapping[str, tuple[str, ...]]
    lists: tuple[str, ...]


def row(document: Document, version: int, write_id: bytes, shape: Shape) -> Row:
    """A document of a collection with its version."""
    made: Row = {"_id": document.key, "version": version, "write": write_id, "body": {}}
    made["body"] = {_name(name): _kept(value) for name, value in document.body.items() if value is not None}
    if none := [_name(name) for name, value in document.body.items() if value is None]:
        made["none"] = none
    if lacks := {index: document.key for index, fields in shape.unique.items() if _is_without(document.body, fields)}:
        made["lacks"] = lacks
    if many := {field: elements for field in shape.lists if (elements := document.body.get(field))}:
        made["many"] = many
    return made


def stored(found: Row) -> Stored:
    """What `row` made of a document, undone."""
    body: dict[str, Value] = {_original(name): _given(value) for name, value in found["body"].items()}
    body.update(dict.fromkeys(map(_original, found.get("none", ()))))
    return Stored(body, int(found["version"]))


def _is_without(body: Body, fields: Iterable[str]) -> bool:
    return any(body.get(field) is None for field in fields)


def _kept(value: Value) -> object:
    return {_NESTED: _encode(value)} if isinstance(value, list | dict) else value


def _given(value: object) -> Value:
    if type(value) is Int64:
        return int(value)
    if isinstance(value, dict):
        return cast("Value", _decode(value[_NESTED]))
    return cast("Value", value)


def _name(name: str) -> str:
    """A field's name without what MongoDB gives a meaning, and without NUL."""
    return _UNUSUAL.sub(lambda found: f"%{ord(found[0]):02X}", name) if name else _EMPTY


def _original(name: str) -> str:
    if "%" not in name:
        return name
    return "" if name == _EMPTY else unquote(name)
