"""The public scan endpoint: find the link, decide, record, redirect."""

from quietzone_tracking.edge.edge import KEPT_HEADERS, Edge, EdgeOptions, Links, Salts
from quietzone_tracking.edge.traces import ScanTraces

__all__ = ["KEPT_HEADERS", "Edge", "EdgeOptions", "Links", "Salts", "ScanTraces"]
