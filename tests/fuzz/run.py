"""`make fuzz-api`: generated requests to every address of the API, a table of what became of them, and the seed that repeats them."""

import argparse
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
if str(TESTS) not in sys.path:
    sys.path.insert(0, str(TESTS))

from fuzz.api import Outcome, fuzzing  # noqa: E402 - the path comes first


def main() -> int:
    """Zero when every answer was as the description says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=100_000, help="how many requests")
    parser.add_argument("--seed", type=int, default=1, help="the same seed generates the same requests; ids in them are those of this run")
    parser.add_argument("--only", default="", help="addresses with this in them, such as 'POST /v1/keys'")
    given = parser.parse_args()
    with fuzzing(given.seed) as fuzz:
        fuzz.send([address for address in fuzz.addresses if given.only in address], given.cases)
        sys.stdout.write(table(fuzz.outcome, given.seed))
    return 1 if fuzz.outcome.wrong else 0


def table(outcome: Outcome, seed: int) -> str:
    """How often each address was answered with which status, and what was wrong."""
    width = max(map(len, outcome.answers))
    lines = [f"{'operation':{width}}   cases  statuses"]
    for address, counted in outcome.answers.items():
        statuses = "  ".join(f"{status} {count}" for status, count in sorted(counted.items()))
        lines.append(f"{address:{width}}  {sum(counted.values()):6,}  {statuses}")
    lines += ["", f"{outcome.cases:,} cases, seed {seed}, {outcome.seconds:,.0f} s, {outcome.worlds} worlds, {len(outcome.wrong)} faults"]
    lines += ["", outcome.faults()] if outcome.wrong else []
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    sys.exit(main())
