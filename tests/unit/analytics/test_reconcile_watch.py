"""The comparison as metrics."""

import asyncio
from dataclasses import replace

import pytest
from prometheus_client import REGISTRY

from quietzone_analytics.reconcile import Reconciliation, SourceCount, watch
from quietzone_analytics.reconcile.watch import show
from quietzone_kit.bus import BusUnavailable
from quietzone_kit.documents import DocumentsUnavailable
from quietzone_kit.runtime import SystemClock

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


@pytest.mark.parametrize("away", [BusUnavailable("no broker"), DocumentsUnavailable("no store")])
async def test_a_bus_or_a_store_that_is_away_only_delays_the_comparison(away: Exception) -> None:
    asked = asyncio.Event()

    async def compare() -> Reconciliation:
        asked.set()
        raise away

    watching = asyncio.ensure_future(watch(compare, SystemClock()))
    await asked.wait()
    done, _ = await asyncio.wait([watching], timeout=0.01)
    watching.cancel()

    assert not done
