"""Spans and the context that links them across processes (https://www.w3.org/TR/trace-context/)."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from threading import Thread

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased, Sampler, TraceIdRatioBased
from opentelemetry.trace import Span, SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_PROPAGATOR = TraceContextTextMapPropagator()

Attributes = Mapping[str, str | int]

MAX_TRACES = 16
"""Traces that one message carries on: a batch of 10,000 scans may hold many sampled ones, and a few of them tell as much."""

EXPORT_WITHIN_MS = 2_000
"""What a process that stops gives its collector for the last spans."""


class _Tracing:
    """The process's tracer; OpenTelemetry's own global can be set only once, which tests couldn't live with."""

    tracer: trace.Tracer = trace.NoOpTracer()
    chosen: trace.Tracer = trace.NoOpTracer()
    """For spans that somebody has chosen to trace already."""
    processor: SpanProcessor | None = None


def configure_traces(part: str, *, ratio: float = 1.0, processor: SpanProcessor | None = None) -> None:
    """Make spans from now on, for a share `ratio` (0 to 1) of the traces that begin here and for all that were begun elsewhere.

    Without a `processor` nothing is recorded, and ids are still made and passed on.
    """
    _Tracing.processor = processor
    _Tracing.tracer = _tracer(part, TraceIdRatioBased(ratio) if processor else ALWAYS_OFF, processor)
    _Tracing.chosen = _tracer(part, ALWAYS_ON if processor else ALWAYS_OFF, processor)


def _tracer(part: str, roots: Sampler, processor: SpanProcessor | None) -> trace.Tracer:
    provider = TracerProvider(ParentBased(roots), Resource({"service.name": f"quietzone-{part}"}), shutdown_on_exit=False)
    if processor is not None:
        provider.add_span_processor(processor)
    return provider.get_tracer("quietzone")


def exporter_to(url: str) -> SpanProcessor:
    """What sends spans in batches to an OpenTelemetry collector at `url` (OTLP over gRPC), by a thread of its own."""
    # Only who exports pays the 10 MB of these.
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    return BatchSpanProcessor(OTLPSpanExporter(endpoint=url, insecure=not url.startswith("https://")), schedule_delay_millis=1_000)


def is_tracing() -> bool:
    """Whether spans are recorded at all."""
    return _Tracing.processor is not None


def close_traces() -> None:
    """Send what is left, within EXPORT_WITHIN_MS.

    OpenTelemetry's own bounds on that don't hold (its issue 4568: 30 s with a collector that accepts and never answers), so that we wait
    for no longer than we want to, and the process ends over it.
    """
    if _Tracing.processor is not None:
        closing = Thread(target=_Tracing.processor.shutdown, name="last spans", daemon=True)
        closing.start()
        closing.join(EXPORT_WITHIN_MS / 1000)


@contextmanager
def span(
    name: str, *, kind: SpanKind = SpanKind.INTERNAL, parent: str | None = None, attributes: Attributes | None = None
) -> Iterator[Span]:
    """Run the block in a span under the current one, or under `parent`, the traceparent that a request or an event brought."""
    with _Tracing.tracer.start_as_current_span(name, _context(parent), kind, attributes) as started:
        yield started


def begin_span(name: str, *, kind: SpanKind, parent: str | None = None, attributes: Attributes | None = None) -> Span:
    """A span for work that isn't one block, which its maker has chosen to trace and will `end()`. It is current nowhere."""
    return _Tracing.chosen.start_span(name, _context(parent), kind, attributes)


def traceparent(of: Span | None = None) -> str | None:
    """A span's context for gRPC metadata and event headers, by default the current span's; None outside any span."""
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier, None if of is None else trace.set_span_in_context(of))
    return carrier.get("traceparent")


def trace_id(of: Span) -> str:
    """The 32 hexadecimal digits that a trace's spans have in common."""
    return trace.format_trace_id(of.get_span_context().trace_id)


def handed_on(name: str, parents: Sequence[str], attributes: Attributes | None = None) -> tuple[str, ...]:
    """The contexts for a message that carries these traces on, each with a producer's span of its own; at most MAX_TRACES."""
    if _Tracing.processor is None:
        return tuple(parents[:MAX_TRACES])
    passed_on = []
    for parent in parents[:MAX_TRACES]:
        produced = begin_span(name, kind=SpanKind.PRODUCER, parent=parent, attributes=attributes)
        passed_on.append(traceparent(produced) or parent)
        produced.end()
    return tuple(passed_on)


@contextmanager
def taking_up(name: str, parents: Sequence[str], attributes: Attributes | None = None) -> Iterator[None]:
    """Run the block, which works on messages that brought these contexts, in a consumer's span for each; the first is the current one."""
    if _Tracing.processor is None or not parents:
        yield
        return
    with ExitStack() as ended:
        ended.enter_context(_Tracing.tracer.start_as_current_span(name, _context(parents[0]), SpanKind.CONSUMER, attributes))
        for parent in parents[1:MAX_TRACES]:
            ended.callback(begin_span(name, kind=SpanKind.CONSUMER, parent=parent, attributes=attributes).end)
        yield


def _context(parent: str | None) -> Context | None:
    return _PROPAGATOR.extract({"traceparent": parent}) if parent is not None else None
