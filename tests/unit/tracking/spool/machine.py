"""A machine whose disk loses what was not flushed."""

from typing import TYPE_CHECKING, Self

from ports import Inline

from quietzone_tracking.spool import SpoolLimits, SpoolWriter
from simulation.chance import Chance
from simulation.disk import Disk
from simulation.loop import Process, SimulatedLoop

if TYPE_CHECKING:
    from quietzone_kit.files import Files


class StillClock:
    """A clock that stands."""

    def now_ms(self) -> int:
        return 1_700_000_000_000

    def monotonic(self) -> float:
        return 0.0


class Machine:
    """A disk, the process of an edge that writes a spool on it, and one that reads it."""

    def __init__(self, seed: str = "spool") -> None:
        self._loop = SimulatedLoop(Chance(seed))
        self.disk = Disk(Chance(seed))
        self.edge = Process(self._loop, "edge")
        self.files: Files = self.disk.files(Process(self._loop, "forwarder"))

    def writer(self, source: str = "source", limits: SpoolLimits | None = None) -> SpoolWriter:
        limits = limits or SpoolLimits()
        return SpoolWriter.open(self.disk.files(self.edge), Inline(), StillClock(), limits, new_source=lambda: source)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.finish()
