"""Exports as messages."""

from quietzone.analytics.v1 import analytics_pb2, exports_pb2
from quietzone_analytics.exports.domain import Format
from quietzone_analytics.exports.repository import Export
from quietzone_analytics.queries import Interval
from quietzone_kit.tasks import State

_FORMAT_NUMBERS = {form: exports_pb2.ExportFormat.Value(f"EXPORT_FORMAT_{form.name}") for form in Format if form is not Format.NEWER} | {
    Format.NEWER: exports_pb2.EXPORT_FORMAT_UNSPECIFIED
}
_STATES = {state: exports_pb2.ExportState.Value(f"EXPORT_STATE_{state.name}") for state in State}
_INTERVAL_NUMBERS = {interval: analytics_pb2.Interval.Value(f"INTERVAL_{interval.name}") for interval in Interval}


def export_message(export: Export) -> exports_pb2.Export:
    """The export as it is told."""
    question, file = export.question, export.file
    return exports_pb2.Export(
        export_id=export.export_id,
        question=exports_pb2.ExportQuestion(
            code_id=question.code_id or "",
            from_ms=question.from_ms,
            to_ms=question.to_ms,
            interval=_INTERVAL_NUMBERS[question.interval],
            zone=question.zone,
            format=_FORMAT_NUMBERS[question.form],
        ),
        state=_STATES[export.state],
        codes_done=export.progress.done,
        codes_total=export.progress.total,
        size=file.size if file is not None else 0,
        sha256=file.sha256 if file is not None else "",
        rows=file.rows if file is not None else 0,
        error=export.error or "",
        created_at_ms=export.created_at_ms,
        expires_at_ms=export.expires_at_ms or 0,
    )
