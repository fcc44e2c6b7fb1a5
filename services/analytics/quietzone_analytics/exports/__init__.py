"""Exports: an account's counts as a file, made by a task."""

from quietzone_analytics.exports.domain import Format
from quietzone_analytics.exports.events import TellExports
from quietzone_analytics.exports.repository import Export, ExportFile, ExportQuestion
from quietzone_analytics.exports.tasks import SWEEP, kinds
from quietzone_analytics.exports.use_cases import cancel_export, create_export, get_export, list_exports, read_export
from quietzone_kit.outbox import OUTBOX_LEASES
from quietzone_kit.tasks import TASKS

COLLECTIONS = (TASKS, OUTBOX_LEASES)

__all__ = [
    "COLLECTIONS",
    "SWEEP",
    "Export",
    "ExportFile",
    "ExportQuestion",
    "Format",
    "TellExports",
    "cancel_export",
    "create_export",
    "get_export",
    "kinds",
    "list_exports",
    "read_export",
]
