"""docs/events.md against what it documents: its tables are executed."""

import json
import re
from pathlib import Path

import pytest
from unit.notification.world import BORN_MS, OURS

from quietzone_notification.buses.domain import MAX_BUSES
from quietzone_notification.delivery.domain import DELAYS_MS, MAX_ATTEMPTS
from quietzone_notification.events import domain as events
from quietzone_notification.events import house
from quietzone_notification.notices import DISABLED, NOTIFICATION
from quietzone_notification.patterns import MAX_PATTERN_CHARACTERS
from quietzone_notification.rules.book import SCANNED, TRACKING
from quietzone_notification.rules.domain import MAX_RULES, MAX_TARGETS, MAX_WEIGHT
from quietzone_notification.rules.inputs import (
    MAX_OUTPUT_BYTES,
    MAX_PATHS,
    MAX_TEMPLATE,
    RESERVED,
    About,
    Input,
    InputKind,
    compile_input,
)
from quietzone_notification.streams.domain import MAX_STREAMS
from quietzone_notification.topics.domain import (
    CONFIRM_WITHIN_MS,
    MAX_ASKED,
    MAX_ASKED_BY_ACCOUNT,
    MAX_ATTRIBUTES,
    MAX_MESSAGE_BYTES,
    MAX_SUBSCRIPTIONS,
    MAX_TOPICS,
)
from quietzone_notification.topics.use_cases import MAX_POLICY

PAGE = (Path(__file__).parents[3] / "docs" / "events.md").read_text()
ROWS = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in PAGE.splitlines() if line.startswith("| ")]
TEMPLATES = [row for row in ROWS if len(row) == 2 and row[0].startswith("`") and "<" in row[0]]
HOUSE = [row for row in ROWS if row[0].startswith("`quietzone.")]
NUMBERS = {row[0]: row[1] for row in ROWS if len(row) == 3}
(DETAIL,) = re.findall(r"detail, `(\{.*\})`, and variables", PAGE)


def test_the_page_has_examples() -> None:
    assert len(TEMPLATES) >= 7
    assert len(HOUSE) >= 11


@pytest.mark.parametrize("row", TEMPLATES, ids=lambda row: row[0])
def test_a_template_gives_what_the_page_says(row: list[str]) -> None:
    template, gives = (cell.strip("`") for cell in row)
    event = events.Event("e1", OURS, "default", "shop", "Order", BORN_MS, (), DETAIL)
    paths = {name: f"$.detail.{name}" for name in ("state", "sum", "ok", "note", "items", "nothing")}

    make = compile_input(Input(InputKind.TEMPLATE, template, paths))

    assert make(event, event.tree(), About("r1", "orders", BORN_MS)) == gives


def test_every_event_of_the_house_is_on_the_page() -> None:
    source = Path(house.__file__).read_text()
    told = {row[1].strip("`") for row in HOUSE}

    assert told == set(re.findall(r'"((?:QR Code|User|Asset|Export|Quota) [A-Z][A-Za-z ]+)"', source)) | {SCANNED, DISABLED}
    sources = {house.QR, TRACKING, house.ENGAGEMENT, house.ANALYTICS, house.STORAGE, house.GATEWAY, NOTIFICATION}
    assert {row[0].strip("`") for row in HOUSE} == sources


def test_the_event_on_the_page_has_the_fields_of_one() -> None:
    (text,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    event = events.Event("e1", OURS, "default", "shop", "Order", BORN_MS, (), "{}")

    assert set(json.loads(text)) == set(event.tree())


def test_reserved_variables_are_on_the_page() -> None:
    assert [name for name in RESERVED if f"<{name}>" not in PAGE] == []


def test_the_page_has_the_numbers_that_hold() -> None:
    assert {name: NUMBERS[name] for name in NUMBERS if name in EXPECTED} == EXPECTED


EXPECTED = {
    "entries of a PutEvents": f"{events.MAX_ENTRIES}",
    "an entry": f"{events.MAX_ENTRY_BYTES // 1024} KB",
    "all entries together": f"{events.MAX_REQUEST_BYTES // 1024**2} MB",
    "buses of an account": f"{MAX_BUSES}",
    "rules of a bus": f"{MAX_RULES}",
    "alternatives of all patterns of a bus: fields in all combinations of `$or`": f"{MAX_WEIGHT:,}",
    "targets of a rule": f"{MAX_TARGETS}",
    "a pattern": f"{MAX_PATTERN_CHARACTERS:,} characters",
    "a template or a constant": f"{MAX_TEMPLATE:,} characters",
    "variables of a template": f"{MAX_PATHS}",
    "what a template makes": f"{MAX_OUTPUT_BYTES // 1024} KB",
    "topics on Kafka that an account writes to": f"{MAX_STREAMS}",
    "attempts": f"{MAX_ATTEMPTS} within {sum(DELAYS_MS) // 3_600_000} hours",
    "topics of an account": f"{MAX_TOPICS:,}",
    "subscriptions of a topic": f"{MAX_SUBSCRIPTIONS:,}",
    "a message with its attributes": f"{MAX_MESSAGE_BYTES // 1024} KB",
    "attributes of a message": f"{MAX_ATTRIBUTES}",
    "a subscription's policy": f"{MAX_POLICY:,} characters",
    "mails that ask one address, whatever an account does": f"{MAX_ASKED} in {CONFIRM_WITHIN_MS // 86_400_000} days",
    "mails that ask addresses, of an account": f"{MAX_ASKED_BY_ACCOUNT:,} in {CONFIRM_WITHIN_MS // 86_400_000} days",
    "a confirmation holds": f"{CONFIRM_WITHIN_MS // 86_400_000} days",
}
