"""Fields of stored documents with their types: what isn't as expected was written by something else, or damaged."""

from collections.abc import Mapping
from typing import TypeVar

from quietzone_kit.documents import Value

T = TypeVar("T", int, str, bytes, bool)


class MalformedDocument(Exception):
    """A stored document lacks a field, or has one of another type; restore it from a backup."""


def field(body: Mapping[str, Value], name: str, kind: type[T]) -> T:
    """Field `name` of a body; raises MalformedDocument."""
    value = body.get(name)
    if not isinstance(value, kind):
        raise MalformedDocument(f"field {name} is {value!r:.100}, expected {kind.__name__}; restore the document from a backup")
    return value


def entries(body: Mapping[str, Value], name: str) -> Mapping[str, Mapping[str, Value]]:
    """A field that holds bodies by name; raises MalformedDocument."""
    found: dict[str, Mapping[str, Value]] = {}
    value = body.get(name)
    if not isinstance(value, dict):
        raise MalformedDocument(f"field {name} is {value!r:.100}, expected entries by name; restore the document from a backup")
    for key, entry in value.items():
        if not isinstance(entry, dict):
            raise MalformedDocument(f"entry {key} of field {name} is {entry!r:.100}; restore the document from a backup")
        found[key] = entry
    return found
