"""Grafana's dashboards as it imports them: rows of panels with Prometheus's queries."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

SCHEMA = 39
"""Grafana 10; newer ones read it and write their own."""
WIDTH, HEIGHT, ACROSS = 8, 7, 3
ANY = 1e-9
"""Where the limit is 0: a value at a limit is red already."""
SOURCE = {"type": "prometheus", "uid": "${source}"}

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class Panel:
    """A graph of queries with the legend of each. `unit` is Grafana's; `limit` is drawn as a line where an alarm begins."""

    title: str
    queries: Sequence[tuple[str, str]]
    unit: str = "short"
    limit: float | None = None


@dataclass(frozen=True, slots=True)
class Dashboard:
    """Rows of panels, each with a heading."""

    name: str
    title: str
    rows: Sequence[tuple[str, Sequence[Panel]]]


def rate(series: str, *by: str, chosen: str = "") -> str:
    """A counter's increase a second, by labels."""
    grouped = f" by ({', '.join(by)})" if by else ""
    return f"sum(rate({series}{f'{{{chosen}}}' if chosen else ''}[$__rate_interval])){grouped}"


def quantile(histogram: str, share: float, *by: str, chosen: str = "") -> str:
    """What a share of a histogram's values stays below."""
    return f"histogram_quantile({share}, {rate(f'{histogram}_bucket', 'le', *by, chosen=chosen)})"


def latency(title: str, histogram: str, *by: str, chosen: str = "", limit: float | None = None) -> Panel:
    """Median and 99th percentile; by labels only the latter."""
    legend = " ".join(f"{{{{{label}}}}}" for label in by)
    queries = [(quantile(histogram, 0.99, *by, chosen=chosen), f"99 % {legend}".strip())]
    return Panel(title, queries if by else [(quantile(histogram, 0.5, chosen=chosen), "50 %"), *queries], "s", limit)


def objective(title: str, record: str, budget: float) -> Panel:
    """A service level objective: the share that misses it, in an hour and in a month, beside what is allowed."""
    return Panel(title, [(f"{record}:ratio_rate1h", "1 hour"), (f"{record}:ratio_rate30d", "30 days")], "percentunit", budget)


def written(dashboard: Dashboard) -> str:
    """A dashboard as Grafana imports it."""
    source = {"name": "source", "type": "datasource", "query": "prometheus", "label": "Prometheus"}
    content: Json = {
        "uid": f"quietzone-{dashboard.name}",
        "title": dashboard.title,
        "tags": ["quietzone"],
        "schemaVersion": SCHEMA,
        "editable": False,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [source]},
        "links": [{"type": "dashboards", "tags": ["quietzone"], "title": "Quietzone", "asDropdown": True}],
        "panels": list(_panels(dashboard)),
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _panels(dashboard: Dashboard) -> Iterator[Json]:
    number, y = 0, 0
    for heading, panels in dashboard.rows:
        number += 1
        yield {
            "id": number,
            "type": "row",
            "title": heading,
            "collapsed": False,
            "panels": [],
            "gridPos": {"x": 0, "y": y, "w": 24, "h": 1},
        }
        y += 1
        for at, panel in enumerate(panels):
            number += 1
            place = {"x": at % ACROSS * WIDTH, "y": y + at // ACROSS * HEIGHT, "w": WIDTH, "h": HEIGHT}
            yield {"id": number, "gridPos": place, **_graph(panel)}
        y += -(-len(panels) // ACROSS) * HEIGHT


def _graph(panel: Panel) -> Json:
    steps: list[Json] = [{"color": "green", "value": None}]
    custom: Json = {"fillOpacity": 8, "lineWidth": 1, "showPoints": "never"}
    if panel.limit is not None:
        steps.append({"color": "red", "value": panel.limit or ANY})
        custom["thresholdsStyle"] = {"mode": "dashed"}
    targets = [
        {"refId": chr(ord("A") + at), "datasource": SOURCE, "expr": expr, "legendFormat": legend, "exemplar": "_bucket" in expr}
        for at, (expr, legend) in enumerate(panel.queries)
    ]
    return {
        "type": "timeseries",
        "title": panel.title,
        "datasource": SOURCE,
        "targets": targets,
        "fieldConfig": {
            "defaults": {"unit": panel.unit, "min": 0, "custom": custom, "thresholds": {"mode": "absolute", "steps": steps}},
            "overrides": [],
        },
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi", "sort": "desc"}},
    }
