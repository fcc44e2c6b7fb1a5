"""GraphQL: the same codes, counts and exports as REST has, and the same errors."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from quietzone_gateway.graphql.endpoint import make_router
    from quietzone_gateway.graphql.schema import Schema
    from quietzone_gateway.graphql.settings import GraphqlSettings, Limits
    from quietzone_gateway.graphql.socket import make_sockets

_PLACES = {
    "GraphqlSettings": "quietzone_gateway.graphql.settings",
    "Limits": "quietzone_gateway.graphql.settings",
    "Schema": "quietzone_gateway.graphql.schema",
    "make_router": "quietzone_gateway.graphql.endpoint",
    "make_sockets": "quietzone_gateway.graphql.socket",
}
"""Loaded when they are asked for: whoever only reads settings does without the libraries behind them."""

__all__ = ["GraphqlSettings", "Limits", "Schema", "make_router", "make_sockets"]


def __getattr__(name: str) -> object:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)
