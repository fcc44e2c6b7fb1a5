"""AWS's own cases of EventBridge's language."""

import json
from collections.abc import Callable

import pytest

from conformance.cases import EVENT_PATTERNS, Case, event_patterns
from quietzone_notification.patterns import InvalidPattern, RuleSet, compile_pattern, read_event

CASES = event_patterns()
OURS_ON_PURPOSE: frozenset[str] = frozenset()
"""Patterns that we take otherwise than AWS's engine, each with its reason in docs/patterns.md. There are none."""

pytestmark = pytest.mark.skipif(not CASES, reason=f"the cases aren't here: {EVENT_PATTERNS} is missing")


@pytest.mark.parametrize("test", CASES)
def test_each_case_of_awss_engine_comes_out_as_there(test: str, record_property: Callable[[str, object], None]) -> None:
    wrong = [case for case in CASES[test] if answer(case) != case.expected and not OURS_ON_PURPOSE.intersection(case.patterns)]

    record_property("conformance", ("EventBridge patterns (aws/event-ruler)", len(CASES[test]) - len(wrong), len(CASES[test])))
    assert wrong == []


@pytest.mark.parametrize("test", CASES)
def test_a_set_of_rules_answers_as_its_patterns_do_in_each_case(test: str) -> None:
    patterns = {text: compile_pattern(text) for case in CASES[test] if case.kind == "match" for text in case.patterns}
    rules: RuleSet[str] = RuleSet()
    for text, pattern in patterns.items():
        rules.add(text, pattern)

    for text in {case.event for case in CASES[test] if case.kind == "match"}:
        event = read_event(text)
        assert rules.matching(event) == {text for text, pattern in patterns.items() if pattern.matches(event)}


@pytest.mark.parametrize("test", CASES)
def test_an_explanation_says_the_same_as_the_answer_in_each_case(test: str) -> None:
    for case in CASES[test]:
        if case.kind == "match":
            event = json.loads(case.event)
            assert any(compile_pattern(text).explain(event).matched for text in case.patterns) == (case.expected == "match")


def answer(case: Case) -> str:
    """Our answer, in the words of the file; of matching both for the event as it was read by us and as by Python's own reader."""
    try:
        patterns = [compile_pattern(text) for text in case.patterns]
    except InvalidPattern as error:
        return "invalid" if case.kind == "compile" else str(error)
    if case.kind == "compile":
        return "valid"
    ours, pythons = (any(pattern.matches(event) for pattern in patterns) for event in (read_event(case.event), json.loads(case.event)))
    return ("match" if ours else "nomatch") if ours == pythons else "both"
