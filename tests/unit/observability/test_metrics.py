"""Every metric says what to do when it moves."""

import re
from collections import Counter

from unit.observability.product import declared

METRICS = declared()


def test_the_source_declares_metrics() -> None:
    assert len(METRICS) > 70


def test_every_metric_is_declared_once() -> None:
    assert [name for name, times in Counter(metric.name for metric in METRICS).items() if times > 1] == []


def test_every_metric_says_what_it_is_and_what_to_do_when_it_moves() -> None:
    said = {metric.name: re.split(r"(?<=[.;:]) ", metric.documentation) for metric in METRICS}

    assert [name for name, sentences in said.items() if len(sentences) < 2 or not sentences[-1].endswith(".")] == []


def test_counters_are_named_as_counters_and_nothing_else_is() -> None:
    assert [metric.name for metric in METRICS if metric.name.endswith("_total") != (metric.kind == "Counter")] == []


def test_histograms_say_their_unit() -> None:
    histograms = [metric.name for metric in METRICS if metric.kind in {"Histogram", "Timings"}]

    assert [name for name in histograms if not name.endswith(("_seconds", "_ratio"))] == []
