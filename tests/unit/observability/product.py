"""The metrics of the product, as its source declares them, and what rules and dashboards ask of them."""

import ast
import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[3]
CHART = ROOT / "charts" / "quietzone"
KINDS = {"Counter", "Gauge", "Histogram", "Timings"}
SUFFIXES = {"Histogram": ("_bucket", "_count", "_sum"), "Timings": ("_bucket", "_count", "_sum")}

OF_PROMETHEUS = {"alertstate", "instance", "job", "le", "namespace", "pod", "quietzone_color", "quietzone_part", "quietzone_role"}
"""Labels that every series has, from Prometheus or from the chart's ServiceMonitor."""

OF_RECORDS = {"part"}
"""Labels that recording rules give."""


@dataclass(frozen=True, slots=True)
class Metric:
    name: str
    kind: str
    documentation: str
    labels: frozenset[str]

    @property
    def series(self) -> list[str]:
        """What it is called in Prometheus."""
        return [self.name + suffix for suffix in SUFFIXES.get(self.kind, ("",))]


def declared() -> list[Metric]:
    return [metric for folder in ("kit", "services", "gateway") for path in sorted((ROOT / folder).rglob("*.py")) for metric in _in(path)]


@functools.cache
def by_series() -> Mapping[str, Metric]:
    return {series: metric for metric in declared() for series in metric.series}


def _in(path: Path) -> Iterator[Metric]:
    text = path.read_text("utf-8")
    if '"quietzone_' not in text:
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in KINDS and len(node.args) >= 2:
            name, documentation, *rest = (ast.literal_eval(argument) for argument in node.args)
            yield Metric(name, node.func.id, documentation, frozenset(rest[0] if rest else ()))


def rule_files() -> list[Path]:
    return sorted((CHART / "rules").glob("*.yaml"))


def rules() -> list[dict[str, Any]]:
    return [rule for path in rule_files() for group in yaml.safe_load(path.read_text("utf-8"))["groups"] for rule in group["rules"]]


def alerts() -> list[dict[str, Any]]:
    return [rule for rule in rules() if "alert" in rule]


def names_in(query: str) -> set[str]:
    """The series of ours that a query names, and the recording rules."""
    return set(re.findall(r"\bquietzone[_:][a-z0-9_:]+", re.sub(r"\{[^}]*\}|\b(?:by|without|on)\s*\([^)]*\)", "", query)))


def selectors_in(query: str) -> list[tuple[str, set[str]]]:
    """Series of ours with the labels that they are selected by."""
    found = re.findall(r"\b(quietzone[_:][a-z0-9_:]+)\{([^}]*)\}", query)
    return [(name, set(re.findall(r"(\w+)\s*(?:=|!=|=~|!~)\s*\"", chosen))) for name, chosen in found]


def grouped_in(query: str) -> set[str]:
    """Labels that a query groups by."""
    return {label.strip() for group in re.findall(r"\bby\s*\(([^)]*)\)", query) for label in group.split(",") if label.strip()}


def strangers(query: str) -> list[str]:
    """What a query asks for and the product doesn't have: series, labels that are chosen by, labels that are grouped by."""
    named = names_in(query)
    there = {label for series in named & by_series().keys() for label in by_series()[series].labels} | OF_PROMETHEUS | OF_RECORDS
    chosen = [
        f"{series}{{{label}}}"
        for series, labels in selectors_in(query)
        for label in labels - OF_PROMETHEUS
        if series in by_series() and label not in by_series()[series].labels
    ]
    return [*sorted(named - by_series().keys() - _recorded()), *chosen, *sorted(grouped_in(query) - there)]


@functools.cache
def _recorded() -> frozenset[str]:
    return frozenset(rule["record"] for rule in rules() if "record" in rule)
