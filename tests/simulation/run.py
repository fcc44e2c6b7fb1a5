"""Plays histories, and says what they found.

::

    python tests/simulation/run.py --histories 10000 --processes 2     10,000 histories and every mutant; prints a report
    python tests/simulation/run.py --seed 4711                         one history again, with all that happened in it
    python tests/simulation/run.py --seed 4711 --mutant NAME           the same with a fault in the code

Each history is played in an interpreter with PYTHONHASHSEED=0, so that sets have one order: a seed means the same everywhere.
"""

# ruff: noqa: T201 - it prints its report
import argparse
import gc
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

TESTS = Path(__file__).resolve().parents[1]
if str(TESTS) not in sys.path:
    sys.path.insert(0, str(TESTS))

from simulation.mutants import MUTANTS  # noqa: E402 - the path comes first
from simulation.mutation import Mutant, install  # noqa: E402

if TYPE_CHECKING:
    from simulation.history import Outcome

COLLECT_EVERY = 20
"""Histories between two garbage collections: within a history collecting would only cost time."""

MUTANT_SEEDS = 1000
"""Within how many histories a mutant must be caught."""


@dataclass(slots=True)
class Report:
    """What a run of histories found."""

    histories: int = 0
    seconds: float = 0.0
    counts: Counter[str] = field(default_factory=Counter)
    failures: list[tuple[int, str]] = field(default_factory=list)
    digests: dict[int, str] = field(default_factory=dict)

    def add(self, line: str) -> None:
        """Take in what a worker printed for one history."""
        outcome = json.loads(line)
        self.histories += 1
        self.counts.update(outcome["counts"])
        self.digests[outcome["seed"]] = outcome["digest"]
        if outcome["violations"]:
            self.failures.append((outcome["seed"], outcome["story"]))

    @property
    def caught_by(self) -> int | None:
        """The first seed with a violation."""
        return min((seed for seed, _ in self.failures), default=None)


def main() -> int:
    """The command line."""
    options = _options()
    if options.worker:
        return _work(options)
    if options.seed is not None:
        return _replay(options)
    report = Report() if options.only_mutants else play(options.start, options.histories, options.processes, newer=options.newer)
    if not options.only_mutants:
        _print(report)
    missed = 0 if options.no_mutants else _hunt_mutants(options.processes)
    return 1 if report.failures or missed else 0


def play(start: int, histories: int, processes: int = 1, *, mutant: str | None = None, stop: bool = False, newer: bool = False) -> Report:
    """Play the seeds from `start` on in child processes; with `stop`, each child ends at its first violation; `newer` as the option."""
    report = Report()
    began = time.perf_counter()
    share = -(-histories // processes)
    starts = range(start, start + histories, share)
    with ThreadPoolExecutor(len(starts)) as pool:
        flags = [flag for flag, is_set in (("--stop", stop), ("--newer", newer)) if is_set]
        for lines in pool.map(lambda first: list(_child(first, min(share, start + histories - first), mutant, flags)), starts):
            for line in lines:
                report.add(line)
    report.seconds = time.perf_counter() - began
    return report


def hunt(mutant: Mutant) -> int | None:
    """The first seed that catches a mutant: of those that are known to, else of the first MUTANT_SEEDS; None when none does."""
    for seed in mutant.seeds:
        if play(seed, 1, mutant=mutant.name).failures:
            return seed
    return play(0, MUTANT_SEEDS, mutant=mutant.name, stop=True).caught_by


def _child(start: int, histories: int, mutant: str | None, flags: Sequence[str]) -> Iterator[str]:
    command = [sys.executable, str(Path(__file__).resolve()), "--worker", "--start", str(start), "--histories", str(histories), *flags]
    if mutant is not None:
        command += ["--mutant", mutant]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=_environment()) as child:
        assert child.stdout is not None
        yield from child.stdout
    if child.returncode != 0:
        raise RuntimeError(f"a player of histories ended with exit code {child.returncode}; it said why above")


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONHASHSEED": "0"}


