"""Seeded chance: one seed decides all of a history, so that the history can be played again.

Every part of a history draws from a stream of its own (`fork`), so that one draw more in one part leaves the others as they were.
"""

from collections.abc import Sequence
from random import Random  # noqa: TID251 - the one seeded source of the simulation
from typing import TypeVar

T = TypeVar("T")


class Chance:
    """A stream of draws that follows from its seed alone (strings are hashed with SHA-512, whatever PYTHONHASHSEED says)."""

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._random = Random(seed)

    def fork(self, name: str) -> "Chance":
        """Another stream, the same for the same seed and name."""
        return Chance(f"{self._seed}/{name}")

    def happens(self, probability: float) -> bool:
        """True with this probability."""
        return self._random.random() < probability

    def between(self, low: int, high: int) -> int:
        """An integer from `low` to `high`, both included."""
        return low + int(self._random.random() * (high - low + 1))

    def uniform(self, low: float, high: float) -> float:
        """A number from `low` to `high`."""
        return low + (high - low) * self._random.random()

    def pick(self, choices: Sequence[T]) -> T:
        """One of `choices`."""
        return choices[int(self._random.random() * len(choices))]

    def shuffle(self, items: list[T]) -> None:
        """Bring `items` into any order."""
        self._random.shuffle(items)

    def bytes(self, size: int) -> bytes:
        """`size` random bytes."""
        return self._random.randbytes(size)


class SeededRandomness:
    """The kit's `Randomness` from a stream."""

    def __init__(self, chance: Chance) -> None:
        self._chance = chance

    def token(self, size: int) -> bytes:
        """`size` bytes."""
        return self._chance.bytes(size)

    def choice(self, symbols: str) -> str:
        """One of `symbols`."""
        return self._chance.pick(symbols)

    def uniform(self, low: float, high: float) -> float:
        """A number between `low` and `high`."""
        return self._chance.uniform(low, high)
