"""Every metric says what to do when it moves."""

import re
from collections import Counter

import pytest
from unit.observability.product import Metric, declared

METRICS = declared()


def test_the_source_declares_metrics() -> None:
    assert len(METRICS) > 70


def test_every_metric_is_declared_once() -> None:
    assert [name for name, times in Counter(metric.name for metric in METRICS).items() if times > 1] == []


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_a_metric_says_what_it_is_and_what_to_do_when_it_moves(metric: Metric) -> None:
    what, *do = re.split(r"(?<=[.;:]) ", metric.documentation)

    assert what
    assert do
    assert metric.documentation.endswith(".")


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_a_metric_is_named_by_its_kind(metric: Metric) -> None:
    assert metric.name.endswith("_total") == (metric.kind == "Counter")
    assert metric.kind not in {"Histogram", "Timings"} or metric.name.endswith(("_seconds", "_ratio"))
