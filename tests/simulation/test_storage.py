import subprocess
import sys
from pathlib import Path

import pytest

from simulation.mutation import Mutant
from simulation.storage_history import play
from simulation.storage_mutants import MUTANTS

HISTORIES = 75


@pytest.mark.timeout(300)  # 75 x 0.1 s, on a machine that may be busy with all other tests
async def test_no_file_is_half_there_lost_or_deleted_early_wherever_storage_dies() -> None:
    crashes = 0
    for seed in range(HISTORIES):
        try:
            crashes += await play(seed)
        except Exception as error:
            error.add_note(f"`python tests/simulation/storage_run.py --seed {seed}`")
            raise

    assert crashes > HISTORIES


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
@pytest.mark.timeout(600)  # a second when its known seed catches it; minutes when that has stopped to
def test_a_fault_in_storage_is_caught(mutant: Mutant) -> None:
    command = [sys.executable, str(Path(__file__).with_name("storage_run.py")), "--mutant", mutant.name]

    ended = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (ended.returncode, ended.stdout[:5]) == (1, "seed "), ended.stdout + ended.stderr
