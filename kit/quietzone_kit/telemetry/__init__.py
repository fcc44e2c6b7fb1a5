"""What a process tells about itself: logs, traces and metrics. Nothing here shows a secret or a full address of a client.

Logs go to stderr, one JSON object a line (or text for people). Metrics are module-level `prometheus_client` objects whose help says
what to do when they move. Trace context travels as W3C `traceparent` in gRPC metadata and event headers.
"""

from opentelemetry.trace import Span, SpanKind

from quietzone_kit.telemetry._logs import OftenSaid, configure_logs, logger, mask
from quietzone_kit.telemetry._metrics import describe_process, exemplar, exposition, release
from quietzone_kit.telemetry._timings import Timings
from quietzone_kit.telemetry._traces import (
    MAX_TRACES,
    begin_span,
    close_traces,
    configure_traces,
    exporter_to,
    handed_on,
    is_tracing,
    span,
    taking_up,
    trace_id,
    traceparent,
)

__all__ = [
    "MAX_TRACES",
    "OftenSaid",
    "Span",
    "SpanKind",
    "Timings",
    "begin_span",
    "close_traces",
    "configure_logs",
    "configure_traces",
    "describe_process",
    "exemplar",
    "exporter_to",
    "exposition",
    "handed_on",
    "is_tracing",
    "logger",
    "mask",
    "release",
    "span",
    "taking_up",
    "trace_id",
    "traceparent",
]
