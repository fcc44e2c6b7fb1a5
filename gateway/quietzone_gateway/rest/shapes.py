"""What requests and answers have in common."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from quietzone_gateway.rest.times import InvalidTime, start_ms, zone_named
from quietzone_kit.errors import FieldViolation, InvalidInput


def _in_utf8(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"half a character at position {error.start}: JSON's \\ud8xx is followed by \\udcxx") from error
    return text


CODE_ID = "01936b2e-7c1a-7e3f-9d55-0a4f6f1c2b3d"
"""In examples."""

Time = Annotated[str, Field(description="RFC 3339 in UTC with milliseconds", examples=["2026-11-21T09:30:00.125Z"])]

Text = Annotated[str, AfterValidator(_in_utf8)]
"""A text that can be passed on: JSON can hold lone surrogates, UTF-8 can't."""


class Input(BaseModel):
    """What comes from outside: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


def moment_ms(field: str, text: str | None) -> int | None:
    """A time that a caller gave: RFC 3339, or a day in UTC; None where he gave none.

    Raises:
        InvalidInput: it is no time.
    """
    if text is None:
        return None
    try:
        return start_ms(text, zone_named("UTC"))
    except InvalidTime as error:
        raise InvalidInput(FieldViolation(field, str(error))) from error
