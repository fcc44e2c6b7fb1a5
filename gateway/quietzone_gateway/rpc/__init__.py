"""The services as the gateway sees them: values in, values out, errors of `quietzone_kit.errors`."""

from quietzone_gateway.rpc.codes import Code, CodePage, Codes, CodeState, DestinationHealth, DestinationState, Image, ImageFormat
from quietzone_gateway.rpc.counts import RECONCILE_S, Breakdown, Counts, Interval, Point, Reconciliation, ScanCounts, Share, SourceCount
from quietzone_gateway.rpc.exports import Export, ExportFormat, ExportPage, ExportQuestion, Exports, ExportState

__all__ = [
    "RECONCILE_S",
    "Breakdown",
    "Code",
    "CodePage",
    "CodeState",
    "Codes",
    "Counts",
    "DestinationHealth",
    "DestinationState",
    "Export",
    "ExportFormat",
    "ExportPage",
    "ExportQuestion",
    "ExportState",
    "Exports",
    "Image",
    "ImageFormat",
    "Interval",
    "Point",
    "Reconciliation",
    "ScanCounts",
    "Share",
    "SourceCount",
]
