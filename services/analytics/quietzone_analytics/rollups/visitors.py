"""How many different visitors there were: a HyperLogLog whose state depends on the set of hashes alone.

Neither order nor repetition nor chunking can show in it, so a replay gives the same bytes. Up to EXACT_LIMIT hashes are kept as they
are; from then on 2**12 registers hold, for the hashes that share their first 12 bits, the longest run of zeros that follows.
"""

import math
import struct
from collections.abc import Iterable

EXACT_LIMIT = 256  # 2 KB, half of what the registers take; most codes never have more visitors a day
_PRECISION = 12  # standard error 1.04 / sqrt(2**12) = 1.6 %
_REGISTERS = 1 << _PRECISION
_REST = 64 - _PRECISION
_REST_MASK = (1 << _REST) - 1
_ALPHA = 1 / (2 * math.log(2))
NO_VISITOR = 0


class Visitors:
    """A set of 64-bit hashes that are spread evenly; 0 stands for no visitor and isn't counted."""

    __slots__ = ("_exact", "_registers")

    def __init__(self) -> None:
        self._exact: set[int] = set()
        self._registers: bytearray | None = None

    @classmethod
    def from_state(cls, state: bytes) -> "Visitors":
        """What `state` was called on.

        Raises:
            ValueError: these bytes are no state.
        """
        visitors = cls()
        if len(state) == _REGISTERS:
            visitors._registers = bytearray(state)
        elif len(state) % 8 == 0 and len(state) <= EXACT_LIMIT * 8:
            visitors._exact = set(struct.unpack(f">{len(state) // 8}Q", state))
        else:
            raise ValueError(f"{len(state)} bytes are no set of visitors: it has 0 to {EXACT_LIMIT} times 8, or {_REGISTERS}")
        return visitors

    def state(self) -> bytes:
        """The hashes in ascending order, 8 bytes each, or the registers, a byte each."""
        if self._registers is not None:
            return bytes(self._registers)
        return struct.pack(f">{len(self._exact)}Q", *sorted(self._exact))

    def add(self, hashes: Iterable[int]) -> None:
        """Add these to the set."""
        if self._registers is None:
            self._exact.update(hashes)
            self._exact.discard(NO_VISITOR)
            if len(self._exact) > EXACT_LIMIT:
                self._registers = bytearray(_REGISTERS)
                _raise_registers(self._registers, self._exact)
                self._exact = set()
        else:
            _raise_registers(self._registers, hashes)

    def estimate(self) -> int:
        """How many hashes the set has: exact up to EXACT_LIMIT."""
        if self._registers is None:
            return len(self._exact)
        return round(_estimate(self._registers))


def _raise_registers(registers: bytearray, hashes: Iterable[int]) -> None:
    for value in hashes:
        if value == NO_VISITOR:
            continue
        index = value >> _REST
        rank = _REST + 1 - (value & _REST_MASK).bit_length()
        if rank > registers[index]:  # noqa: PLR1730 - it rarely is, and a call of max takes longer than the rest
            registers[index] = rank


def _estimate(registers: bytearray) -> float:
    """The improved raw estimator: O. Ertl, arXiv:1702.01284, algorithm 6; needs no tables of bias, and no ranges."""
    counts = [registers.count(rank) for rank in range(_REST + 2)]
    sum_ = _REGISTERS * _tau(1 - counts[_REST + 1] / _REGISTERS)
    for rank in range(_REST, 0, -1):
        sum_ = 0.5 * (sum_ + counts[rank])
    sum_ += _REGISTERS * _sigma(counts[0] / _REGISTERS)
    return _ALPHA * _REGISTERS * _REGISTERS / sum_ if sum_ else 2.0**64  # every register at its end: as many as there are hashes


def _sigma(x: float) -> float:
    """Of x**(2**k) * 2**(k-1) for k ≥ 1 the sum, plus x. Never asked for x = 1: more than EXACT_LIMIT hashes fill a register."""
    power, sum_, before = 1.0, x, -1.0
    while sum_ != before:
        x *= x
        before = sum_
        sum_ += x * power
        power += power
    return sum_


def _tau(x: float) -> float:
    """A third of 1 - x - the sum of (1 - x**(2**-k))**2 * 2**-k for k ≥ 1."""
    if x in (0.0, 1.0):
        return 0.0
    power, sum_, before = 1.0, 1 - x, -1.0
    while sum_ != before:
        x = math.sqrt(x)
        before = sum_
        power *= 0.5
        sum_ -= (1 - x) ** 2 * power
    return sum_ / 3
