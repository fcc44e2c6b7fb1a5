"""GraphQL: the same codes, counts and exports as REST has, and the same errors."""

from quietzone_gateway.graphql.endpoint import make_router
from quietzone_gateway.graphql.limits import Limits
from quietzone_gateway.graphql.schema import make_schema
from quietzone_gateway.graphql.settings import GraphqlSettings

__all__ = ["GraphqlSettings", "Limits", "make_router", "make_schema"]
