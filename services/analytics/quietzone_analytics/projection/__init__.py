"""The projection of `tracking.scan.v1`: each scan into the rollups, once."""

from quietzone_analytics.projection.domain import MAX_AGE_MS, ScanState, Source
from quietzone_analytics.projection.repository import REJECTS, STATES, ScanStates
from quietzone_analytics.projection.use_cases import GROUP, ScanProjection

COLLECTIONS = (STATES, REJECTS)

__all__ = ["COLLECTIONS", "GROUP", "MAX_AGE_MS", "REJECTS", "STATES", "ScanProjection", "ScanState", "ScanStates", "Source"]
