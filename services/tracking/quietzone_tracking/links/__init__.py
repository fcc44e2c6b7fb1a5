"""Links: where each code leads now, in the link store for all edges, and in each edge's memory."""

from quietzone_tracking.links.fills import Resolver
from quietzone_tracking.links.memory import LinkMemory
from quietzone_tracking.links.projection import GROUP, LinkProjection
from quietzone_tracking.links.repository import COLLECTIONS, LinkStore
from quietzone_tracking.links.snapshot import SnapshotFile
from quietzone_tracking.links.view import LinkView

__all__ = ["COLLECTIONS", "GROUP", "LinkMemory", "LinkProjection", "LinkStore", "LinkView", "Resolver", "SnapshotFile"]
