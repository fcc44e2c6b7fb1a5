"""GraphQL: the same codes, counts and exports as REST has, and the same errors."""

from quietzone_gateway.graphql.endpoint import make_router
from quietzone_gateway.graphql.limits import Limits
from quietzone_gateway.graphql.schema import Schema
from quietzone_gateway.graphql.settings import GraphqlSettings
from quietzone_gateway.graphql.socket import make_sockets

__all__ = ["GraphqlSettings", "Limits", "Schema", "make_router", "make_sockets"]
