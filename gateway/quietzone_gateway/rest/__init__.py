"""The REST API."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from quietzone_gateway.rest.app import make_api
    from quietzone_gateway.rest.envelope import early_answers
    from quietzone_gateway.rest.route import Parts
    from quietzone_gateway.rest.server import HttpServer

_PLACES = {
    "HttpServer": "quietzone_gateway.rest.server",
    "Parts": "quietzone_gateway.rest.route",
    "make_api": "quietzone_gateway.rest.app",
    "early_answers": "quietzone_gateway.rest.envelope",
}
"""Loaded when they are asked for: whoever only reads settings does without the libraries behind them."""

__all__ = ["HttpServer", "Parts", "early_answers", "make_api"]


def __getattr__(name: str) -> object:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)
