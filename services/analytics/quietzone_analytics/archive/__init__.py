"""The archive: all records of scans in Parquet, and the way back from there to counts."""

from quietzone_analytics.archive.rebuild import CannotRebuild, Rebuild, check_empty, files_of, tell_of_bus
from quietzone_analytics.archive.repository import STATES, ArchiveStates, Shelf
from quietzone_analytics.archive.use_cases import GROUP, ArchiveProjection, Due

COLLECTIONS = (STATES,)

__all__ = [
    "COLLECTIONS",
    "GROUP",
    "STATES",
    "ArchiveProjection",
    "ArchiveStates",
    "CannotRebuild",
    "Due",
    "Rebuild",
    "Shelf",
    "check_empty",
    "files_of",
    "tell_of_bus",
]
