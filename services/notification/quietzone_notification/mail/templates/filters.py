"""What templates may do with a value: little, and nothing that makes much of little. Pure.

Each filter names its cost in steps, beside that of its value, before it does anything: a separator times a list is how a short template
would fill the memory.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from jinja2.runtime import Undefined

SCALE = 10
"""Quoting takes ten times as long for a character as anything else here."""


class TooMuch(Exception):
    """It would take too long, or too much room: says what would do."""


def _free(*_given: object) -> int:
    return 0


@dataclass(frozen=True, slots=True)
class Weighed:
    """A filter, and the `cost` of it; `takes_nothing`: it can do with a name that leads nowhere."""

    function: Callable[..., object]
    cost: Callable[..., int] = _free
    takes_nothing: bool = False


def _default(value: object, instead: object = "") -> object:
    return instead if isinstance(value, Undefined) or value is None else value


def _join(value: object, between: object = ", ") -> str:
    return _plain(between).join(_plain(each) for each in _list(value))


def _join_cost(value: object, between: object = ", ") -> int:
    """Of texts within a list too: a list may have the same long text many times."""
    values = _list(value)
    return sum(len(each) for each in values if isinstance(each, str)) // 100 + len(values) * (1 + len(_plain(between)) // 100)


def _truncate(value: object, most: object = 80) -> str:
    if type(most) is not int or not 1 <= most <= 100_000:
        raise TypeError("truncate takes 1 to 100,000 characters")
    text = _text(value)
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def _items(value: object) -> list[object]:
    if not isinstance(value, Mapping):
        raise TypeError("items is for an object")
    return [[name, each] for name, each in value.items()]


def _length(value: object) -> int:
    if not isinstance(value, str | list | Mapping):
        raise TypeError("only texts, lists and objects have a length")
    return len(value)


def _number(value: object, digits: object = 0) -> str:
    """A number as people read it: 1,234,567.8."""
    if isinstance(value, bool) or not isinstance(value, int | float) or type(digits) is not int or not 0 <= digits <= 10:
        raise TypeError("number takes a number, and 0 to 10 digits")
    if abs(value) >= 1e15:
        return str(value)
    return f"{value:,.{digits}f}"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


def _json_cost(value: object) -> int:
    """Of all that is within; what is deep has been refused before."""
    level, size = [value], 0
    while level:
        size += sum(1 + (len(each) // 100 if isinstance(each, str) else 0) for each in level)
        level = [inner for each in level for inner in _within(each)]
    return size


def _within(value: object) -> list[object]:
    if isinstance(value, Mapping):
        return list(value.values())
    return list(value) if isinstance(value, list) else []


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("this filter is for texts")
    return value


def _plain(value: object) -> str:
    if not isinstance(value, str | int | float):
        raise TypeError("only texts and numbers can be joined")
    return str(value)


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise TypeError("this filter is for lists")
    return value


FILTERS: Mapping[str, Weighed] = {
    "default": Weighed(_default, takes_nothing=True),
    "first": Weighed(lambda value: _list(value)[0]),
    "items": Weighed(_items),
    "join": Weighed(_join, _join_cost),
    "json": Weighed(_json, _json_cost),
    "last": Weighed(lambda value: _list(value)[-1]),
    "length": Weighed(_length),
    "lines": Weighed(lambda value: list(_text(value).splitlines())),
    "lower": Weighed(lambda value: _text(value).lower()),
    "number": Weighed(_number),
    "trim": Weighed(lambda value: _text(value).strip()),
    "truncate": Weighed(_truncate),
    "upper": Weighed(lambda value: _text(value).upper()),
    "urlencode": Weighed(lambda value: quote(_text(value), safe=""), lambda value: SCALE * len(_text(value)) // 100),
}
