"""Rollups: a code's total, a code's UTC day, an account's month; how scans are folded into them and how they are kept."""

from quietzone_analytics.rollups.cache import Cache
from quietzone_analytics.rollups.domain import DAY_MS, OFFSET_WINDOW, SLOT_MS, SLOTS, Day, Milestone, Month, Total, month_of, month_start_ms
from quietzone_analytics.rollups.repository import COLLECTIONS, DAYS, MONTHS, TOTALS, Document, Kind, Rollups
from quietzone_analytics.rollups.scans import DIMENSIONS, Batch, CodeKey, Gathered, ScanClass, Traits
from quietzone_analytics.rollups.use_cases import Folder, Place

__all__ = [
    "COLLECTIONS",
    "DAYS",
    "DAY_MS",
    "DIMENSIONS",
    "MONTHS",
    "OFFSET_WINDOW",
    "SLOTS",
    "SLOT_MS",
    "TOTALS",
    "Batch",
    "Cache",
    "CodeKey",
    "Day",
    "Document",
    "Folder",
    "Gathered",
    "Kind",
    "Milestone",
    "Month",
    "Place",
    "Rollups",
    "ScanClass",
    "Total",
    "Traits",
    "month_of",
    "month_start_ms",
]
