"""The spool: each edge run's log of accepted scans on the local disk, between the edge that writes and the forwarder that reads."""

from quietzone_tracking.spool.frames import MAX_SCANS, ForeignFrame, Frame, SpooledScan
from quietzone_tracking.spool.layout import START, Numbers, Position, read_numbers, sources
from quietzone_tracking.spool.reader import Ended, Frames, Gap, NothingYet, SpoolReader
from quietzone_tracking.spool.writer import NotRecorded, SourceTaken, SpoolLimits, SpoolWriter

__all__ = [
    "MAX_SCANS",
    "START",
    "Ended",
    "ForeignFrame",
    "Frame",
    "Frames",
    "Gap",
    "NotRecorded",
    "NothingYet",
    "Numbers",
    "Position",
    "SourceTaken",
    "SpoolLimits",
    "SpoolReader",
    "SpoolWriter",
    "SpooledScan",
    "read_numbers",
    "sources",
]
