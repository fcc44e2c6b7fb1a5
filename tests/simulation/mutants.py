"""Ten faults that could have been made, each of which the histories must find."""

from simulation.mutation import Mutant

MUTANTS: tuple[Mutant, ...] = ()
