"""JSON within JSON: given as a value, or as a text where every digit and every repeated key matters."""

import json
from typing import Annotated

from pydantic import Field, JsonValue

from quietzone_gateway.rest.shapes import Text

ObjectOrText = Annotated[
    dict[str, JsonValue] | Text,
    Field(description="A JSON object; or a text that holds one, which is taken letter by letter"),
]


def as_text(given: JsonValue) -> str:
    """What services are told: a text as it is, all else as JSON."""
    return given if isinstance(given, str) else json.dumps(given, ensure_ascii=False, separators=(",", ":"))


def as_value(text: str) -> JsonValue:
    """JSON that a service has kept, as a value."""
    value: JsonValue = json.loads(text)
    return value
