"""Reconcile: whether every accepted scan is counted once."""

from quietzone_analytics.reconcile.consumers import ReportProjection
from quietzone_analytics.reconcile.domain import Reconciliation, SourceCount
from quietzone_analytics.reconcile.repository import SOURCES, ReportStates
from quietzone_analytics.reconcile.use_cases import reconcile
from quietzone_analytics.reconcile.watch import watch

COLLECTIONS = (SOURCES,)

__all__ = ["COLLECTIONS", "SOURCES", "Reconciliation", "ReportProjection", "ReportStates", "SourceCount", "reconcile", "watch"]
