"""docs/mail.md against what it documents."""

from pathlib import Path

from unit.notification.mail.test_language import ESCAPES

from quietzone_notification.mail.addresses.domain import Reason
from quietzone_notification.mail.kinds import KINDS, SENDABLE
from quietzone_notification.mail.letters import MAX_SHOWN
from quietzone_notification.mail.settings import MailSettings
from quietzone_notification.mail.templates.domain import MAX_HTML, MAX_SUBJECT_SOURCE, MAX_TEMPLATES, MAX_TEXT
from quietzone_notification.mail.templates.filters import FILTERS
from quietzone_notification.mail.templates.house import NAMES
from quietzone_notification.mail.templates.language import MAX_DEPTH, MAX_LOOPS, MAX_NODES, MAX_OUTPUT, MAX_STEPS, TESTS
from quietzone_notification.people.domain import MAX_OWNERS
from quietzone_notification.reactions.domain import AN_HOUR, created, crossed
from quietzone_notification.reactions.settings import ReactionSettings
from quietzone_notification.reports.domain import Sum, Week, report_of

PAGE = (Path(__file__).parents[4] / "docs" / "mail.md").read_text()
ROWS = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in PAGE.splitlines() if line.startswith("| ")]
SAID = {row[0]: row[1:] for row in ROWS}


def test_the_page_has_each_kind_with_its_default_and_whether_it_can_be_left() -> None:
    said = {row[0].strip("`"): row[2:] for row in ROWS if len(row) == 4 and row[0].strip("`") in KINDS}

    assert said == {name: ["always", "no"] if kind.is_ours else ["yes" if kind.is_wanted else "no", "yes"] for name, kind in KINDS.items()}


def test_the_page_says_which_kinds_other_parts_may_send() -> None:
    sentence = PAGE[PAGE.index("as DROPPED") : PAGE.index("are what other parts may send")]

    assert all(f"`{kind}`" in sentence for kind in SENDABLE)


def test_the_page_has_what_each_template_is_filled_with() -> None:
    said = {row[0].strip("`"): row[1] for row in ROWS if len(row) == 2 and row[0].strip("`") in NAMES}
    filled = {
        "created": created("n", "a", 1, title="", destination="").letter("", "").data,
        "milestone": crossed("n", "a", 1, title="", threshold=1).letter("", "").data,
        "weekly-summary": report_of("", Week(0), Sum(), {}, before=0).data() | {"name": "", "link": ""},
    }

    assert said.keys() == set(NAMES) - {"confirmation"}
    for name, data in filled.items():
        assert [field for field in data if f"`{field}`" not in said[name]] == []


def test_the_page_has_the_bounds_of_what_the_product_tells() -> None:
    assert f"at most {MAX_OWNERS} of them" in PAGE
    assert f"at most {AN_HOUR} mails of a kind an hour" in PAGE
    assert f"an import of 10,000 codes becomes {AN_HOUR + 1} mails" in PAGE


def test_the_page_has_each_reason_of_a_suppression() -> None:
    assert all(f"`{reason.value}`" in SAID for reason in Reason)


def test_the_page_has_each_filter_and_each_test() -> None:
    said = {each.strip("`").partition("(")[0] for row in ROWS if len(row) == 2 for each in row[0].split(", ")}

    assert set(FILTERS) <= said
    assert all(f"`{name}`" in PAGE for name in TESTS)


def test_the_page_has_the_bounds_that_hold() -> None:
    assert SAID["a subject, a text, an HTML form"] == [f"{MAX_SUBJECT_SOURCE:,}, {MAX_TEXT:,}, {MAX_HTML:,} characters"]
    assert SAID["parts of a template, within each other, loops within each other"] == [f"{MAX_NODES:,}, {MAX_DEPTH}, {MAX_LOOPS}"]
    assert SAID["steps of a rendering: at most 0.2 s"] == [f"{MAX_STEPS:,}"]
    assert SAID["characters of what is rendered"] == [f"{MAX_OUTPUT:,}"]
    assert f"at most {MAX_TEMPLATES}." in PAGE
    assert f"at most {MAX_SHOWN:,} characters" in PAGE
    assert f"tries {len(ESCAPES)} known ways" in PAGE


def test_the_page_has_each_setting() -> None:
    fields = [*MailSettings.model_fields, *ReactionSettings.model_fields]
    names = [name.removeprefix("notification_").upper() for name in fields if name.startswith("notification_")]

    assert all(f"| `{name}`" in PAGE or f", `{name}`" in PAGE for name in names)
