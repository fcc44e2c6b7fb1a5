"""docs/patterns.md against what it documents: its tables are executed."""

import json
import re
from pathlib import Path

import pytest

from quietzone_notification.patterns import (
    MAX_COMBINATIONS,
    MAX_EVENT_BYTES,
    MAX_EVENT_DEPTH,
    MAX_FIELDS,
    MAX_PATTERN_CHARACTERS,
    MAX_PATTERN_DEPTH,
    MAX_RULES,
    MAX_WILDCARD_COMPLEXITY,
    InvalidPattern,
    compile_pattern,
    read_event,
)

PAGE = (Path(__file__).parents[3] / "docs" / "patterns.md").read_text()
ROWS = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in PAGE.splitlines() if line.startswith("| ")]


def codes(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


EXAMPLES = [row for row in ROWS if len(row) >= 4 and row[-3].startswith("`{")] + [
    ["", *row] for row in ROWS if len(row) == 3 and row[0].startswith("`{") and row[1].startswith("`{")
]
REFUSED = [row for row in ROWS if len(row) >= 2 and row[0].startswith("`{") and not row[1].startswith("`{")]


def test_the_page_has_examples_of_both_kinds() -> None:
    assert len(EXAMPLES) > 35
    assert len(REFUSED) > 10


@pytest.mark.parametrize("row", EXAMPLES, ids=lambda row: row[-3])
def test_an_example_matches_what_the_page_says(row: list[str]) -> None:
    (pattern,) = codes(row[-3])
    matching, others = codes(row[-2]), codes(row[-1])

    assert matching
    assert others
    assert [event for event in matching if not compile_pattern(pattern).matches(read_event(event))] == []
    assert [event for event in others if compile_pattern(pattern).matches(read_event(event))] == []


@pytest.mark.parametrize("row", REFUSED, ids=lambda row: row[0])
def test_a_pattern_is_refused_with_the_place_and_the_reason_that_the_page_says(row: list[str]) -> None:
    cells = row if len(row) == 3 else [row[0], "", row[1].removeprefix("| ")]

    with pytest.raises(InvalidPattern) as refused:
        compile_pattern(codes(cells[0])[0])

    assert refused.value.path == "".join(codes(cells[1]))
    assert refused.value.reason == cells[2]


def test_the_page_has_the_bounds_that_hold() -> None:
    said = {row[0]: row[1] for row in ROWS if len(row) == 3}

    assert said["a pattern's length"] == f"{MAX_PATTERN_CHARACTERS:,} characters"
    assert said["its depth"] == str(MAX_PATTERN_DEPTH)
    assert said["combinations by `$or`"] == f"{MAX_COMBINATIONS:,}"
    assert said["fields of all combinations together"] == f"{MAX_FIELDS:,}"
    assert said["a wildcard's complexity"] == str(MAX_WILDCARD_COMPLEXITY)
    assert said["an event's size and depth (`read_event`)"] == f"{MAX_EVENT_BYTES // 1024} KB, {MAX_EVENT_DEPTH}"
    assert said["rules of a set"] == f"{MAX_RULES:,}"


def test_every_operator_that_there_is_has_an_example() -> None:
    text = json.dumps([codes(row[-3]) for row in EXAMPLES])

    for operator in ("exactly", "prefix", "suffix", "equals-ignore-case", "wildcard", "numeric", "cidr", "exists", "anything-but", "$or"):
        assert operator in text
