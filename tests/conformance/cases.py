"""Cases that others wrote: they lie beside the checkout, in ../shared/conformance (its README says whose they are), never in it."""

import json
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

FOLDER = Path(__file__).parents[3] / "shared" / "conformance"
EVENT_PATTERNS = FOLDER / "event_patterns.jsonl"


@dataclass(frozen=True, slots=True)
class Case:
    """A case of `event_patterns.jsonl`. One of kind `compile` has one pattern and no event; it is `valid` or `invalid`."""

    kind: str
    patterns: tuple[str, ...]
    event: str
    expected: str
    test: str


def event_patterns() -> dict[str, list[Case]]:
    """The cases by the name of the test that they came from; none if the file isn't there."""
    if not EVENT_PATTERNS.exists():
        return {}
    cases = sorted((_case(json.loads(line)) for line in EVENT_PATTERNS.read_text().splitlines()), key=lambda case: case.test)
    return {test: list(group) for test, group in groupby(cases, key=lambda case: case.test)}


def _case(read: dict[str, object]) -> Case:
    patterns = read.get("patterns", [read.get("pattern")])
    assert isinstance(patterns, list)
    return Case(str(read["kind"]), tuple(map(str, patterns)), str(read.get("event", "")), str(read["expected"]), str(read["test"]))
