"""JSON within JSON: given as a value, or as a text where every digit and every repeated key matters."""

import json
from decimal import Decimal
from typing import Annotated, Any

from pydantic import Field, JsonValue, PlainValidator, WithJsonSchema

from quietzone_kit.errors import FieldViolation, InvalidInput


def _object_or_text(given: object) -> object:
    if not isinstance(given, dict | str):
        raise ValueError("neither a JSON object nor a text that holds one")  # noqa: TRY004 - pydantic's way to refuse
    return given


def _object_text_or_null(given: object) -> object:
    return None if given is None else _object_or_text(given)


_KINDS = [{"type": "object"}, {"type": "string"}]

# What is within isn't looked at here: it has come as JSON, services read it, and there may be much of it.
ObjectOrText = Annotated[
    dict[str, Any] | str,
    PlainValidator(_object_or_text),
    WithJsonSchema({"anyOf": _KINDS}),
    Field(description="A JSON object; or a text that holds one, which is taken letter by letter"),
]
ObjectTextOrNull = Annotated[
    dict[str, Any] | str | None,
    PlainValidator(_object_text_or_null),
    WithJsonSchema({"anyOf": [*_KINDS, {"type": "null"}]}),
]


class _Differs(Exception):
    """A value would say something else than the text."""


def as_text(given: dict[str, Any] | str, field: str) -> str:
    """What services are told: a text as it is, all else as JSON.

    Raises:
        InvalidInput: `field` has half a character, or is nested beyond what can be written.
    """
    try:
        text = given if isinstance(given, str) else json.dumps(given, ensure_ascii=False, separators=(",", ":"))
        text.encode()
    except RecursionError as error:
        raise InvalidInput(FieldViolation(field, "nested too deeply")) from error
    except UnicodeEncodeError as error:
        raise InvalidInput(FieldViolation(field, "half a character: JSON's \\ud8xx is followed by \\udcxx")) from error
    return text


def as_value(text: str) -> JsonValue:
    """JSON that a service has kept: as a value, or as the text where that would lose digits or repeated keys."""
    try:
        value: JsonValue = json.loads(text, object_pairs_hook=_once_each, parse_float=_exactly)
    except (_Differs, ValueError):  # the latter of whole numbers beyond what Python reads
        return text
    return value


def _once_each(pairs: list[tuple[str, JsonValue]]) -> JsonValue:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _Differs
    return found


def _exactly(text: str) -> float:
    number = float(text)
    if Decimal(repr(number)) != Decimal(text):  # of too large ones repr is inf
        raise _Differs
    return number
