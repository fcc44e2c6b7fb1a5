"""The comparison as metrics."""

from dataclasses import replace

from prometheus_client import REGISTRY

from quietzone_analytics.reconcile import Reconciliation, SourceCount
from quietzone_analytics.reconcile.watch import show

SOURCE = SourceCount("a", 1, 10, 9, 8, 0, 2, closed=False, silent=True, heard_at_ms=1)
FOUND = Reconciliation(10, 9, 8, 7, 0, 2, (SOURCE, replace(SOURCE, silent=False)), ("source a is silent",))


def metric(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(f"quietzone_analytics_{name}", labels)


def test_each_stage_of_the_comparison_is_a_metric() -> None:
    show(FOUND, 5_000)

    stages = [metric("reconcile_scans", stage=stage) for stage in ("accepted", "forwarded", "applied", "stored", "lost", "unrecorded")]
    assert stages == [10, 9, 8, 7, 0, 2]


def test_silent_sources_and_problems_are_metrics_that_can_raise_an_alarm() -> None:
    show(FOUND, 5_000)

    assert (metric("silent_sources"), metric("reconcile_problems"), metric("reconciled_timestamp_seconds")) == (1, 1, 5)
