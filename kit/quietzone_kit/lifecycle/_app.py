"""What a process consists of, in the order in which it was put together; it is taken apart in reverse."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol, TypeAlias

from quietzone_kit.bus import BusError
from quietzone_kit.documents import DocumentsError
from quietzone_kit.telemetry import logger

log = logger(__name__)

CLOSE_S = 5.0
"""What all closings of a process may take together: a store's last fsync on a slow disk; longer means that something hangs."""

CLOSE_LEAST_S = 0.1
"""What of it is kept for each that is still to be closed, whatever hangs before it: most need milliseconds."""

READINESS_POLL_S = 0.02
"""Between looks at the conditions while starting; start-up is measured in tenths of a second."""


class Server(Protocol):
    """Something that accepts connections."""

    async def start(self) -> None:
        """Accept from now on; raises when the address is taken."""

    async def stop(self, grace_s: float) -> None:
        """Accept nothing new; return when what is under way has ended, or was cut off after `grace_s`."""


class State(Enum):
    """Where a process is in its life; each follows the one above."""

    STARTING = "starting"
    READY = "ready"
    DRAINING = "draining"
    STOPPED = "stopped"


class TaskDied(Exception):
    """A task that should run as long as its process ended by itself, or work that should end didn't; its cause says why."""


class NotDone(Exception):
    """Work couldn't be done, or what it found isn't well: says what, for people."""


@dataclass(frozen=True, slots=True)
class _Task:
    name: str
    main: Callable[[], Coroutine[Any, Any, None]]
    stop: Callable[[], None] | None


@dataclass(frozen=True, slots=True)
class _Server:
    name: str
    server: Server


@dataclass(frozen=True, slots=True)
class _Resource:
    name: str
    close: Callable[[], Awaitable[None]]


