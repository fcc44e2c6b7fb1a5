"""JSON texts of patterns and events, read within bounds."""

import json
from typing import NoReturn

from quietzone_notification.patterns._errors import InvalidEvent, InvalidPattern
from quietzone_notification.patterns._numbers import read_number

MAX_PATTERN_CHARACTERS = 4_096  # as EventBridge's PutRule: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html
MAX_PATTERN_DEPTH = 64  # a step of a path is a call when an event is read, and Python has 1,000 of them
MAX_EVENT_BYTES = 262_144  # 256 KB, as PutEvents takes: an event goes through the bus and into a webhook's body whole
MAX_EVENT_DEPTH = 128  # deeper ones are made to exhaust readers; the arrays around a value are compared one by one


class Pairs(tuple[tuple[str, object], ...]):
    """A JSON object as it is written: in its order, repeated keys too."""

    __slots__ = ()


def read_pattern(text: str, *, max_characters: int = MAX_PATTERN_CHARACTERS) -> object:
    """What a pattern's text says; objects are `Pairs`, numbers as `read_number` gives them.

    Raises:
        InvalidPattern: not JSON, or beyond a bound.
    """
    if len(text) > max_characters:
        raise InvalidPattern("", f"it has {len(text):,} characters; the most is {max_characters:,}")
    try:
        read: object = json.loads(text, object_pairs_hook=Pairs, parse_int=read_number, parse_float=read_number, parse_constant=_no_number)
    except RecursionError:
        raise InvalidPattern("", "it is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise InvalidPattern("", f"it isn't JSON: {error.msg} at line {error.lineno}, column {error.colno}") from None
    except ValueError as error:
        raise InvalidPattern("", f"a number can't be read: {error}") from None
    if _depth_over(text, read, MAX_PATTERN_DEPTH):
        raise InvalidPattern("", f"it is nested too deeply; {MAX_PATTERN_DEPTH} levels are the most")
    return read


def read_event(text: str | bytes) -> dict[str, object]:
    """An event of a JSON text. Unlike `json.loads`, it keeps the digits that no double has, as `Decimal`. Of a
    repeated key the last counts.

    Raises:
        InvalidEvent: not a JSON object, or beyond a bound.
    """
    size = len(text) if isinstance(text, bytes) else len(text.encode("utf-8", "surrogatepass"))
    if size > MAX_EVENT_BYTES:
        raise InvalidEvent(f"the event has {size:,} bytes; the most is {MAX_EVENT_BYTES:,}")
    try:
        read: object = json.loads(text, parse_int=read_number, parse_float=read_number, parse_constant=_no_number)
    except RecursionError:
        raise InvalidEvent(f"the event is nested too deeply; {MAX_EVENT_DEPTH} levels are the most") from None
    except ValueError as error:
        raise InvalidEvent(f"the event isn't JSON: {error}") from None
    if not isinstance(read, dict):
        raise InvalidEvent("the event has to be a JSON object")
    if _depth_over(text.decode(errors="replace") if isinstance(text, bytes) else text, read, MAX_EVENT_DEPTH):
        raise InvalidEvent(f"the event is nested too deeply; {MAX_EVENT_DEPTH} levels are the most")
    return read


def _depth_over(text: str, read: object, most: int) -> bool:
    """Whether something is nested deeper than `most`. Hardly any text has as many brackets: only such a one is looked through."""
    if text.count("{") + text.count("[") <= most:
        return False
    level = [read]
    for _ in range(most):
        level = [below for each in level for below in _contents(each)]
    return any(isinstance(each, Pairs | dict | list) for each in level)


def _contents(value: object) -> list[object]:
    if isinstance(value, Pairs):
        return [each for _, each in value]
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"JSON has no {name}")
