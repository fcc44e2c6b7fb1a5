"""Rules and dashboards, by Prometheus's own tool: they are well formed, and alerts fire when they should and only then."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

HERE = Path(__file__).parent
CHART = Path(__file__).parents[3] / "charts" / "quietzone"
RULES = sorted((CHART / "rules").glob("*.yaml"))
CASES = sorted(HERE.glob("*.yaml"))
INTERVAL = "5m"
"""What Grafana puts for $__rate_interval, or something like it."""

Promtool = Callable[..., str]


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.stem)
def test_rules_are_well_formed(promtool: Promtool, path: Path) -> None:
    assert "SUCCESS" in promtool("check", "rules", "--lint-fatal", path)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_alerts_fire_when_they_should_and_only_then(promtool: Promtool, path: Path) -> None:
    assert "SUCCESS" in promtool("test", "rules", path)


def test_every_alert_is_seen_to_fire() -> None:
    alerts = {
        rule["alert"]
        for path in RULES
        for group in yaml.safe_load(path.read_text())["groups"]
        for rule in group["rules"]
        if "alert" in rule
    }
    cases = [case for path in CASES for one in yaml.safe_load(path.read_text())["tests"] for case in one.get("alert_rule_test", ())]

    assert alerts - {case["alertname"] for case in cases if case["exp_alerts"]} == set()


def test_queries_of_dashboards_are_well_formed(promtool: Promtool, tmp_path: Path) -> None:
    queries = [
        target["expr"].replace("$__rate_interval", INTERVAL)
        for path in (CHART / "dashboards").glob("*.json")
        for panel in json.loads(path.read_text())["panels"]
        for target in panel.get("targets", ())
    ]
    rules = [{"record": f"panel:{number}", "expr": query} for number, query in enumerate(queries)]
    (tmp_path / "panels.yaml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))

    assert f"SUCCESS: {len(rules)} rules" in promtool("check", "rules", tmp_path / "panels.yaml")
