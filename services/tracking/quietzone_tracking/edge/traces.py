"""Traces of scans: a span from the request to its append to the spool, and the context that the scan carries on."""

from quietzone_kit.runtime import Randomness
from quietzone_kit.telemetry import Span, SpanKind, begin_span, trace_id, traceparent
from quietzone_tracking.decide import Link

MAX_TRACEPARENT = 55
"""Bytes of a traceparent, version 00."""


class ScanTraces:
    """Traces a share `ratio` of scans, and those that come with a trace through a trusted proxy."""

    def __init__(self, randomness: Randomness, ratio: float) -> None:
        self._randomness = randomness
        self._ratio = ratio
        self._open: list[Span] = []

    def begin(self, link: Link, parent: bytes | None) -> str:
        """The context of a scan that is traced, else an empty text; `parent` is the traceparent that the request brought."""
        if parent is None and self._randomness.uniform(0, 1) >= self._ratio:
            return ""
        given = parent.decode("latin-1") if parent is not None and len(parent) == MAX_TRACEPARENT else None
        attributes = {"quietzone.code_id": link.code_id, "quietzone.account_id": link.account_id}
        begun = begin_span("scan", kind=SpanKind.SERVER, parent=given, attributes=attributes)
        if not begun.get_span_context().trace_flags.sampled:
            return ""
        self._open.append(begun)
        return traceparent(begun) or ""

    def end(self) -> str:
        """The turn's scans are recorded; returns the id of one of their traces, an empty text when there is none."""
        if not self._open:
            return ""
        told = trace_id(self._open[0])
        for begun in self._open:
            begun.end()
        self._open.clear()
        return told
