"""What goes wrong in a history: a seeded sequence of faults, and the healing at its end."""

import asyncio
import re
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, TypeAlias

from simulation.chance import Chance
from simulation.disk import DiskFaults
from simulation.faults import Weather
from simulation.ledger import Disturbance, Ledger
from simulation.places import Machine
from simulation.world import Role, World

LONGEST_PAUSE_S = 9.0
"""Three leases of a group: a paused owner finds its partitions with somebody else."""

LARGEST_JUMP_MS = 2 * 3_600_000
"""What a wall clock jumps at once, at most."""


REFERRER = re.compile(rb"https://s(\d+)\.test/")
"""The number of a scan, in the bytes of a spool."""

Harm: TypeAlias = tuple[str, int, Callable[[], Coroutine[Any, Any, None]]]
"""A name, how often it comes compared with the others, and how it is done."""


class Nemesis:
    """Does harm until it is told to heal, and tells the ledger what scans may suffer from it."""

    def __init__(self, world: World, chance: Chance, ledger: Ledger) -> None:
        self._world = world
        self._chance = chance
        self._ledger = ledger
        self._harms: list[Harm] = [
            ("kill -9", 6, self._kill),
            ("kill -9 within its code", 8, self._light_fuse),
            ("stop in order", 2, self._stop),
            ("pause", 4, self._pause),
            ("machine crash", 2, self._crash),
            ("machine crash at an answer", 1, self._crash_at_answer),
            ("bus outage", 2, self._bus_outage),
            ("store outage", 2, self._store_outage),
            ("bus weather", 4, self._bus_weather),
            ("store weather", 3, self._store_weather),
            ("disk errors", 2, self._disk_errors),
            ("clock jump", 2, self._clock_jump),
            ("bit flip", 1, self._bit_flip),
        ]

    async def rage(self, until_s: float) -> None:
        """One harm after the other, until this moment; those that last end by themselves or by `heal`."""
        chance, loop = self._chance, self._world.loop
        busy = chance.pick((0.15, 0.5, 1.5))
        for machine in self._world.machines.values():
            machine.disk.faults.slow = chance.pick((0.0, 0.01, 0.05))
        wheel = [harm for harm in self._harms for _ in range(harm[1])]
        strikes: list[asyncio.Task[None]] = []
        async with asyncio.TaskGroup() as lasting:
            while loop.time() < until_s and not self._world.violations:
                await asyncio.sleep(chance.uniform(0, 2 * busy))
                name, _, strike = chance.pick(wheel)
                self._world.counts[f"fault: {name}"] += 1
                strikes.append(lasting.create_task(strike()))
            for running in strikes:
                running.cancel()

    def heal(self) -> None:
        """No harm from now on."""
        world = self._world
        world.tell("--- all is healed")
        world.calm = True
        world.at_answer = None
        world.ground.bus_weather.calm()
        for weather in world.ground.store_weather.values():
            weather.calm()
        for machine in world.machines.values():
            machine.disk.faults = DiskFaults()
        for process in world.loop.processes:
            process.fuse = None
            if process.paused:
                process.resume()

    def _victim(self) -> Role:
        return self._chance.pick(list(self._world.roles.values()))

    async def _kill(self) -> None:
        role = self._victim()
        self._world.tell(f"kill -9 {role.name}")
        if role.process is not None:
            role.process.kill()

    async def _light_fuse(self) -> None:
        role = self._victim()
        if role.process is not None and role.process.alive:
            role.process.fuse = self._chance.between(1, self._chance.pick((2, 8, 30)))
            self._world.tell(f"{role.name} dies after {role.process.fuse} steps")

    async def _stop(self) -> None:
        role = self._victim()
        if role.stop is not None and role.process is not None:
            self._world.tell(f"{role.name} is asked to stop")
            role.process.call_soon(role.stop)

    async def _pause(self) -> None:
        process = self._victim().process
        if process is None or not process.alive or process.paused:
            return
        for_s = self._chance.uniform(0.1, self._chance.pick((1.0, LONGEST_PAUSE_S)))
        self._world.tell(f"{process.name} is paused for {for_s:.2f} s")
        process.pause()
        self._disturb(process.name, for_s, disk=False)
        await asyncio.sleep(for_s)
        self._world.tell(f"{process.name} goes on")
        process.resume()

    async def _crash(self) -> None:
        self._crash_now(self._chance.pick(list(self._world.machines.values())))

    async def _crash_at_answer(self) -> None:
        """The edge's machine crashes in the moment in which a client has its redirect."""
        self._world.at_answer = partial(self._crash_now, self._world.machine("edge"))

    def _crash_now(self, machine: Machine) -> None:
        self._world.tell(f"machine {machine.name} crashes")
        self._world.crash(machine)
        lost = self._ledger.machine_crashed({role.name for role in self._on(machine)}, self._world.loop.time())
        self._world.counts["scans that a crashed machine may have lost"] += lost

    async def _bus_outage(self) -> None:
        await self._outage("bus", self._world.ground.bus_weather)

    async def _store_outage(self) -> None:
        name, weather = self._store()
        await self._outage(name, weather)

    async def _outage(self, name: str, weather: Weather) -> None:
        for_s = self._chance.uniform(0.1, 4)
        self._world.tell(f"{name} is down for {for_s:.2f} s")
        weather.down = True
        await asyncio.sleep(for_s)
        weather.down = False

    async def _bus_weather(self) -> None:
        await self._storm("bus", self._world.ground.bus_weather)

    async def _store_weather(self) -> None:
        name, weather = self._store()
        await self._storm(name, weather)

    async def _storm(self, name: str, weather: Weather) -> None:
        chance = self._chance
        weather.refused = chance.pick((0.0, 0.1, 0.4))
        weather.answer_lost = chance.pick((0.0, 0.1, 0.4))
        weather.in_part = chance.pick((0.0, 0.1, 0.4))
        weather.in_flight = chance.pick((0.0, 0.1, 0.3))
        weather.twice = chance.pick((0.0, 0.0, 0.3))
        weather.late = chance.pick((0.0, 0.2, 0.6))
        weather.slowest_s = chance.pick((0.05, 0.5, 3.0))
        for_s = chance.uniform(0.2, 4)
        self._world.tell(f"{name} has bad weather for {for_s:.2f} s: {weather}")
        await asyncio.sleep(for_s)
        weather.refused = weather.answer_lost = weather.in_part = weather.in_flight = weather.twice = weather.late = 0.0

    async def _disk_errors(self) -> None:
        machine = self._chance.pick(list(self._world.machines.values()))
        chance = self._chance
        slow = machine.disk.faults.slow
        faults = DiskFaults(chance.pick((0.0, 0.3, 1.0)), chance.pick((0.0, 0.2, 0.6)), chance.pick((0.0, 0.3, 0.8)), slow)
        for_s = chance.uniform(0.1, 2)
        self._world.tell(f"the disk of {machine.name} fails for {for_s:.2f} s: {faults}")
        machine.disk.faults = faults
        for role in self._on(machine):
            self._disturb(role.name, for_s, disk=True)
        await asyncio.sleep(for_s)
        machine.disk.faults = DiskFaults(slow=slow)

    async def _clock_jump(self) -> None:
        machine = self._chance.pick(list(self._world.machines.values()))
        span = self._chance.pick((2_000, LARGEST_JUMP_MS))
        machine.skew_ms = self._chance.between(-span, span)
        self._world.tell(f"the clock of {machine.name} is off by {machine.skew_ms} ms")
        for role in self._on(machine):
            if role.process is not None:
                role.process.skew_ms = machine.skew_ms

    async def _bit_flip(self) -> None:
        """A spool's disk hands back another byte than was written: the scans of that segment may be lost, but not silently."""
        machine = self._chance.pick(list(self._world.machines.values()))
        segments = [path for path in machine.disk.paths() if path.endswith(".seg") and machine.disk.content(path)]
        if not segments:
            return
        path = self._chance.pick(segments)
        data = machine.disk.content(path)
        offset = self._chance.between(0, len(data) - 1)
        self._world.tell(f"byte {offset} of {path} flips")
        machine.disk.damage(path, offset, bytes([data[offset] ^ (1 << self._chance.between(0, 7))]))
        self._world.may_lose.add(path.split("/")[-2])
        for number in REFERRER.findall(data):
            self._ledger.may_be_gone(int(number))

    def _on(self, machine: Machine) -> list[Role]:
        return [role for role in self._world.roles.values() if role.machine is machine]

    def _disturb(self, name: str, for_s: float, *, disk: bool) -> None:
        now = self._world.loop.time()
        self._ledger.disturbed(Disturbance(name, now, now + for_s, disk))

    def _store(self) -> tuple[str, Weather]:
        return self._chance.pick(list(self._world.ground.store_weather.items()))
