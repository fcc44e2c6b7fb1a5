"""Spans and the context that links them across processes (https://www.w3.org/TR/trace-context/)."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased
from opentelemetry.trace import Span, SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_PROPAGATOR = TraceContextTextMapPropagator()


class _Tracing:
    """The process's tracer; OpenTelemetry's own global can be set only once, which tests couldn't live with."""

    tracer: trace.Tracer = trace.NoOpTracer()


def configure_traces(part: str, *, processor: SpanProcessor | None = None) -> None:
    """Make spans from now on. Without a `processor` nothing is recorded, and ids are still made and passed on."""
    provider = TracerProvider(
        sampler=ParentBased(ALWAYS_ON if processor else ALWAYS_OFF),
        resource=Resource({"service.name": f"quietzone-{part}"}),
        shutdown_on_exit=False,
    )
    if processor is not None:
        provider.add_span_processor(processor)
    _Tracing.tracer = provider.get_tracer("quietzone")


@contextmanager
def span(
    name: str, *, kind: SpanKind = SpanKind.INTERNAL, parent: str | None = None, attributes: Mapping[str, str | int] | None = None
) -> Iterator[Span]:
    """Run the block in a span under the current one, or under `parent`, the traceparent that a request or an event brought."""
    context = _PROPAGATOR.extract({"traceparent": parent}) if parent is not None else None
    with _Tracing.tracer.start_as_current_span(name, context, kind, attributes) as started:
        yield started


def traceparent() -> str | None:
    """The current span's context for gRPC metadata and event headers; None outside any span."""
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier)
    return carrier.get("traceparent")
