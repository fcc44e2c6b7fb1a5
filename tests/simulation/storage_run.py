"""Plays histories of storage: `python tests/simulation/storage_run.py --seed 72`, or many; with a mutant until one catches it."""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # as pytest does it

from simulation.mutation import install
from simulation.storage_mutants import MUTANTS


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when all histories went well; 1 when one didn't, which is printed with its seed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, nargs="*", default=[], help="these histories only")
    parser.add_argument("--histories", type=int, default=1_000, help="so many, from seed 0 on")
    parser.add_argument("--mutant", choices=[mutant.name for mutant in MUTANTS], help="with this fault in the code")
    options = parser.parse_args(arguments)
    seeds = options.seed or range(options.histories)
    for mutant in MUTANTS:
        if mutant.name == options.mutant:
            install(mutant)
            seeds = options.seed or (*mutant.seeds, *range(options.histories))
    return asyncio.run(_play(seeds))


async def _play(seeds: Sequence[int]) -> int:
    from simulation.storage_history import play  # noqa: PLC0415 - the mutant is in place now

    for seed in seeds:
        try:
            await play(seed)
        except Exception as error:  # noqa: BLE001 - a mutant may fail in any way
            sys.stdout.write(f"seed {seed}: {error!r}\n")
            return 1
    sys.stdout.write(f"{len(seeds)} histories without a fault\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
