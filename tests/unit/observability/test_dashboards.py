"""Dashboards ask for what the product has, and are what their script writes."""

import importlib.util
import json
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from unit.observability.product import CHART, names_in, strangers

FILES = sorted((CHART / "dashboards").glob("*.json"))
OF_PROCESSES = {"process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds"}


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """The script, and first what it imports from beside it."""
    _loaded("grafana")
    _loaded("notifications")
    return _loaded("make_dashboards")


def queries() -> Iterator[tuple[str, str]]:
    for path in FILES:
        for panel in json.loads(path.read_text("utf-8"))["panels"]:
            for target in panel.get("targets", ()):
                yield f"{path.stem}: {panel['title']}", target["expr"]


QUERIES = list(queries())


def test_the_files_are_what_the_script_writes(script: ModuleType) -> None:
    there = {path.stem: path.read_text("utf-8") for path in FILES}

    assert there == {one.name: script.written(one) for one in script.DASHBOARDS}, "run: python charts/make_dashboards.py"


def test_panels_ask_for_series_and_labels_that_the_product_has() -> None:
    assert [f"{title}: {strange}" for title, query in QUERIES for strange in strangers(query)] == []


def test_every_panel_asks_for_something_of_ours() -> None:
    assert [title for title, query in QUERIES if not names_in(query) and not any(series in query for series in OF_PROCESSES)] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_panels_neither_overlap_nor_share_a_number(path: Any) -> None:
    panels = json.loads(path.read_text("utf-8"))["panels"]
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in panels)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]

    assert len(cells) == len(set(cells))
    assert len({panel["id"] for panel in panels}) == len(panels)


def _loaded(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, CHART.parent / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
