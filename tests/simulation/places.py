"""What a simulated process stands on: the ports that production classes take, on simulated disks, stores and networks."""

from collections import Counter
from dataclasses import dataclass

from quietzone_kit.bus import Bus, open_bus
from quietzone_kit.documents import Documents, open_documents
from quietzone_kit.files import Files
from simulation.chance import Chance, SeededRandomness
from simulation.disk import Disk
from simulation.faults import FaultyBus, FaultyDocuments, Weather, bus_sky, documents_sky
from simulation.loop import SimulatedLoop
from simulation.process import Process
from simulation.runtime import InlineExecutor, ProcessClock
from simulation.stores import Database

STORES = ("qr", "tracking", "analytics")


@dataclass(slots=True)
class Machine:
    """A machine: its disk, and how far its wall clock is off."""

    name: str
    disk: Disk
    skew_ms: int = 0


class Ground:
    """What all processes of a history share: the databases (their files lie on disks that keep what was committed) and the network."""

    def __init__(self, loop: SimulatedLoop, chance: Chance, counts: Counter[str]) -> None:
        self.loop = loop
        self.chance = chance
        self.counts = counts
        self.bus_weather = Weather()
        self.store_weather = {name: Weather() for name in STORES}
        self._bus = Database("bus")
        self._stores = {name: Database(name) for name in STORES}
        self._far_side = Place(self, Process(loop, "far side"), Machine("far side", Disk(chance.fork("far side"))))
        self._far_bus = self._far_side.plain_bus()
        self._far_stores = {name: self._far_side.plain_documents(name) for name in STORES}

    def place(self, process: Process, machine: Machine) -> "Place":
        """What a new process of this machine stands on."""
        return Place(self, process, machine)

    def in_flight(self) -> bool:
        """Whether calls are still carried out whose callers may be gone."""
        return not self._far_side.process.is_idle()

    def close(self) -> None:
        """Forget the databases."""
        self._bus.close()
        for store in self._stores.values():
            store.close()


class Place:
    """The ports of one process."""

    def __init__(self, ground: Ground, process: Process, machine: Machine) -> None:
        self._ground = ground
        self._machine = machine
        self._chance = ground.chance.fork(f"{process.name} {len(ground.loop.processes)}")
        self._executors = 0
        self.process = process
        self.clock = ProcessClock(process)
        self.randomness = SeededRandomness(self._chance.fork("randomness"))
        process.skew_ms = machine.skew_ms

    def executor(self, threads: int = 1) -> InlineExecutor:
        """What runs blocking work."""
        self._executors += 1
        return InlineExecutor(self.process, self._chance.fork(f"executor {self._executors}"), threads=threads)

    def files(self, root: str = "") -> Files:
        """A folder of the machine's disk."""
        return self._machine.disk.files(self.process, root)

    def bus(self) -> Bus:
        """The bus, as far as the weather lets through."""
        ground = self._ground
        sky = bus_sky(ground.bus_weather, self._chance.fork("bus"), ground.counts, ground._far_side.process)
        return FaultyBus(self.plain_bus(), sky, ground._far_bus)

    def plain_bus(self) -> Bus:
        """The bus itself."""
        connect = self._ground._bus.connector(self.process)
        return open_bus("sqlite:///bus.db", clock=self.clock, executor=self.executor(2), randomness=self.randomness, connect=connect)

    def documents(self, store: str) -> Documents:
        """A service's store, as far as the weather lets through."""
        ground = self._ground
        sky = documents_sky(ground.store_weather[store], self._chance.fork(store), ground.counts, ground._far_side.process)
        return FaultyDocuments(self.plain_documents(store), sky, ground._far_stores[store])

    def plain_documents(self, store: str) -> Documents:
        """A service's store itself."""
        connect = self._ground._stores[store].connector(self.process)
        return open_documents(f"sqlite:///{store}.db", executor=self.executor(2), randomness=self.randomness, connect=connect)
