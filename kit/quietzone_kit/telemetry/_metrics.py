"""Metrics of the process; `prometheus_client` collects memory, CPU time, open files and start time by itself."""

from importlib.metadata import PackageNotFoundError, version

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, Gauge, generate_latest

BUILD = Gauge(
    "quietzone_build_info",
    "1; the labels say which release, part and role this process is. Two releases for long: a rollout is stuck.",
    ["version", "part", "role"],
)


def describe_process(part: str, role: str) -> None:
    """Say in the metrics what this process is."""
    try:
        release = version("quietzone")
    except PackageNotFoundError:  # an image has the code on PYTHONPATH and no distribution
        release = "unknown"
    BUILD.labels(release, part, role).set(1)


def exposition() -> tuple[bytes, str]:
    """All metrics in Prometheus's text format, and its media type, for GET /metrics."""
    return generate_latest(REGISTRY), CONTENT_TYPE_LATEST
