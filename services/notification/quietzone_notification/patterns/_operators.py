"""From one member of a field's array to a test. Reasons are worded as AWS's engine words them (JsonRuleCompiler of event-ruler)."""

import math
from collections.abc import Callable
from decimal import Decimal
from typing import TypeGuard

from quietzone_notification.patterns._addresses import read_address, read_network
from quietzone_notification.patterns._errors import InvalidPattern
from quietzone_notification.patterns._json import Pairs
from quietzone_notification.patterns._numbers import Number, Uncomparable, comparable
from quietzone_notification.patterns._values import (
    AddressIs,
    AnythingBut,
    Cidr,
    Equals,
    Exists,
    Folded,
    Literal,
    Prefix,
    Range,
    Suffix,
    Test,
    Text,
    Wildcard,
    fold,
    shown,
)
from quietzone_notification.patterns._wildcards import read_wildcard

_ONE_KEY = "Only one key allowed in match expression"
IGNORE_CASE = "equals-ignore-case"


def read_test(value: object, where: str) -> Test | None:
    """The test that a member of a field's array says; None for `{"exists": false}`, which is no test of a value.

    Raises:
        InvalidPattern: with `where` and the reason.
    """
    if isinstance(value, str):
        address = read_address(value)
        return Text(value) if address is None else AddressIs(address, value)
    if isinstance(value, Pairs):
        return _read_expression(value, where)
    if _is_number(value):
        return Equals(comparable(value))
    if value is None or isinstance(value, bool):
        return Literal(value)
    raise InvalidPattern(where, "Match value must be String, number, true, false, or null")


def _read_expression(pairs: Pairs, where: str) -> Test | None:
    if not pairs:
        raise InvalidPattern(where, "Match expression name not found")
    operator, value = pairs[0]
    if operator == "exists":
        return _exists(pairs, where)
    read = _OPERATORS.get(operator)
    if read is None:
        raise InvalidPattern(where, f"Unrecognized match type {operator}")
    test = read(value, where)
    if len(pairs) > 1:
        raise InvalidPattern(where, _ONE_KEY)
    return test


def _exists(pairs: Pairs, where: str) -> Test | None:
    value = pairs[0][1]
    if not isinstance(value, bool):
        raise InvalidPattern(where, "exists match pattern must be either true or false.")
    if len(pairs) > 1:
        raise InvalidPattern(where, _ONE_KEY)
    return Exists() if value else None


def _exactly(value: object, where: str) -> Test:
    return Text(_text(value, where, "exact match pattern must be a string"))


def _prefix(value: object, where: str) -> Test:
    return _affix("prefix", value, where) or Prefix(_text(value, where, "prefix match pattern must be a string"))


def _suffix(value: object, where: str) -> Test:
    return _affix("suffix", value, where) or Suffix(_text(value, where, "suffix match pattern must be a string"))


def _affix(part: str, value: object, where: str) -> Test | None:
    """`{"prefix": {"equals-ignore-case": …}}`, else None."""
    if not isinstance(value, Pairs):
        return None
    if not value:
        raise InvalidPattern(where, f"{part.capitalize()} expression name not found")
    if value[0][0] != IGNORE_CASE:
        raise InvalidPattern(where, f"Unsupported {part} pattern: {value[0][0]}")
    test = _folded(value[0][1], where, part)
    if len(value) > 1:
        raise InvalidPattern(where, _ONE_KEY)
    return test


def _ignore_case(value: object, where: str) -> Test:
    return _folded(value, where, "all")


def _folded(value: object, where: str, part: str) -> Folded:
    text = _text(value, where, f"{IGNORE_CASE} match pattern must be a string")
    return Folded(part, fold(text), text)


def _wildcard(value: object, where: str) -> Test:
    text = _text(value, where, "wildcard match pattern must be a string")
    try:
        return Wildcard(read_wildcard(text), text)
    except ValueError as error:
        raise InvalidPattern(where, str(error)) from None


def _cidr(value: object, where: str) -> Test:
    text = _text(value, where, "cidr match pattern must be a string")
    try:
        return Cidr(read_network(text), text)
    except ValueError as error:
        raise InvalidPattern(where, str(error)) from None


