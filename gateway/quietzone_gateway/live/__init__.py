"""Live updates: the hub behind every live transport, and the two that are ours: `/v1/stream` and `/v1/ws`."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from quietzone_gateway.live.authority import Authority, Principals
    from quietzone_gateway.live.domain import Delivery, Event, Filter, Kind, Removed, Reset, Summary, Watcher
    from quietzone_gateway.live.frames import BoundedSocket
    from quietzone_gateway.live.hub import Hub
    from quietzone_gateway.live.service import Live
    from quietzone_gateway.live.settings import LiveSettings
    from quietzone_gateway.live.subscription import Subscription

_PLACES = {
    "Authority": "quietzone_gateway.live.authority",
    "BoundedSocket": "quietzone_gateway.live.frames",
    "Delivery": "quietzone_gateway.live.domain",
    "Event": "quietzone_gateway.live.domain",
    "Filter": "quietzone_gateway.live.domain",
    "Hub": "quietzone_gateway.live.hub",
    "Kind": "quietzone_gateway.live.domain",
    "Live": "quietzone_gateway.live.service",
    "LiveSettings": "quietzone_gateway.live.settings",
    "Principals": "quietzone_gateway.live.authority",
    "Removed": "quietzone_gateway.live.domain",
    "Reset": "quietzone_gateway.live.domain",
    "Subscription": "quietzone_gateway.live.subscription",
    "Summary": "quietzone_gateway.live.domain",
    "Watcher": "quietzone_gateway.live.domain",
}
"""Loaded when they are asked for: whoever only reads settings does without the libraries behind them."""

__all__ = [
    "Authority",
    "BoundedSocket",
    "Delivery",
    "Event",
    "Filter",
    "Hub",
    "Kind",
    "Live",
    "LiveSettings",
    "Principals",
    "Removed",
    "Reset",
    "Subscription",
    "Summary",
    "Watcher",
]


def __getattr__(name: str) -> object:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)