class App:
    """A process's parts. Register in the order of need: what is registered last stops first.

    So stores and the bus come first, then tasks, then servers for others.
    `drain_s` bounds how long servers and tasks may take to finish what is under way, all together. Closing the resources, what servers
    take beyond that, and what tasks take to end when they are cancelled, share CLOSE_S. So a process stops within `drain_s` + CLOSE_S, the
    operators' port included; only a task or a closing that doesn't heed its cancellation keeps it longer.
    """

    def __init__(self, *, drain_s: float = 10.0) -> None:
        self._drain_s = drain_s
        self._parts: list[_Task | _Server | _Resource] = []
        self._conditions: dict[str, Callable[[], str | None]] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._accepting: set[str] = set()
        self._stopping = asyncio.Event()
        self._death: TaskDied | None = None
        self._unfinished: str | None = None
        self.state = State.STARTING

    def task(self, name: str, main: Callable[[], Coroutine[Any, Any, None]], *, stop: Callable[[], None] | None = None) -> None:
        """Run `main()` as long as the process lives; when it ends or fails by itself, the process ends with its reason.

        On the way down `stop()` asks it to finish and it has what is left of `drain_s` for that; without `stop` it is cancelled.
        """
        self._parts.append(_Task(name, main, stop))

    def once(self, name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Do this one work, then stop. A process that is stopped before its end has died: whoever started it is to start it again.

        What builds such an app only opens things: a signal that comes before `serve` doesn't find unfinished work.
        """

        async def do() -> None:
            await work()
            self._unfinished = None
            self.stop()

        self._unfinished = name
        self.task(name, do)

    def server(self, name: str, server: Server) -> None:
        """Start `server` when its turn comes."""
        self._parts.append(_Server(name, server))

    def observe(self, server: Server) -> None:
        """Start the operators' port before all else and stop it after all else, so that it answers throughout."""
        self._parts.insert(0, _Server("ops", server))

    def close(self, name: str, close: Callable[[], Awaitable[None]]) -> None:
        """Call `close()` on the way down, when all that was registered later has stopped."""
        self._parts.append(_Resource(name, close))

    def ready_when(self, name: str, condition: Callable[[], str | None]) -> None:
        """Be ready only while `condition()` is None; otherwise it says in a few words what is missing. It must not block."""
        self._conditions[name] = condition

    def not_ready(self) -> list[str]:
        """What keeps the process from serving now, `name: reason`; nothing when it is ready. For /readyz and gRPC's health."""
        if self.state is not State.READY:
            return [f"process: {self.state.value}", *self._missing()]
        return self._missing()

    def stop(self) -> None:
        """Begin to stop; safe to call from a signal handler, and more than once."""
        self._stopping.set()

    async def serve(self, when_ready: Callable[[], None] = lambda: None) -> None:
        """Start everything, run until `stop`, and take everything apart.

        Raises:
            TaskDied: a task ended by itself.
        """
        failure: Exception | None = None
        async with asyncio.TaskGroup() as group:
            try:
                await self._run(group, when_ready)
            except Exception as error:  # noqa: BLE001 - raised below, outside the group, which would wrap it
                failure = error
            finally:
                await self._take_apart()
        if failure is not None:
            raise failure
        if self._death is not None:
            raise self._death
        if self._unfinished is not None:
            log.error("stopped before its end", task=self._unfinished)
            raise TaskDied(f"{self._unfinished} was stopped before its end: start it again, it goes on where it was")

    async def _run(self, group: asyncio.TaskGroup, when_ready: Callable[[], None]) -> None:
        for part in self._parts:
            match part:
                case _Server(name=name, server=server):
                    await server.start()
                    self._accepting.add(name)
                case _Task(name=name):
                    self._running[name] = group.create_task(self._watch(part), name=name)
                case _Resource():
                    pass  # it was opened when it was built
        while self._missing() and not self._stopping.is_set():  # noqa: ASYNC110 - conditions are of many kinds
            await asyncio.sleep(READINESS_POLL_S)
        if not self._stopping.is_set():
            self.state = State.READY
            when_ready()
            await self._stopping.wait()

    async def _watch(self, task: _Task) -> None:
        """Run a task; when it ends by itself, keep the reason and stop the process in order rather than tear it down."""
        try:
            await task.main()
        except Exception as error:  # noqa: BLE001 - `serve` raises it when all is closed
            self._died(task.name, error)
        else:
            if not self._stopping.is_set():
                self._died(task.name, None)

    def _died(self, name: str, error: Exception | None) -> None:
        reason = f"{type(error).__name__}: {error}" if error is not None else "it ended without being asked to"
        explains_itself = isinstance(error, (BusError, DocumentsError, NotDone))
        log.error("task died", task=name, reason=reason, exc_info=None if explains_itself else error)
        if self._death is None:
            self._death = TaskDied(f"task {name} died: {reason}")
            self._death.__cause__ = error
        self.stop()

    def _missing(self) -> list[str]:
        reasons = ((name, condition()) for name, condition in self._conditions.items())
        return [f"{name}: {reason}" for name, reason in reasons if reason is not None]

    async def _take_apart(self) -> None:
        self.state = State.DRAINING
        loop = asyncio.get_running_loop()
        until = loop.time() + self._drain_s
        closings = _Closings(len(self._parts))
        for part in reversed(self._parts):
            match part:
                case _Server(name=name, server=server) if name in self._accepting:
                    grace_s = max(0.0, until - loop.time())
                    # The server keeps `grace_s` itself; the bound around it is for one that hangs.
                    await _close(name, server.stop(grace_s), closings.next(grace_s))
                case _Task(name=name) if name in self._running:
                    await self._finish(part, until - loop.time(), closings.next())
                case _Resource(name=name, close=close):
                    await _close(name, close(), closings.next())
                case _:
                    continue  # it never started
        self.state = State.STOPPED

    async def _finish(self, task: _Task, left_s: float, closing: "_Closing") -> None:
        running = self._running[task.name]
        if task.stop is not None and not running.done():
            task.stop()
            await asyncio.wait([running], timeout=max(0.0, left_s))
            if not running.done():
                log.warning("task cut off", task=task.name, drain_s=self._drain_s)
        running.cancel()
        with contextlib.suppress(TimeoutError):
            async with closing:
                await asyncio.wait([running])
        if not running.done():
            log.warning("task doesn't end", task=task.name, close_s=CLOSE_S)


_Closing: TypeAlias = contextlib.AbstractAsyncContextManager[asyncio.Timeout]


class _Closings:
    """CLOSE_S, and how many of a process's parts are still to share it."""

    def __init__(self, parts: int) -> None:
        self._left_s = CLOSE_S
        self._to_come = parts

    @contextlib.asynccontextmanager
    async def next(self, grace_s: float = 0.0) -> AsyncIterator[asyncio.Timeout]:
        """Bound the next part's end by `grace_s` and what is left for it; what it takes beyond `grace_s`, others haven't."""
        self._to_come -= 1
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            async with asyncio.timeout(grace_s + self._left_s - self._to_come * CLOSE_LEAST_S) as bound:
                yield bound
        finally:
            self._left_s -= max(0.0, loop.time() - began - grace_s)


async def _close(name: str, closing: Awaitable[None], within: _Closing) -> None:
    """Close one thing; what goes wrong is said and doesn't keep the rest open."""
    bound: asyncio.Timeout | None = None
    try:
        async with within as bound:
            await closing
    except Exception as error:
        if bound is not None and bound.expired():
            log.warning("closing cut off", resource=name, close_s=CLOSE_S)  # its `closing failed` would tell no more
        else:
            log.warning("closing failed", resource=name, exc_info=error)  # the others must be closed too
