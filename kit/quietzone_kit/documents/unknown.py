"""Fields of a stored document that this release doesn't know: another one, which writes the same store, has added them.

A repository makes a value of a body, and a body of a value. What a stored body has and the body of its value hasn't is unknown, on each
level. The next body is written with that beside it:

    unknown = Unknown.of(stored.body, known=body_of(value))
    await documents.replace(collection, unknown.beside(body_of(next_value)), if_version=stored.version)

Where a repository keeps the stored body anyway, and all its fields lie side by side and are never taken away, `{**stored.body, **body}`
does the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from quietzone_kit.documents import Body, Value

_Within: TypeAlias = "Unknown | _Elements"


@dataclass(frozen=True, slots=True)
class Unknown:
    """Unknown `fields` of a body, and those `within` its fields, by name. False when there are none."""

    fields: Mapping[str, Value] = field(default_factory=dict)
    within: Mapping[str, _Within] = field(default_factory=dict)

    @classmethod
    def of(cls, stored: Body, known: Body) -> "Unknown":
        """What `stored` has beside `known`, the body that this release would write in its place.

        A list is looked through if both have as many elements.
        """
        fields = {name: value for name, value in stored.items() if name not in known}
        found = {name: _within(stored[name], value) for name, value in known.items() if name in stored}
        return cls(fields, {name: within for name, within in found.items() if within})

    def beside(self, body: Body) -> dict[str, Value]:
        """`body` with the unknown fields put back: where a body or an element is gone, what was within it is gone too."""
        return {**self.fields, **body, **{name: _put_back(within, body[name]) for name, within in self.within.items() if name in body}}

    def __bool__(self) -> bool:
        return bool(self.fields or self.within)


NOTHING = Unknown()


@dataclass(frozen=True, slots=True)
class _Elements:
    """Unknown fields within elements of a list, each with the element as it is known: it is found again by that, wherever it stands."""

    found: tuple[tuple[Value, _Within], ...]

    def beside(self, elements: list[Value]) -> list[Value]:
        return [next((_put_back(within, each) for known, within in self.found if known == each), each) for each in elements]

    def __bool__(self) -> bool:
        return bool(self.found)


def _within(stored: Value, known: Value) -> _Within:
    if isinstance(stored, dict) and isinstance(known, dict):
        return Unknown.of(stored, known)
    if isinstance(stored, list) and isinstance(known, list) and len(stored) == len(known):
        pairs = ((known_one, _within(one, known_one)) for one, known_one in zip(stored, known, strict=True))
        return _Elements(tuple((known_one, within) for known_one, within in pairs if within))
    return NOTHING


def _put_back(within: _Within, value: Value) -> Value:
    if isinstance(within, Unknown):
        return within.beside(value) if isinstance(value, dict) else value
    return within.beside(value) if isinstance(value, list) else value
