"""One history: a world from a seed, work and faults in it, healing, and the checks at its end."""

import asyncio
import traceback
from collections import Counter
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, TypeAlias

import structlog

from quietzone_tracking.spool import SpoolLimits
from simulation.audit import Auditor
from simulation.chance import Chance
from simulation.clients import Clients, Habits
from simulation.codebook import Codebook
from simulation.finale import Finale
from simulation.ledger import Disturbance, Ledger
from simulation.loop import Deadlock, Livelock, SimulatedLoop
from simulation.nemesis import Nemesis
from simulation.process import PROCESS, Process
from simulation.reactions import SHARE, Reactions
from simulation.roles import EdgePlan, analytics, edge, forwarder, links, qr
from simulation.world import Main, Role, World

Ack: TypeAlias = Literal["spool", "disk"]

WATCH_EVERY_S = 1.5
"""Between two looks at the counts while faults are injected."""

MOST_CODES = 4
"""More would have too few scans each to reach a milestone."""

LOST = "scans are lost"
"""What a forwarder logs when scans can't be had any more; an alarm that must stay silent as long as disks keep what they have."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a history. Equal digests mean equal histories."""

    seed: int
    violations: list[str]
    counts: Counter[str]
    story: str
    digest: str


def play_one(seed: int, tell: Callable[[str], None] | None = None) -> Outcome:
    """Play the history of a seed; `tell` gets each line of it."""
    chance = Chance(f"history {seed}")
    loop = SimulatedLoop(chance.fork("loop"))
    world = World(loop, chance, tell)
    _capture_logs(world)
    try:
        loop.run_until_complete(History(world).play())
    except (Livelock, Deadlock) as error:
        world.violate(str(error))
    except Exception:  # noqa: BLE001 - whatever it is, it belongs to this seed
        world.violate(traceback.format_exc())
    for complaint in loop.complaints:
        world.violate(f"asyncio complains: {complaint}")
    for machine in world.machines.values():
        world.counts.update({f"fault: disk {kind}": times for kind, times in machine.disk.injected.items()})
    loop.finish()
    world.ground.close()
    return Outcome(seed, world.violations, world.counts, world.story(), world.digest())


class History:
    """Draws what kind of history it is, and plays it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._chance = chance = world.chance.fork("history")
        ack: Ack = chance.pick(("spool", "disk"))
        limits = SpoolLimits(
            segment_bytes=chance.pick((300, 2_000, 100_000)),
            spool_bytes=chance.pick((5_000, 10**9, 10**9, 10**9)),
            flush_interval_ms=chance.pick((10, 50)),
        )
        memory = chance.pick((100, 100, 2))
        self._ledger, self._codebook = Ledger(on_disk=ack == "disk"), Codebook(forgetful=memory < MOST_CODES)
        plan = EdgePlan(ack, limits, memory, self._unrecorded)
        self._edges = self._roles("edge", "edge", partial(edge, world=world, plan=plan), second=0.5)
        self._roles("forwarder", "edge", forwarder, second=0.1)
        self._qrs = self._roles("qr", "core", qr, second=0.3)
        self._roles("links", "core", links, second=0.3)
        self._roles("analytics", "core", analytics, second=0.5)
        self._reactions = self._staff_reactions(world.chance.fork("reactions"))
        self._storm_s = chance.pick((1.0, 3.0, 6.0))
        habits = Habits(chance.pick((0.02, 0.1)), chance.pick((0.1, 0.5)), chance.pick((20, 60, 150)), chance.between(1, MOST_CODES))
        self._clients = Clients(world, world.chance.fork("clients"), (self._ledger, self._codebook), habits)
        world.died = lambda name, at: self._ledger.disturbed(Disturbance(name, at, at, disk=False))
        self._nemesis = Nemesis(world, world.chance.fork("nemesis"), self._ledger)
        self._auditing = Process(world.loop, "auditor")
        self._auditor_place = world.ground.place(self._auditing, world.machine("core"))
        self._auditor = Auditor(self._auditor_place)
        world.tell(f"ack {ack}, {limits}, {habits}, {', '.join(world.roles)}")

    async def play(self) -> None:
        """Work, faults, healing, checks."""
        await self._auditing.ask(self._play)

    async def _play(self) -> None:
        world, chance = self._world, self._chance
        await self._auditor.open()
        async with asyncio.TaskGroup() as group:
            watch = group.create_task(self._watch())
            keepers = [group.create_task(world.supervise(role)) for role in world.roles.values()]
            await asyncio.sleep(chance.pick((0.0, 0.5)))
            clients = [group.create_task(self._clients.own(f"owner {number}", self._qrs)) for number in range(chance.between(1, 2))]
            clients += [group.create_task(self._clients.scan(f"people {number}", self._edges)) for number in range(chance.between(1, 3))]
            if self._reactions is not None:
                clients += [group.create_task(self._reactions.operate()), group.create_task(self._reactions.hinder())]
            await self._nemesis.rage(world.loop.time() + self._storm_s)
            self._nemesis.heal()
            await asyncio.sleep(chance.uniform(0, 0.5))
            for client in clients:
                client.cancel()
            await Finale(world, self._auditor, self._clients, self._edges, books=(self._ledger, self._codebook)).play()
            if self._reactions is not None:
                place = self._auditor_place
                await self._reactions.check(place.plain_bus(), place.plain_documents("tracking"))
            world.over = True
            for task in (watch, *keepers):
                task.cancel()

    async def _watch(self) -> None:
        """What may never be so, not even in between."""
        while not self._world.violations:
            await asyncio.sleep(WATCH_EVERY_S)
            for problem in (await self._auditor.counted_too_often())[:1]:
                self._world.violate(problem)

    def _roles(self, name: str, machine: str, main: Main, *, second: float) -> list[Role]:
        """One role of this kind, or two with the probability `second`."""
        count = 2 if self._chance.happens(second) else 1
        return [self._world.role(f"{name}-{number}", machine, main) for number in range(1, 1 + count)]

    def _staff_reactions(self, chance: Chance) -> Reactions | None:
        """Reactions and tasks, in a share of histories; all others are the same without them."""
        if not chance.happens(SHARE):
            return None
        reactions = Reactions(self._world, chance)
        reactions.staff()
        return reactions

    def _unrecorded(self, referrer: str) -> None:
        self._world.counts["scans unrecorded"] += 1
        self._ledger.unrecorded(referrer)


def _capture_logs(world: World) -> None:
    """Have what production classes log in the story."""

    def capture(_logger: object, method: str, event: MutableMapping[str, Any]) -> str:
        process = PROCESS.get()
        event.pop("module", None)
        name = event.pop("event", "")
        if name == LOST and event.get("source_id") not in world.may_lose:
            world.violate(f"scans are lost, and no machine has crashed since: {dict(event)}")
        world.tell(f"{process.name if process else '-'} {method}: {name} {dict(event)}")
        raise structlog.DropEvent

    structlog.configure(processors=[capture], wrapper_class=structlog.make_filtering_bound_logger(20), cache_logger_on_first_use=False)
