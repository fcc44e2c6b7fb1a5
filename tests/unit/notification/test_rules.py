"""A set of rules: whatever is added and removed, its answer is that of each pattern alone."""

import json
import random  # noqa: TID251 - seeded
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.made import Maker
from quietzone_notification.patterns import InvalidPattern, Pattern, RuleSet, compile_pattern, read_event
from quietzone_notification.patterns import _rules as rules_module


def test_an_event_finds_the_rules_that_it_matches() -> None:
    rules: RuleSet[str] = RuleSet()
    rules.add("paid", compile_pattern('{"state":["paid"]}'))
    rules.add("dear", compile_pattern('{"sum":[{"numeric":[">",100]}]}'))
    rules.add("other", compile_pattern('{"state":["open"]}'))

    assert rules.matching({"state": "paid", "sum": 200}) == {"paid", "dear"}


def test_a_rule_that_is_removed_is_not_found_any_more() -> None:
    rules: RuleSet[int] = RuleSet()
    rules.add(1, compile_pattern('{"a":["x"]}'))
    rules.remove(1)

    assert rules.matching({"a": "x"}) == set()
    assert 1 not in rules
    with pytest.raises(KeyError):
        rules.remove(1)


def test_a_rule_that_is_added_again_has_its_new_pattern_only() -> None:
    rules: RuleSet[int] = RuleSet()
    rules.add(1, compile_pattern('{"a":["x"]}'))
    rules.add(1, compile_pattern('{"a":["y"]}'))

    assert rules.matching({"a": ["x"]}) == set()
    assert rules.matching({"a": ["y"]}) == {1}
    assert len(rules) == 1


def test_no_more_rules_than_the_bound_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules_module, "MAX_RULES", 1)
    rules: RuleSet[int] = RuleSet()
    rules.add(1, compile_pattern('{"a":["x"]}'))
    rules.add(1, compile_pattern('{"a":["y"]}'))

    with pytest.raises(ValueError, match="make another set"):
        rules.add(2, compile_pattern('{"a":["x"]}'))


def test_what_is_left_of_many_rules_after_they_are_removed_is_nothing() -> None:
    maker = Maker(3)
    patterns = [pattern for pattern in (compiled(maker.pattern()) for _ in range(300)) if pattern is not None]
    rules: RuleSet[int] = RuleSet()
    for number, pattern in enumerate(patterns):
        rules.add(number, pattern)
    order = list(range(len(patterns)))
    random.Random(1).shuffle(order)
    for number in order:
        rules.remove(number)

    assert (rules._root.size, rules._root._indexes, rules._root._absents, rules._root.entries) == (0, {}, {}, {})
    assert rules._steps.below == {}
    assert rules._shared._counts == {}


@settings(deadline=None)  # the machine may be busy
@given(st.integers(min_value=0), st.integers(1, 40))
def test_a_set_answers_as_its_patterns_do(seed: int, size: int) -> None:
    maker = Maker(seed)
    patterns = {number: pattern for number in range(size) if (pattern := compiled(maker.pattern())) is not None}
    rules: RuleSet[int] = RuleSet()
    for number, pattern in patterns.items():
        rules.add(number, pattern)
    for number in list(patterns)[::3]:
        rules.remove(number)
        del patterns[number]

    for event in (read_event(maker.event()) for _ in range(10)):
        assert rules.matching(event) == {number for number, pattern in patterns.items() if pattern.matches(event)}


@pytest.mark.parametrize(
    "member",
    [
        lambda n: f"id-{n}",
        lambda n: n,
        lambda n: {"prefix": f"id-{n}-"},
        lambda n: {"suffix": f"-{n}"},
        lambda n: {"equals-ignore-case": f"ID-{n}"},
        lambda n: {"prefix": {"equals-ignore-case": f"ID-{n}-"}},
        lambda n: {"suffix": {"equals-ignore-case": f"-X{n}"}},
        lambda n: {"wildcard": f"*-{n}-*"},
        lambda n: {"wildcard": f"id*{n}"},
        lambda n: {"numeric": [">=", n, "<", n + 1]},
        lambda n: {"numeric": [">", n]},
        lambda n: {"cidr": f"10.0.{n}.0/24"},
        lambda n: f"10.0.{n}.7",
        lambda n: {"anything-but": [f"id-{n}"]},
        lambda n: {"anything-but": {"prefix": f"id-{n}"}},
    ],
)
def test_a_hundred_rules_of_each_operator_are_told_apart(member: object) -> None:
    assert callable(member)
    patterns = {number: compile_pattern(json.dumps({"source": ["s"], "id": [member(number)]})) for number in range(100)}
    rules: RuleSet[int] = RuleSet()
    for number, pattern in patterns.items():
        rules.add(number, pattern)

    values = ["id-7", "ID-7-x", "x-7", "7", 7, 7.5, "id-17-7", "a-X7", "10.0.7.7", "10.0.7.8", None, True, "", ["id-1", "id-2", 3], "x-7-x"]
    for value in values:
        event: dict[str, object] = {"source": "s", "id": value}
        assert rules.matching(event) == {number for number, pattern in patterns.items() if pattern.matches(event)}


def test_rules_that_agree_in_hundreds_of_fields_are_told_apart() -> None:
    fields: dict[str, object] = {f"{number:x}": [1] for number in range(300)}
    rules: RuleSet[int] = RuleSet()
    for number in range(20):
        rules.add(number, compile_pattern(json.dumps({**fields, "z": [number]})))

    assert rules.matching({**dict.fromkeys(fields, 1), "z": 7}) == {7}


def test_rules_with_many_values_at_many_paths_take_bounded_room() -> None:
    fields = {key: list(range(30)) for key in "abcdef"}
    rules: RuleSet[int] = RuleSet()
    for number in range(12):
        rules.add(number, compile_pattern(json.dumps({**fields, "n": [number]})))

    assert max(len(entry.places) for entries in rules._entries.values() for entry in entries) <= 1_024
    assert rules.matching({**dict.fromkeys("abcdef", 3), "n": 5}) == {5}


def test_many_short_values_do_not_multiply_with_many_long_prefixes() -> None:
    rules: RuleSet[int] = RuleSet()
    for length in range(1, 500):
        rules.add(length, compile_pattern(json.dumps({"a": [{"prefix": "p" * length}, {"suffix": "s" * length}]})))

    began = time.thread_time()
    matched = rules.matching({"a": ["pps", *(f"{number:x}" for number in range(20_000))]})

    assert matched == {1, 2}
    assert time.thread_time() - began < 1.0  # 20 million looks otherwise


def compiled(text: str) -> Pattern | None:
    try:
        return compile_pattern(text)
    except InvalidPattern:
        return None
