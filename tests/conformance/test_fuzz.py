"""A slice of `make fuzz-patterns`, which also judges how long each pair takes: no clock decides here."""

import pytest

from conformance.fuzz import run
from quietzone_notification.patterns import _reading

PAIRS = 20_000


def test_patterns_and_events_made_by_chance_match_alike_three_ways() -> None:
    result = run(PAIRS, seed=1)

    assert result.disagreements == []
    assert result.matched > PAIRS / 100
    assert result.refused > PAIRS / 1_000


def test_looked_up_as_for_many_values_they_match_alike_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_reading, "MANY", 0)

    assert run(PAIRS // 4, seed=2).disagreements == []
