"""Faults under real scans; then ledger and reconcile must agree on every code.

`python tests/chaos/run.py` kills processes of a house on files; with `--backends real` its servers fail too, in all the ways of `faults`.
"""

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from chaos import kills
from chaos.arena import arena_in
from chaos.faults import FULL, SHORT, faults
from chaos.servers_fail import try_all
from house import house_in


def main() -> int:
    """Run it once; exit code 1 when anything was lost, counted twice, or otherwise wrong."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--backends", choices=("embedded", "real"), default="embedded")
    options.add_argument("--scans", type=int, default=50_000, help="embedded: how many")
    options.add_argument("--kills", type=int, default=30, help="embedded: how many")
    options.add_argument("--seed", type=int, default=1, help="embedded: which kills")
    options.add_argument("--only", default="", help="real: faults whose title has this in it")
    options.add_argument("--short", action="store_true", help="real: each fault for seconds")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="quietzone-chaos-") as folder:
        data = Path(folder) / "data"
        return _servers_fail(data, chosen) if chosen.backends == "real" else _processes_die(data, chosen)


def _processes_die(data: Path, chosen: argparse.Namespace) -> int:
    with house_in(data) as house:
        report = kills.run(house, scans=chosen.scans, kills=chosen.kills, seed=chosen.seed)
    _say("\n".join(report.lines()))
    return 1 if report.lost or report.double or report.problems else 0


def _servers_fail(data: Path, chosen: argparse.Namespace) -> int:
    wanted = [fault for fault in faults(SHORT if chosen.short else FULL) if chosen.only.lower() in fault.title.lower()]
    with arena_in(data) as arena:
        outcomes = try_all(arena, wanted, _say)
    return 1 if any(outcome.lost or outcome.double or outcome.wrong for outcome in outcomes) else 0


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
