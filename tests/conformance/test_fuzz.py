"""A slice of `make fuzz-patterns`."""

from conformance.fuzz import MOST_MS, run

PAIRS = 20_000


def test_patterns_and_events_made_by_chance_match_alike_three_ways_and_at_once() -> None:
    result = run(PAIRS, seed=1)

    assert result.disagreements == []
    assert result.slowest_ms < MOST_MS, result.slowest
    assert result.matched > PAIRS / 100
    assert result.refused > PAIRS / 1_000
