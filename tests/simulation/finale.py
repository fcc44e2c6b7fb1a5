"""The end of a history: everything is healed, comes to rest, and is checked."""

import asyncio

from quietzone_qr.codes.domain import Code
from quietzone_tracking.spool import sources
from quietzone_tracking.spool.layout import has_begun
from simulation.audit import Auditor, problems, unreconciled
from simulation.clients import Clients
from simulation.codebook import Answer, Codebook, expected
from simulation.ledger import Ledger
from simulation.process import Process
from simulation.tuning import SNAPSHOT_EVERY_S
from simulation.world import SPOOL_FOLDER, Role, World

REST_WITHIN_S = 40.0
"""For everything to come to rest: leases of 5 s and retries of 5 s at most, some after each other."""

FOLLOWED_WITHIN_S = 40.0
"""For edges to know the latest state of each code; without faults it takes a second."""

START_WITHIN_S = 4.0
"""For an edge to be started again (a second) and to serve with what it has (2.5 s)."""

MOST_PROBLEMS = 5
"""Told of one history: they have one cause, mostly."""


class Finale:
    """Checks promise 1 while edges run, ends them, then checks promise 2."""

    def __init__(self, world: World, auditor: Auditor, clients: Clients, edges: list[Role], *, books: tuple[Ledger, Codebook]) -> None:
        self._world = world
        self._auditor = auditor
        self._clients = clients
        self._edges = edges
        self._ledger, self._codebook = books
        self._chance = world.chance.fork("finale")
        self._files = world.machine("edge").disk.files(Process(world.loop, "looks into spools"), SPOOL_FOLDER)

    async def play(self) -> None:
        """All of it."""
        while self._world.ground.in_flight():
            await asyncio.sleep(0.1)
        codes = await self._auditor.codes()
        self._violate(self._codebook.check(codes))
        await self._follow(codes)
        if self._chance.happens(0.3) and not self._codebook.forgetful:
            await self._black_out(codes)
        self._end_edges()
        await self._rest()
        counted = await self._auditor.read()
        self._violate(problems(counted, self._ledger))
        self._violate(unreconciled(await self._auditor.reconcile(), self._ledger))
        self._world.counts["scans counted"] += sum(total.scans for total in counted.totals.values())
        self._world.counts["milestones"] += len(counted.milestones)

    async def _follow(self, codes: dict[str, Code]) -> None:
        """Every edge leads every code where it leads now."""
        deadline = self._world.loop.time() + FOLLOWED_WITHIN_S
        for edge in self._edges:
            for code in codes.values():
                wanted = expected(code)
                answer: Answer | None = None
                while not self._world.violations and answer != wanted:
                    if self._world.loop.time() > deadline:
                        self._world.violate(f"{edge.name} answers {answer} for {code.slug}; should be {wanted}")
                    elif edge.is_up():
                        answer = await self._clients.scan_once(edge, code, self._chance)
                    if answer != wanted:
                        await asyncio.sleep(0.2)

    async def _black_out(self, codes: dict[str, Code]) -> None:
        """An edge that starts with everything else down leads every code where it leads now, from its own disk."""
        world, edge = self._world, self._chance.pick(self._edges)
        await asyncio.sleep(SNAPSHOT_EVERY_S + 1)
        others = [role.process for role in world.roles.values() if role not in self._edges and role.process is not None]
        weathers = (world.ground.bus_weather, world.ground.store_weather["tracking"])
        world.tell(f"--- everything is down, {edge.name} starts anew")
        for process in others:
            process.pause()
        for weather in weathers:
            weather.down = True
        if edge.process is not None:
            edge.process.kill()
        await asyncio.sleep(START_WITHIN_S)
        for code in codes.values():
            answer = await self._clients.scan_once(edge, code, self._chance)
            if answer != expected(code):
                world.violate(f"alone, {edge.name} answers {answer} for {code.slug}; should be {expected(code)}")
        for weather in weathers:
            weather.calm()
        for process in others:
            process.resume()

    def _end_edges(self) -> None:
        for edge in self._edges:
            edge.retired = True
            process = edge.process
            if process is None or not process.alive:
                continue
            if edge.stop is not None and self._chance.happens(0.5):
                self._world.tell(f"{edge.name} is asked to stop for good")
                process.call_soon(edge.stop)
            else:
                self._world.tell(f"{edge.name} is killed for good")
                process.kill()

    async def _rest(self) -> None:
        deadline = self._world.loop.time() + REST_WITHIN_S
        while not self._world.violations and (self._open_sources() or await self._auditor.behind()):
            if self._world.loop.time() > deadline:
                self._world.violate(f"no rest: sources {self._open_sources()} in the spool, {await self._auditor.behind()} records behind")
            await asyncio.sleep(0.2)

    def _open_sources(self) -> list[str]:
        """Sources that aren't drained; of an edge that was killed while it took its lock an empty folder stays, and no scan."""
        return [source for source in sources(self._files) if has_begun(self._files, source)]

    def _violate(self, found: list[str]) -> None:
        for problem in found[:MOST_PROBLEMS]:
            self._world.violate(problem)
        if len(found) > MOST_PROBLEMS:
            self._world.violate(f"and {len(found) - MOST_PROBLEMS} problems more")
