"""Rules ask for what the product has, and every alert leads to a page."""

import re
from typing import Any

import pytest
from unit.observability.product import OF_PROMETHEUS, OF_RECORDS, ROOT, alerts, by_series, grouped_in, names_in, rules, selectors_in

RULES = rules()
ALERTS = alerts()
SERIES = by_series()
RECORDED = {rule["record"] for rule in RULES if "record" in rule}
RUNBOOKS = ROOT / "docs" / "runbooks"


def name_of(rule: dict[str, Any]) -> str:
    return str(rule.get("alert") or rule["record"])


@pytest.mark.parametrize("rule", RULES, ids=name_of)
def test_a_rule_asks_for_series_that_the_product_has(rule: dict[str, Any]) -> None:
    assert names_in(rule["expr"]) - SERIES.keys() - RECORDED == set()


@pytest.mark.parametrize("rule", RULES, ids=name_of)
def test_a_rule_selects_by_labels_that_its_series_have(rule: dict[str, Any]) -> None:
    for series, labels in selectors_in(rule["expr"]):
        assert labels <= SERIES[series].labels | OF_PROMETHEUS


@pytest.mark.parametrize("rule", RULES, ids=name_of)
def test_a_rule_groups_by_labels_that_its_series_have(rule: dict[str, Any]) -> None:
    there = {label for series in names_in(rule["expr"]) & SERIES.keys() for label in SERIES[series].labels}

    assert grouped_in(rule["expr"]) <= there | OF_PROMETHEUS | OF_RECORDS


@pytest.mark.parametrize("rule", ALERTS, ids=name_of)
def test_an_alert_says_how_urgent_it_is(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"page", "ticket"}


@pytest.mark.parametrize("rule", ALERTS, ids=name_of)
def test_an_alert_leads_to_its_page(rule: dict[str, Any]) -> None:
    name = re.sub(r"(?<!^)(?=[A-Z])", "-", rule["alert"]).lower()
    page = ROOT / rule["annotations"]["runbook"]

    assert page == RUNBOOKS / f"{name}.md"
    assert page.read_text("utf-8").startswith(f"# {rule['alert']}\n")


def test_every_page_is_of_an_alert() -> None:
    pages = {str(page.relative_to(ROOT)) for page in RUNBOOKS.glob("*.md") if page.name != "README.md"}

    assert pages == {rule["annotations"]["runbook"] for rule in ALERTS}


@pytest.mark.parametrize("page", sorted(RUNBOOKS.glob("*-*.md")), ids=lambda page: page.stem)
def test_a_page_says_where_to_look_and_what_mends_it(page: Any) -> None:
    assert re.findall(r"^## (.*)$", page.read_text("utf-8"), re.MULTILINE) == ["First look", "Fix"]


@pytest.mark.parametrize("page", sorted(RUNBOOKS.glob("*.md")), ids=lambda page: page.stem)
def test_a_page_names_only_series_and_pages_that_there_are(page: Any) -> None:
    text = page.read_text("utf-8")
    named = {name for query in re.findall(r"`([^`]*)`", text) for name in names_in(query)}

    assert named - SERIES.keys() - {metric.name for metric in SERIES.values()} <= MODULES
    assert [link for link in re.findall(r"\]\(([^)]*)\)", text) if not (RUNBOOKS / link).exists()] == []


MODULES = {"quietzone_tracking", "quietzone_analytics"}
"""What `python -m` is told."""
