"""Patterns and events made by chance: nothing crashes, nothing takes long, and three ways to match agree.

    python tests/conformance/fuzz.py [--pairs 1000000] [--seed 1]     (make fuzz-patterns)

Each round makes some patterns and some events and holds each pattern against each event: alone, in a set of rules from which rules are
taken away meanwhile, and by the plain interpreter of reference.py. Then it spoils texts and compiles what comes out.
"""

import argparse
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from conformance.made import Maker
from conformance.reference import reference_matches
from quietzone_notification.patterns import InvalidEvent, InvalidPattern, Pattern, RuleSet, compile_pattern, read_event

PATTERNS, EVENTS = 20, 20  # of a round
MOST_MS = 50.0


@dataclass
class Result:
    """What was seen."""

    pairs: int = 0
    matched: int = 0
    refused: int = 0
    slowest_ms: float = 0.0
    slowest: str = ""
    disagreements: list[str] = field(default_factory=list)


def run(pairs: int, seed: int) -> Result:
    """So many pairs, from a seed."""
    result = Result()
    while result.pairs < pairs and not result.disagreements:
        one_round(Maker(seed), result)
        seed += 1
    return result


def one_round(maker: Maker, result: Result) -> None:
    patterns: dict[str, Pattern] = {}
    rules: RuleSet[str] = RuleSet()
    for _ in range(PATTERNS):
        text = maker.pattern()
        pattern = timed_compile(text, result)
        if pattern is not None:
            patterns[text] = pattern
            rules.add(text, pattern)
        timed_compile(maker.spoilt(text), result)
    for number in range(EVENTS):
        text = maker.event()
        compare(patterns, rules, text, result)
        if number >= EVENTS // 2 and patterns:
            gone = next(iter(patterns))
            del patterns[gone]
            rules.remove(gone)
        spoilt_event(patterns, maker.spoilt(text))


def timed_compile(text: str, result: Result) -> Pattern | None:
    began = time.thread_time()
    try:
        return compile_pattern(text)
    except InvalidPattern:
        result.refused += 1
        return None
    finally:
        note(result, began, text)


def compare(patterns: dict[str, Pattern], rules: RuleSet[str], text: str, result: Result) -> None:
    event = read_event(text)
    matched = set()
    for each, pattern in patterns.items():
        began = time.thread_time()
        answer = pattern.matches(event)
        note(result, began, f"{each} on {text}")
        result.pairs += 1
        if answer:
            matched.add(each)
            result.matched += 1
        if answer != reference_matches(each, text) or answer != pattern.explain(event).matched:
            result.disagreements.append(f"{each} on {text}: {answer}")
    began = time.thread_time()
    answers = rules.matching(event)
    note(result, began, f"{len(patterns)} rules on {text}")
    if answers != matched:
        result.disagreements.append(f"rules {sorted(patterns)} on {text}: {sorted(answers ^ matched)}")


def spoilt_event(patterns: dict[str, Pattern], text: str) -> None:
    """An event that was damaged on its way is refused or matched, but crashes nothing."""
    try:
        event = read_event(text)
    except InvalidEvent:
        return
    for pattern in patterns.values():
        pattern.matches(event)


def note(result: Result, began: float, what: str) -> None:
    took_ms = (time.thread_time() - began) * 1_000
    if took_ms > result.slowest_ms:
        result.slowest_ms, result.slowest = took_ms, what


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    result = run(options.pairs, options.seed)
    sys.stdout.writelines(f"disagree: {line}\n" for line in result.disagreements)
    sys.stdout.write(
        f"{result.pairs:,} pairs, {result.matched:,} matched; {result.refused:,} texts refused; no crash;"
        f" slowest {result.slowest_ms:.2f} ms of CPU (at most {MOST_MS:.0f}): {result.slowest[:200]!r}\n"
    )
    return 1 if result.disagreements or result.slowest_ms > MOST_MS else 0


if __name__ == "__main__":
    sys.exit(main())
