import pytest

from simulation.mutants import MUTANTS
from simulation.mutation import Mutant
from simulation.run import hunt


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
@pytest.mark.timeout(600)  # a second when a known seed catches it; minutes when all known ones have stopped to
def test_a_fault_is_caught(mutant: Mutant) -> None:
    assert hunt(mutant) is not None


def test_a_fault_whose_place_has_gone_is_said_loudly() -> None:
    mutant = Mutant("gone", "module", before="one two", after="three", why="", seeds=())

    with pytest.raises(LookupError, match="occurs 0 times"):
        mutant.applied_to("nothing of the kind")


def test_a_fault_whose_place_is_not_the_only_one_is_said_loudly() -> None:
    mutant = Mutant("twice", "module", before="one", after="three", why="", seeds=())

    with pytest.raises(LookupError, match="occurs 2 times"):
        mutant.applied_to("one one")
