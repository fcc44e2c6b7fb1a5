"""Live updates: the hub behind every live transport, and the two that are ours: `/v1/stream` and `/v1/ws`."""

from quietzone_gateway.live.authority import Authority, Principals
from quietzone_gateway.live.domain import Delivery, Event, Filter, Kind, Removed, Reset, Summary, Watcher
from quietzone_gateway.live.frames import BoundedSocket
from quietzone_gateway.live.hub import Hub
from quietzone_gateway.live.service import Live
from quietzone_gateway.live.settings import LiveSettings
from quietzone_gateway.live.subscription import Subscription

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
