"""An event loop with virtual time and a seeded order of callbacks, and processes that can be killed and paused on it.

What asyncio promises and code relies on is kept: callbacks that one callback queued run in the order in which it queued them (so a
future's callbacks, an event's waiters, a task's first step), those queued in one turn run in the next, a timer never runs early.
Everything else is permuted: which of several callers goes first, timers of the same moment, whose executor answers first.

A process is a context variable: every task and callback that descends from its main task carries it. Killing a process drops its
callbacks at once; its tasks are kept, suspended, until the history is over, so that no `except` or `finally` of theirs runs.
"""

import asyncio
import contextlib
import heapq
import sys
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from typing import Any, NoReturn, TypeVar

from simulation.chance import Chance

T = TypeVar("T")

EPOCH_MS = 1_772_323_200_000
"""Where every history starts: 2026-03-01T00:00:00Z."""

TURN_S = 0.000_01
"""What one turn of the loop takes, so that code which spins until a moment gets there."""


class ProcessDead(BaseException):
    """Raised by the ports of a killed process, to end whatever still runs in it."""


class Gone(Exception):
    """The process that was asked is dead, or died before it answered; what was asked for may have been done."""


class Livelock(AssertionError):
    """The history took more steps than any sound one does."""


class Deadlock(AssertionError):
    """Nothing is left that could ever run, and the history isn't over."""