def _numeric(value: object, where: str) -> Test:
    """`["=", n]`, one bound, or a lower bound and then an upper one."""
    if not isinstance(value, list):
        raise InvalidPattern(where, "Value of numeric must be an array.")
    if not value or not isinstance(value[0], str):
        raise InvalidPattern(where, f"Invalid member in numeric match: {shown(value[0]) if value else ']'}")
    operator = value[0]
    if operator not in ("=", "<", "<=", ">", ">="):
        raise InvalidPattern(where, f"Unrecognized numeric range operator: {operator}")
    number = _bound(value, 1, where, "equals" if operator == "=" else operator)
    if operator in (">", ">=") and len(value) > 2:
        return _between(value, number, where)
    if len(value) > 2:
        raise InvalidPattern(where, "Too many elements in numeric expression")
    if operator == "=":
        return Equals(number)
    written = shown({"numeric": value})
    if operator in ("<", "<="):
        return Range(-math.inf, number if operator == "<=" else math.nextafter(number, -math.inf), written)
    return Range(_lower(operator, number), math.inf, written)


def _between(value: list[object], low: float, where: str) -> Test:
    if not isinstance(value[2], str):
        raise InvalidPattern(where, f"Bad value in numeric range: {shown(value[2])}")
    if value[2] not in ("<", "<="):
        raise InvalidPattern(where, f"Bad numeric range operator: {value[2]}")
    high = _bound(value, 3, where, value[2])
    if len(value) > 4:
        raise InvalidPattern(where, "Too many terms in numeric range expression")
    if low >= high:
        raise InvalidPattern(where, "Bottom must be less than top")
    top = high if value[2] == "<=" else math.nextafter(high, -math.inf)
    return Range(_lower(str(value[0]), low), top, shown({"numeric": value}))


def _lower(operator: str, number: float) -> float:
    return number if operator == ">=" else math.nextafter(number, math.inf)


def _bound(value: list[object], at: int, where: str, name: str) -> float:
    number = value[at] if len(value) > at else None
    if not _is_number(number):
        raise InvalidPattern(where, f"Value of {name} must be numeric")
    return _comparable(number, where)


def _anything_but(value: object, where: str) -> Test:
    written = shown({"anything-but": _plain(value)})
    if isinstance(value, Pairs):
        return AnythingBut(frozenset(), _excluded(value, where), written)
    if not (isinstance(value, list | str) or _is_number(value)):
        raise InvalidPattern(where, "Value of anything-but must be an array or single string/number value.")
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(each, str) or _is_number(each) for each in values):
        raise InvalidPattern(where, "Inside anything but list, start|null|boolean is not supported.")
    if len({isinstance(each, str) for each in values}) != 1:
        raise InvalidPattern(where, "Inside anything but list, either all values are number or string, mixed type is not supported")
    excluded: frozenset[str | Number] = frozenset(each if isinstance(each, str) else _comparable(each, where) for each in values)
    return AnythingBut(excluded, (), written)


def _excluded(pairs: Pairs, where: str) -> tuple[Test, ...]:
    """The tests of `{"prefix": …}` and its like within anything-but: of one text or of a list of texts."""
    if not pairs:
        raise InvalidPattern(where, "Anything-But expression name not found")
    operator, value = pairs[0]
    if operator not in ("prefix", "suffix", IGNORE_CASE, "wildcard"):
        raise InvalidPattern(where, f"Unsupported anything-but pattern: {operator}")
    if isinstance(value, Pairs):
        raise InvalidPattern(where, "Value of anything-but must be an array or single string/number value.")
    if operator in ("prefix", "suffix"):
        reason = "prefix/suffix match pattern must be a string"
    elif operator == "wildcard":
        reason = "wildcard match pattern must be a string"
    else:
        reason = "Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported."
    texts = [_text(each, where, reason) for each in (value if isinstance(value, list) else [value])]
    if not texts or (operator in ("prefix", "suffix") and "" in texts):
        raise InvalidPattern(where, "Null prefix/suffix not allowed" if texts else "Empty arrays are not allowed")
    if len(pairs) > 1:
        raise InvalidPattern(where, _ONE_KEY)
    return tuple(_OPERATORS[operator](text, where) for text in dict.fromkeys(texts))


def _text(value: object, where: str, reason: str) -> str:
    if not isinstance(value, str):
        raise InvalidPattern(where, reason)
    return value


def _is_number(value: object) -> TypeGuard[int | float | Decimal]:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _comparable(number: float | Decimal, where: str) -> int | float:
    compared = comparable(number)
    if isinstance(compared, Uncomparable):
        raise InvalidPattern(where, f"Cannot compare number : {number}")
    return compared


def _plain(value: object) -> object:
    """As `json` writes it."""
    return dict(value) if isinstance(value, Pairs) else value


_OPERATORS: dict[str, Callable[[object, str], Test]] = {
    "exactly": _exactly,
    "prefix": _prefix,
    "suffix": _suffix,
    IGNORE_CASE: _ignore_case,
    "wildcard": _wildcard,
    "cidr": _cidr,
    "numeric": _numeric,
    "anything-but": _anything_but,
}
