"""A history's world: machines, the processes that a supervisor keeps running on them, and what is told of it."""

import asyncio
import traceback
from collections import Counter, deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import Any, TypeAlias, TypeVar

from quietzone_kit.bus import BusUnavailable
from quietzone_kit.documents import DocumentsUnavailable
from simulation.chance import Chance
from simulation.disk import Disk
from simulation.loop import SimulatedLoop
from simulation.places import Ground, Machine, Place
from simulation.process import Gone, Process

T = TypeVar("T")

SPOOL_FOLDER = "tracking"
"""Where edges and forwarder of a machine keep their files."""

STORY_LINES = 60
"""What is kept of a history to be told when it fails."""

TRANSIENT = (BusUnavailable, DocumentsUnavailable, OSError, TimeoutError)
"""What a process may die of while faults are injected; a supervisor starts it again."""


class Wrong(Exception):
    """Something happened that must never happen."""


Main: TypeAlias = Callable[[Place, "Role"], Coroutine[Any, Any, None]]
"""What a role's process runs."""


@dataclass(slots=True)
class Role:
    """A process that is kept running. `service` is what others may ask of it, `stop` ends it in order; both while it runs."""

    name: str
    machine: Machine
    main: Main
    process: Process | None = None
    service: Any = None
    stop: Callable[[], None] | None = None
    starts: int = 0
    retired: bool = False

    def is_up(self) -> bool:
        """Whether it can be asked."""
        return self.process is not None and self.process.alive and self.service is not None


class World:
    """Processes on machines. `tell` gets every line of the history."""

    def __init__(self, loop: SimulatedLoop, chance: Chance, tell: Callable[[str], None] | None) -> None:
        self.loop = loop
        self.chance = chance
        self.counts: Counter[str] = Counter()
        self.violations: list[str] = []
        self.ground = Ground(loop, chance.fork("ground"), self.counts)
        self.machines: dict[str, Machine] = {}
        self.roles: dict[str, Role] = {}
        self.calm = False
        self.at_answer: Callable[[], None] | None = None
        self.died: Callable[[str, float], None] = _nobody
        self.over = False
        self.may_lose: set[str] = set()
        self._supervision = chance.fork("supervisor")
        self._tell = tell
        self._story: deque[str] = deque(maxlen=STORY_LINES)
        self._digest = sha256()

    def tell(self, line: str) -> None:
        """Add a line to the history."""
        line = f"{self.loop.time():9.4f} {line}"
        self._digest.update(line.encode())
        self._story.append(line)
        if self._tell is not None:
            self._tell(line)

    def violate(self, what: str) -> None:
        """Take down that something is wrong."""
        self.tell(f"VIOLATION {what}")
        self.violations.append(what)

    def story(self) -> str:
        """The last lines of the history."""
        return "\n".join(self._story)

    def digest(self) -> str:
        """The same for two histories only if all that was told is the same."""
        return f"{self._digest.hexdigest()[:16]} after {self.loop.steps} steps"

    def machine(self, name: str) -> Machine:
        """A machine, made when it is asked for first."""
        if name not in self.machines:
            self.machines[name] = Machine(name, Disk(self.chance.fork(f"disk of {name}")))
        return self.machines[name]

    def role(self, name: str, machine: str, main: Main) -> Role:
        """A role to be kept running."""
        role = self.roles[name] = Role(name, self.machine(machine), main)
        return role

    async def supervise(self, role: Role) -> None:
        """Start a role's process whenever there is none."""
        while not self.over and not role.retired and not self.violations:
            role.process = process = Process(self.loop, role.name)
            role.starts += 1
            place = self.ground.place(process, role.machine)
            self.tell(f"{role.name} starts")
            process.start(partial(role.main, place, role))
            reason = await process.ended
            self.died(role.name, self.loop.time())
            role.service = role.stop = None
            self._judge(role, reason)
            if not self.over:
                await asyncio.sleep(self._supervision.uniform(0.05, 1.0))

    def answered(self) -> None:
        """A scan was redirected: the moment for which some faults wait."""
        strike, self.at_answer = self.at_answer, None
        if strike is not None:
            strike()

    async def ask(self, role: Role, work: Callable[[Any], Coroutine[Any, Any, T]], *, within_s: float) -> T:
        """What a role's service answers; raises Gone or TimeoutError when it doesn't."""
        process, service = role.process, role.service
        if process is None or service is None:
            raise Gone(role.name)
        async with asyncio.timeout(within_s):
            return await process.ask(partial(work, service))

    def crash(self, machine: Machine) -> None:
        """The machine loses its power; its processes start again when it is back."""
        for role in self.roles.values():
            if role.machine is machine and role.process is not None:
                role.process.kill()
        machine.disk.crash()
        self.may_lose.update(path.split("/")[2] for path in machine.disk.paths() if path.startswith(f"{SPOOL_FOLDER}/spool/"))

    def _judge(self, role: Role, reason: BaseException | None) -> None:
        """A process may end when it was killed or asked to, and of errors that were injected."""
        if reason is None:
            self.tell(f"{role.name} is gone")
            self.counts["deaths of processes"] += 1
        elif all(isinstance(error, TRANSIENT) for error in _leaves(reason)) and not self.calm:
            self.counts["processes that died of an injected error"] += 1
            self.tell(f"{role.name} died of {reason!r}")
        else:
            trace = "".join(traceback.format_exception(reason))
            self.violate(f"{role.name} died of {reason!r}\n{trace}")


def _nobody(name: str, at: float) -> None:
    """Nobody wants to know."""


def _leaves(error: BaseException) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [leaf for part in error.exceptions for leaf in _leaves(part)]
    return [error]
