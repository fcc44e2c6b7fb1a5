"""A message's attributes as values that a policy can be held against.

Source: https://docs.aws.amazon.com/sns/latest/dg/sns-message-attributes.html
"""

import json
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import TypeAlias

Attribute: TypeAlias = Mapping[str, object]
"""As publishers write it (`DataType`, `StringValue`) or as subscribers get it (`Type`, `Value`)."""


def values_of(attributes: Mapping[str, Attribute]) -> dict[str, object]:
    """An event of a message's attributes.

    Binary ones are left out, as SNS does, and with them those whose value isn't what the type says: neither exists for a policy.
    A custom label behind a type (`Number.int`) changes nothing.
    """
    event: dict[str, object] = {}
    for name, attribute in attributes.items():
        kind, text = attribute.get("DataType", attribute.get("Type")), attribute.get("StringValue", attribute.get("Value"))
        if not isinstance(kind, str) or not isinstance(text, str | int | float):
            continue
        value = _value(kind, str(text))
        if value is not None:
            event[name] = value
    return event


def _value(kind: str, text: str) -> object:
    """None: there is no such value."""
    if kind == "String.Array":
        return _array(text)
    kind = kind.partition(".")[0]
    if kind == "Number":
        return _number(text)
    return text if kind == "String" else None


def _array(text: str) -> list[object] | None:
    """Texts, numbers, true, false and null of an array."""
    try:
        read: object = json.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError):
        return None
    return [each for each in read if not isinstance(each, list | dict)] if isinstance(read, list) else None


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
