"""The public scan endpoint: find the link, decide, record, redirect."""

from quietzone_tracking.edge.edge import KEPT_HEADERS, Edge, EdgeOptions, Links, Salts

__all__ = ["KEPT_HEADERS", "Edge", "EdgeOptions", "Links", "Salts"]
