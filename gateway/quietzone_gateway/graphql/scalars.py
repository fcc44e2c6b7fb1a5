"""Values of GraphQL that it has no scalar for."""

from collections.abc import Mapping
from typing import NewType

import strawberry
from graphql import GraphQLError
from strawberry.types.scalar import ScalarDefinition

from quietzone_gateway.rest.times import rfc3339

MAX_COUNT = 2**53 - 1
"""What every reader of JSON has exactly (RFC 8259, section 6)."""

DateTime = NewType("DateTime", int)
"""A moment, Unix time in milliseconds."""

Count = NewType("Count", int)


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= MAX_COUNT or value != int(value):
        raise GraphQLError(f"a Count is a whole number from 0 to {MAX_COUNT}")
    return int(value)


def _no_input(_value: object) -> int:
    raise GraphQLError("a DateTime is only ever answered; times in requests are texts")


SCALARS: Mapping[object, ScalarDefinition] = {
    DateTime: strawberry.scalar(
        name="DateTime",
        description="RFC 3339 in UTC with milliseconds: `2026-11-21T09:30:00.125Z`",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339",
        serialize=rfc3339,
        parse_value=_no_input,
    ),
    Count: strawberry.scalar(
        name="Count", description="A whole number from 0 to 2^53 - 1, as a JSON number", serialize=int, parse_value=_count
    ),
}