class Process:
    """A simulated process; a restarted one is a new object. `fuse` is how often it is touched until it dies by itself."""

    def __init__(self, loop: "SimulatedLoop", name: str) -> None:
        self.name = name
        self.loop = loop
        self.alive = True
        self.paused = False
        self.fuse: int | None = None
        self.skew_ms = 0
        self.deferred: list[_Handle | _TimerHandle] = []
        self.tasks: list[_Task] = []
        self._prune_at = 64
        self.ended: asyncio.Future[BaseException | None] = loop.create_future()
        self._asked: dict[asyncio.Future[Any], None] = {}
        self._at_death: list[Callable[[], None]] = []
        self._context = copy_context()
        self._context.run(PROCESS.set, self)
        loop.processes.append(self)

    def start(self, main: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run `main` as this process; when it ends, so does the process, like a program whose main function returns."""
        task = self.loop.create_task(main(), name=self.name, context=self._context)
        task.add_done_callback(self._main_done, context=self._context)

    def call(self, work: Callable[[], T]) -> T:
        """Do something in the process at once; raises Gone when it is dead or paused."""
        if not self.alive or self.paused:
            raise Gone(self.name)
        try:
            return self._context.copy().run(work)
        except ProcessDead:
            raise Gone(self.name) from None

    def call_soon(self, work: Callable[[], object]) -> None:
        """Have something done in the process at its next turn; nothing happens when it is dead."""
        if self.alive:
            self.loop.call_soon(work, context=self._context.copy())

    async def ask(self, work: Callable[[], Awaitable[T]]) -> T:
        """What `work` answers when it is run in the process; it is cancelled there when the caller is.

        Raises:
            Gone: the process is dead, or died meanwhile.
        """
        answer, task = self._begin(work)
        try:
            return await answer
        finally:
            self._asked.pop(answer, None)
            if not task.done() and self.alive:
                task.cancel()

    async def order(self, work: Callable[[], Awaitable[T]]) -> T:
        """As `ask`, but the work goes on when the caller doesn't."""
        answer, _ = self._begin(work)
        try:
            return await answer
        finally:
            self._asked.pop(answer, None)

    def _begin(self, work: Callable[[], Awaitable[T]]) -> tuple["asyncio.Future[T]", "asyncio.Task[T]"]:
        if not self.alive:
            raise Gone(self.name)
        answer: asyncio.Future[T] = self.loop.create_future()
        self._asked[answer] = None

        async def done() -> T:
            return await work()

        task: asyncio.Task[T] = self.loop.create_task(done(), context=self._context.copy())
        task.add_done_callback(lambda ended: _settle(answer, ended), context=self._context)
        return answer, task

    def touch(self) -> None:
        """Called by ports before and after each effect: the moments at which a process can die in the middle of its code.

        Raises:
            ProcessDead: it has died.
        """
        if self.fuse is not None:
            self.fuse -= 1
            if self.fuse <= 0:
                self.kill()
        self.check()

    def check(self) -> None:
        """Called by ports where nothing is changed: dying here is the same as dying before the last effect's end.

        Raises:
            ProcessDead: it has died.
        """
        if not self.alive:
            raise ProcessDead(self.name)

    def at_death(self, effect: Callable[[], None]) -> None:
        """Have `effect` done when the process ends: what the operating system does for it."""
        self._at_death.append(effect)

    def kill(self, reason: BaseException | None = None) -> None:
        """End the process where it stands, as kill -9 does."""
        if not self.alive:
            return
        self.alive = False
        self.fuse = None
        self.deferred.clear()
        for effect in self._at_death:
            effect()
        for answer in self._asked:
            if not answer.done():
                answer.set_exception(Gone(self.name))
        self._asked.clear()
        if not self.ended.done():
            self.ended.set_result(reason)

    def is_idle(self) -> bool:
        """Whether it has nothing left to do."""
        return all(task.done() for task in self.tasks)

    def pause(self) -> None:
        """Stop the process where it stands, as SIGSTOP does."""
        self.paused = True

    def resume(self) -> None:
        """Let it go on."""
        self.paused = False
        self.loop.requeue(self.deferred)
        self.deferred = []

    def adopt(self, task: "_Task") -> None:
        """Hold a task of the process until it is done: if it never is, it must be kept suspended until `bury`."""
        self.tasks.append(task)
        if len(self.tasks) > self._prune_at:
            self.tasks = [task for task in self.tasks if not task.done()]
            self._prune_at = 64 + 2 * len(self.tasks)

    def bury(self) -> None:
        """Close what is left of its coroutines; their last effects meet dead ports."""
        tasks, self.tasks = self.tasks, []
        for task in tasks:
            if not task.done():
                task._log_destroy_pending = False  # type: ignore[attr-defined]
                self._context.copy().run(_close, task.get_coro())

    def _main_done(self, task: asyncio.Task[None]) -> None:
        self.kill(None if task.cancelled() else task.exception())


PROCESS: ContextVar[Process | None] = ContextVar("PROCESS", default=None)


def _close(coroutine: Any) -> None:
    for _ in range(20):  # each `finally` that awaits takes one more try
        with contextlib.suppress(BaseException):
            coroutine.close()
            return


def _ignore(_unraisable: Any) -> None:
    """Whatever the dead still say."""


def _settle(answer: "asyncio.Future[T]", done: "asyncio.Task[T]") -> None:
    if answer.done():
        if not done.cancelled():
            done.exception()
        return
    if done.cancelled():
        answer.cancel()
        return
    error = done.exception()
    if error is None:
        answer.set_result(done.result())
    else:
        answer.set_exception(error)


class _Handle(asyncio.Handle):
    __slots__ = ("origin", "process")

    origin: int
    process: Process | None


class _TimerHandle(asyncio.TimerHandle):
    __slots__ = ("origin", "process")

    origin: int
    process: Process | None


class _Task(asyncio.Task[Any]):
    """A task with a hash that doesn't follow from its address, so that sets of tasks have one order in every run."""

    number: int
    process: Process | None

    def __hash__(self) -> int:
        try:
            return self.number
        except AttributeError:  # asyncio registers a task before its constructor returns
            return _NUMBERING[0]


_NUMBERING = [0]
"""The number of the task being made."""


class SimulatedLoop(asyncio.BaseEventLoop):
    """Runs everything of one history on one thread; idle time is jumped over. `max_steps` bounds the callbacks of a history."""

    def __init__(self, chance: Chance, *, max_steps: int = 400_000) -> None:
        super().__init__()
        _NUMBERING[0] = 0
        self._chance = chance
        self._max_steps = max_steps
        self._now = 0.0
        self._queue: deque[_Handle | _TimerHandle] = deque()
        self._timers: list[tuple[float, int, _TimerHandle]] = []
        self._origin = 0
        self._timer_origin = 0
        self.steps = 0
        self.shuffled = True
        self.processes: list[Process] = []
        self.complaints: list[str] = []

    def time(self) -> float:
        """Virtual seconds since the history began."""
        return self._now

    def call_soon(self, callback: Callable[..., object], *args: Any, context: Context | None = None) -> _Handle:  # type: ignore[override]
        """Queue a callback for the next turn."""
        self._check_closed()  # type: ignore[attr-defined]
        handle = _Handle(callback, args, self, context)
        handle.origin = self._origin
        handle.process = _process_of(handle)
        self._queue.append(handle)
        return handle

    def call_soon_threadsafe(self, callback: Callable[..., object], *args: Any, context: Context | None = None) -> _Handle:  # type: ignore[override]
        """The same: there are no threads."""
        return self.call_soon(callback, *args, context=context)

    def call_at(self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None) -> _TimerHandle:  # type: ignore[override]
        """Queue a callback for the first turn at or after `when`."""
        self._check_closed()  # type: ignore[attr-defined]
        handle = _TimerHandle(when, callback, args, self, context)
        self._timer_origin -= 1
        handle.origin = self._timer_origin
        handle.process = _process_of(handle)
        heapq.heappush(self._timers, (when, -self._timer_origin, handle))
        return handle

    def create_task(self, coro: Any, *, name: str | None = None, context: Context | None = None) -> _Task:  # type: ignore[override]
        """A task of the process that `context`, or else the caller, belongs to."""
        _NUMBERING[0] += 1
        task = _Task(coro, loop=self, name=name, context=context)
        task.number = _NUMBERING[0]
        task.process = process = PROCESS.get() if context is None else context.get(PROCESS)
        if process is not None:
            process.adopt(task)
        return task

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> NoReturn:  # type: ignore[override]  # noqa: ARG002
        """Refused: a class that starts threads of its own can't be replayed."""
        raise AssertionError(f"{func!r} was to run in a thread: take an Executor of quietzone_kit.runtime")

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Take down what asyncio complains about; the death of a process is no complaint."""
        error = context.get("exception")
        if not isinstance(error, ProcessDead):
            self.complaints.append(f"{context.get('message')}: {error!r} {context.get('task') or context.get('future') or ''}")

    def requeue(self, handles: list["_Handle | _TimerHandle"]) -> None:
        """Queue callbacks that were held back, in their order."""
        for handle in handles:
            handle.origin = self._origin
        self._queue.extend(handles)

    def finish(self) -> None:
        """End every process, bury them all and close the loop."""
        for process in self.processes:
            process.kill()
        before, sys.unraisablehook = sys.unraisablehook, _ignore  # a coroutine that awaits in a `finally` can't be closed quietly
        for process in self.processes:
            process.bury()
        sys.unraisablehook = before
        self._queue.clear()
        self._timers.clear()
        self.close()

    def _run_once(self) -> None:
        self._now += TURN_S
        self._wake_timers()
        for handle in self._turn():
            self.steps += 1
            self._origin = self.steps
            process = handle.process
            if handle.cancelled():
                continue
            if process is not None and (not process.alive or process.paused):
                if process.alive:
                    process.deferred.append(handle)
                continue
            handle._run()
        if self.steps > self._max_steps:
            raise Livelock(f"{self.steps} steps at {self._now:.3f} s: {self._busy()}")

    def _wake_timers(self) -> None:
        timers = self._timers
        while timers and (timers[0][2].cancelled() or _is_dead(timers[0][2])):
            heapq.heappop(timers)
        if not self._queue and not self._stopping:  # type: ignore[attr-defined]
            if not timers:
                raise Deadlock(f"nothing can run at {self._now:.3f} s: {self._busy()}")
            self._now = max(self._now, timers[0][0])
        while timers and timers[0][0] <= self._now:
            self._queue.append(heapq.heappop(timers)[2])

    def _turn(self) -> list["_Handle | _TimerHandle"]:
        """The callbacks of this turn: those of one origin keep their order, which origin goes next is drawn."""
        handles = list(self._queue)
        self._queue.clear()
        if len(handles) < 2 or not self.shuffled:
            return handles
        origins = [handle.origin for handle in handles]
        if origins[0] == origins[-1] and len(set(origins)) == 1:
            return handles
        lanes: dict[int, deque[_Handle | _TimerHandle]] = {}
        for handle in handles:
            lanes.setdefault(handle.origin, deque()).append(handle)
        self._chance.shuffle(origins)
        return [lanes[origin].popleft() for origin in origins]

    def _busy(self) -> str:
        names = sorted(f"{process.name}: {task.get_name()}" for process in self.processes for task in process.tasks if not task.done())
        return ", ".join(names)[:2000]

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Cancelled timers are dropped when their time comes."""

    def _process_events(self, event_list: Any) -> None:
        """There is no I/O."""

    def _write_to_self(self) -> None:
        """Nobody sleeps in a selector."""


def _process_of(handle: asyncio.Handle) -> Process | None:
    context: Context = handle._context  # type: ignore[attr-defined]
    return context.get(PROCESS)


def _is_dead(handle: "_TimerHandle") -> bool:
    return handle.process is not None and not handle.process.alive


class ProcessClock:
    """The kit's `Clock` as one process sees it: its wall clock can be off and jump, time that has passed can't."""

    def __init__(self, process: Process) -> None:
        self._process = process

    def now_ms(self) -> int:
        """Unix time in milliseconds."""
        return EPOCH_MS + int(self._process.loop.time() * 1000) + self._process.skew_ms

    def monotonic(self) -> float:
        """Seconds since the history began."""
        return self._process.loop.time()


class InlineExecutor:
    """The kit's `Executor` without threads: work is done on the loop, at a drawn moment, and answered at a later one.

    With one thread, work is done and answered in the order in which it came; with more, in any order. As in a real pool, work that has
    been cancelled before its turn isn't done, and work in hand is done though nobody waits for it any more.
    """

    def __init__(self, process: Process, chance: Chance, *, threads: int = 1, slowest_s: float = 0.005) -> None:
        self._process = process
        self._chance = chance
        self._free = threads
        self._slowest_s = slowest_s
        self._waiting: deque[tuple[Callable[[], Any], asyncio.Future[Any]]] = deque()
        self._in_hand: dict[asyncio.Future[Any], Callable[[], Any]] = {}
        self._answers: deque[tuple[asyncio.Future[Any], Any, BaseException | None]] = deque()
        self._closed = False

    async def run(self, work: Callable[[], T]) -> T:
        """`work`'s result."""
        if self._closed:
            raise RuntimeError("cannot schedule new futures after shutdown")
        future: asyncio.Future[T] = self._process.loop.create_future()
        self._waiting.append((work, future))
        self._take()
        return await future

    def close(self) -> None:
        """Do what is waiting."""
        self._closed = True
        for future in list(self._in_hand):
            self._do(future)
        while self._waiting:
            work, future = self._waiting.popleft()
            if not future.cancelled():
                self._in_hand[future] = work
                self._do(future)

    def _take(self) -> None:
        while self._free and self._waiting:
            work, future = self._waiting.popleft()
            if future.cancelled():
                continue
            self._free -= 1
            self._in_hand[future] = work
            self._later(self._do, future)

    def _later(self, callback: Callable[..., object], *args: Any) -> None:
        if self._chance.happens(0.6):
            self._process.loop.call_soon(callback, *args)
        else:
            self._process.loop.call_later(self._chance.uniform(0, self._slowest_s), callback, *args)

    def _do(self, future: "asyncio.Future[Any]") -> None:
        work = self._in_hand.pop(future, None)
        if work is None:
            return
        result, failure = None, None
        try:
            result = work()
        except ProcessDead:
            raise
        except BaseException as error:  # noqa: BLE001 - handed to whoever waits, as a pool does
            failure = error
        self._free += 1
        self._answers.append((future, result, failure))
        self._later(self._answer)
        self._take()

    def _answer(self) -> None:
        future, result, failure = self._answers.popleft()
        if future.done():
            return
        if failure is not None:
            future.set_exception(failure)
        else:
            future.set_result(result)


async def until(condition: Callable[[], bool], *, every_s: float = 0.05) -> None:
    """Return when `condition` holds; the caller bounds the wait with asyncio.timeout."""
    while not condition():
        await asyncio.sleep(every_s)


async def settled(awaitable: Awaitable[T]) -> T | None:
    """What `awaitable` brings, or None when the process that was asked is gone."""
    try:
        return await awaitable
    except Gone:
        return None
