"""What resolvers stand on: the same services as REST, for the caller of one request."""

from dataclasses import dataclass
from hashlib import sha256
from typing import TypeAlias

import strawberry

from quietzone_gateway.graphql.loaders import Loaders
from quietzone_gateway.identity import Principal
from quietzone_gateway.rest.route import Parts
from quietzone_kit.rpc import Caller


@dataclass(frozen=True, slots=True)
class Context:
    """Of one request: `caller` is the principal as services are told of him.

    `request_name` names it to services when it came with an Idempotency-Key.
    """

    parts: Parts
    principal: Principal
    caller: Caller
    request_id: str
    loaders: Loaders
    request_name: str | None = None

    def name_of(self, *place: object) -> str | None:
        """Names one change of the request to services, by its place in it; None: it came without a key."""
        return None if self.request_name is None else sha256(f"{self.request_name} {place}".encode()).hexdigest()


Info: TypeAlias = strawberry.Info[Context, None]
