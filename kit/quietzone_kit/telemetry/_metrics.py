"""Metrics of the process; `prometheus_client` collects memory, CPU time, open files and start time by itself."""

from importlib.metadata import PackageNotFoundError, version

from opentelemetry import trace
from prometheus_client import REGISTRY, CollectorRegistry, Gauge, disable_created_metrics
from prometheus_client.exposition import choose_encoder

BUILD = Gauge(
    "quietzone_build_info",
    "1; the labels say which release, part and role this process is. Two releases for long: a rollout is stuck.",
    ["version", "part", "role"],
)

disable_created_metrics()  # type: ignore[no-untyped-call] # a second series for each counter and histogram, which nobody asks for


def describe_process(part: str, role: str) -> None:
    """Say in the metrics what this process is."""
    BUILD.labels(release(), part, role).set(1)


def release() -> str:
    """The version of this release."""
    try:
        return version("quietzone")
    except PackageNotFoundError:  # code on PYTHONPATH alone; our images say their version as an installed distribution does
        return "0"


def exposition(accept: str = "", registry: CollectorRegistry = REGISTRY) -> tuple[bytes, str]:
    """All metrics and their media type, for GET /metrics: in OpenMetrics, which has exemplars, for who accepts that, else in plain text."""
    encode, media_type = choose_encoder(accept)
    return encode(registry), media_type


def exemplar() -> dict[str, str] | None:
    """What leads from a histogram's value, beside which `observe` takes it, to a trace; None unless the current span is recorded."""
    context = trace.get_current_span().get_span_context()
    return {"trace_id": trace.format_trace_id(context.trace_id)} if context.trace_flags.sampled else None
