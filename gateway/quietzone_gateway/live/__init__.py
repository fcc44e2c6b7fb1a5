"""Live updates: the hub behind every live transport, and what it tells."""

from quietzone_gateway.live.domain import Delivery, Event, Filter, Kind, Removed, Reset, Summary, Watcher
from quietzone_gateway.live.hub import Hub
from quietzone_gateway.live.subscription import Subscription

__all__ = ["Delivery", "Event", "Filter", "Hub", "Kind", "Removed", "Reset", "Subscription", "Summary", "Watcher"]
