"""What resolvers stand on: the same services as REST, for the caller of one request."""

from dataclasses import dataclass, field
from hashlib import sha256
from typing import TypeAlias

import strawberry

from quietzone_gateway.graphql.loaders import Loaders
from quietzone_gateway.identity import Principal
from quietzone_gateway.plans import Admission
from quietzone_gateway.rest.route import Parts
from quietzone_kit.errors import FieldViolation, InvalidInput
from quietzone_kit.rpc import Caller

MAX_POINTS = 5_000
"""Of all series in one answer: the longest has 2,976, and each point takes 40 µs during which nobody else is answered."""


class Points:
    """How many points an answer has: what a series is long is known only when it is there, so that complexity can't say it."""

    def __init__(self) -> None:
        self._taken = 0

    def take(self, count: int) -> None:
        """Count the points of one more series.

        Raises:
            InvalidInput: they are too many.
        """
        self._taken += count
        if self._taken > MAX_POINTS:
            raise InvalidInput(
                FieldViolation("series", f"more than {MAX_POINTS:,} points in one answer: ask for longer intervals or fewer codes")
            )


@dataclass(frozen=True, slots=True)
class Context:
    """Of one request: `caller` is the principal as services are told of him.

    `request_name` names it to services when it came with an Idempotency-Key.
    """

    parts: Parts
    principal: Principal
    admission: Admission
    caller: Caller
    request_id: str
    loaders: Loaders
    request_name: str | None = None
    points: Points = field(default_factory=Points)

    def name_of(self, *place: object) -> str | None:
        """Names one change of the request to services, by its place in it; None: it came without a key."""
        return None if self.request_name is None else sha256(f"{self.request_name} {place}".encode()).hexdigest()


Info: TypeAlias = strawberry.Info[Context, None]