def _player(mutant: str | None, *, newer: bool) -> "Callable[[int, Callable[[str], None] | None], Outcome]":
    """What plays a history, with production code imported in the order that matters: the mutant, what is tuned, all the rest."""
    if mutant is not None:
        install(_mutant(mutant))
    from simulation import tuning  # noqa: PLC0415
    from simulation.history import play_one  # noqa: PLC0415

    tuning.tune()
    if newer:
        _share_stores_with_a_newer_release()
    return play_one


def _share_stores_with_a_newer_release() -> None:
    """Have each process find fields in its stores that it doesn't know; one that drops them dies of it."""
    from newer import NewerStore  # noqa: PLC0415 - after the tuning, as all that imports production code

    from quietzone_kit.documents import Documents, open_documents  # noqa: PLC0415
    from simulation import places, reactions  # noqa: PLC0415

    def found_out(collection: str, where: list[str]) -> None:
        raise AssertionError(f"collection {collection}: a newer release's fields were dropped at {', '.join(where)}")

    def open_shared(*args: Any, **options: Any) -> Documents:
        return NewerStore(open_documents(*args, **options), found_out, left_alone=frozenset({reactions.EFFECTS.name}))

    places.open_documents = open_shared


def _work(options: argparse.Namespace) -> int:
    """In a child: one line of JSON for each history."""
    play_one = _player(options.mutant, newer=options.newer)
    gc.disable()
    for number, seed in enumerate(range(options.start, options.start + options.histories)):
        outcome = play_one(seed, None)
        if number % COLLECT_EVERY == 0:
            gc.collect()
        line = {"seed": seed, "violations": outcome.violations, "counts": outcome.counts, "story": outcome.story, "digest": outcome.digest}
        sys.stdout.write(f"{json.dumps(line)}\n")
        sys.stdout.flush()
        if outcome.violations and options.stop:
            break
    return 0


def _replay(options: argparse.Namespace) -> int:
    """One history with all that happened in it."""
    if os.environ.get("PYTHONHASHSEED") != "0":
        return subprocess.run([sys.executable, *sys.argv], env=_environment(), check=False).returncode
    outcome = _player(options.mutant, newer=options.newer)(options.seed, print)
    print(f"digest {outcome.digest}")
    print("\n".join(f"VIOLATION {violation}" for violation in outcome.violations) or "no violation")
    return 1 if outcome.violations else 0


def _hunt_mutants(processes: int) -> int:
    print(f"\n{'mutant':44} {'caught by seed':>14}")
    missed = 0
    with ThreadPoolExecutor(processes) as pool:
        reports = pool.map(lambda mutant: play(0, MUTANT_SEEDS, mutant=mutant.name, stop=True), MUTANTS)
        for mutant, report in zip(MUTANTS, reports, strict=True):
            seed = report.caught_by
            missed += seed is None
            print(f"{mutant.name:44} {'NOT CAUGHT' if seed is None else seed:>14}", flush=True)
    return missed


def _print(report: Report) -> None:
    print(f"{'histories':44} {report.histories:>14,}")
    for name, number in sorted(report.counts.items()):
        print(f"{name:44} {number:>14,}")
    print(f"{'milliseconds a history and process':44} {report.seconds * 1000 / max(report.histories, 1):>14.1f}")
    print(f"{'violations':44} {len(report.failures):>14,}", flush=True)
    for seed, story in report.failures[:5]:
        print(f"\nseed {seed}: play it again with `python tests/simulation/run.py --seed {seed}`\n{story}")


def _mutant(name: str) -> Mutant:
    found = [mutant for mutant in MUTANTS if mutant.name == name]
    if not found:
        raise SystemExit(f"no mutant {name}; there are {', '.join(mutant.name for mutant in MUTANTS)}")
    return found[0]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Play seeded histories of the whole system and check promises 1 and 2.")
    parser.add_argument("--histories", type=int, default=500)
    parser.add_argument("--start", type=int, default=0, help="the first seed")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--seed", type=int, help="play this one history and print all that happens")
    parser.add_argument("--mutant", help="with this fault in the code (see mutants.py)")
    parser.add_argument("--newer", action="store_true", help="in stores that a newer release writes to (see tests/newer.py)")
    parser.add_argument("--no-mutants", action="store_true", help="leave the hunt for mutants out")
    parser.add_argument("--only-mutants", action="store_true", help="hunt for mutants only: which seed is the first to catch each")
    parser.add_argument("--stop", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
