"""Rules ask for what the product has, and every alert leads to a page."""

import re
from pathlib import Path

from unit.observability.product import ROOT, alerts, by_series, names_in, rules, strangers

RULES = rules()
ALERTS = alerts()
SERIES = by_series()
RUNBOOKS = ROOT / "docs" / "runbooks"
PAGES = {page.name: page.read_text("utf-8") for page in sorted(RUNBOOKS.glob("*.md"))}
INDEX = "README.md"
MODULES = {"quietzone_tracking", "quietzone_analytics"}
"""What `python -m` is told."""


def test_rules_ask_for_series_and_labels_that_the_product_has() -> None:
    assert [f"{rule.get('alert') or rule['record']}: {strange}" for rule in RULES for strange in strangers(rule["expr"])] == []


def test_every_alert_says_how_urgent_it_is() -> None:
    assert {rule["labels"]["severity"] for rule in ALERTS} == {"page", "ticket"}


def test_every_alert_leads_to_its_page() -> None:
    pages = {rule["alert"]: rule["annotations"]["runbook_url"] for rule in ALERTS}

    assert pages == {alert: f"docs/runbooks/{file_of(alert)}" for alert in pages}
    assert [alert for alert in pages if not PAGES.get(file_of(alert), "").startswith(f"# {alert}\n")] == []


def test_every_page_is_of_an_alert() -> None:
    assert PAGES.keys() - {INDEX} == {file_of(rule["alert"]) for rule in ALERTS}


def test_every_page_says_where_to_look_and_what_mends_it() -> None:
    headings = {name: re.findall(r"^## (.*)$", text, re.MULTILINE) for name, text in PAGES.items()}

    assert [name for name, found in headings.items() if name != INDEX and found != ["First look", "Fix"]] == []


def test_pages_name_only_metrics_that_there_are() -> None:
    known = SERIES.keys() | {metric.name for metric in SERIES.values()} | MODULES

    assert [
        (page, name) for page, text in PAGES.items() for query in re.findall(r"`([^`]*)`", text) for name in names_in(query) - known
    ] == []


def test_pages_lead_only_to_pages_that_there_are() -> None:
    links = [(page, *link) for page, text in PAGES.items() for link in re.findall(r"\]\(([^)#]*)#?([^)]*)\)", text)]

    assert [(page, to, heading) for page, to, heading in links if heading not in {"", *headings(RUNBOOKS / to)}] == []


def headings(page: Path) -> set[str]:
    """As links name them."""
    found = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in found}


def file_of(alert: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "-", alert).lower() + ".md"
