"""An event loop with virtual time and a seeded order of callbacks.

What asyncio promises and code relies on is kept: callbacks that one callback queued run in the order in which it queued them (so a
future's callbacks, an event's waiters, a task's first step), those queued in one turn run in the next, a timer never runs early.
Everything else is permuted: which of several callers goes first, timers of the same moment, whose executor answers first.
"""

import asyncio
import heapq
import sys
from collections import deque
from collections.abc import Callable
from contextvars import Context, copy_context
from typing import Any, NoReturn

from simulation.chance import Chance
from simulation.process import PROCESS, Process, ProcessDead

TURN_S = 0.000_01
"""What one turn of the loop takes, so that code which spins until a moment gets there."""


class Livelock(AssertionError):
    """The history took more steps than any sound one does."""


class Deadlock(AssertionError):
    """Nothing is left that could ever run, and the history isn't over."""


class _Handle(asyncio.Handle):
    """A callback that knows which callback queued it and whose process it is."""

    __slots__ = ("origin", "process")

    def __init__(self, callback: Callable[..., object], args: tuple[Any, ...], loop: "SimulatedLoop", context: Context | None) -> None:
        # What asyncio.Handle does without its debug mode; a history makes 10,000 of them.
        self._context = context = context or copy_context()
        self._loop = loop
        self._callback = callback
        self._args = args
        self._cancelled = False
        self._repr = None
        self._source_traceback = None
        self.origin = 0
        self.process = context.get(PROCESS)


class _TimerHandle(asyncio.TimerHandle):
    """The same for timers."""

    __slots__ = ("origin", "process")

    origin: int
    process: Process | None


class _Task(asyncio.Task[Any]):
    """A task with a hash that doesn't follow from its address, so that sets of tasks have one order in every run."""

    number: int

    def __hash__(self) -> int:
        return self.number


class SimulatedLoop(asyncio.BaseEventLoop):
    """Runs everything of one history on one thread; idle time is jumped over. `max_steps` bounds the callbacks of a history."""

    def __init__(self, chance: Chance, *, max_steps: int = 400_000) -> None:
        super().__init__()
        self._chance = chance
        self._max_steps = max_steps
        self._now = 0.0
        self._queue: deque[_Handle | _TimerHandle] = deque()
        self._current: deque[_Handle | _TimerHandle] = deque()
        self._is_blocked = False
        self._failure: Livelock | Deadlock | None = None
        self._timers: list[tuple[float, int, _TimerHandle]] = []
        self._origin = 0
        self._timer_origin = 0
        self._tasks = 0
        self.steps = 0
        self.shuffled = True
        self.processes: list[Process] = []
        self.complaints: list[str] = []

    def time(self) -> float:
        """Virtual seconds since the history began."""
        return self._now

    def call_soon(self, callback: Callable[..., object], *args: Any, context: Context | None = None) -> _Handle:  # type: ignore[override]
        """Queue a callback for the next turn."""
        if self._closed:  # type: ignore[attr-defined]
            raise RuntimeError("Event loop is closed")
        handle = _Handle(callback, args, self, context)
        handle.origin = self._origin
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
        handle.process = handle._context.get(PROCESS)  # type: ignore[attr-defined]
        heapq.heappush(self._timers, (when, -self._timer_origin, handle))
        return handle

    def create_task(self, coro: Any, *, name: str | None = None, context: Context | None = None) -> _Task:  # type: ignore[override]
        """A task of the process that `context`, or else the caller, belongs to."""
        self._tasks += 1
        task = _Task.__new__(_Task)
        task.number = self._tasks  # first: the constructor puts the task into a set
        task.__init__(coro, loop=self, name=name, context=context)  # type: ignore[misc]
        process = PROCESS.get() if context is None else context.get(PROCESS)
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

    def block(self, process: Process, for_s: float) -> None:
        """Have a call of `process` take this long, while others go on; so does the process, if it is one of its threads that called.

        Others means: all that is due in the meantime is run here, within the call. Calls don't nest: one of them that is made within
        takes no time.
        """
        if self._is_blocked:
            return
        self._is_blocked = True
        task, until = asyncio.current_task(self), self._now + for_s
        if task is not None:
            asyncio.tasks._leave_task(self, task)
        process.blocked = not process.in_thread
        self.call_at(until, _nothing, context=Context())
        try:
            while self._now < until and not self._stopping and self._failure is None:  # type: ignore[attr-defined]
                self._run_once()
        except (Livelock, Deadlock) as failure:
            self._failure = failure  # raised by the outer turn: here production code would catch it
        finally:
            process.blocked = self._is_blocked = False
            if task is not None:
                asyncio.tasks._enter_task(self, task)
            if process.alive and not process.paused:
                process.resume()

    def _run_once(self) -> None:
        self._now += TURN_S
        if not self._queue or (self._timers and self._timers[0][0] <= self._now):
            self._wake_timers()
        if not self._current:  # else a call blocks in the middle of a turn
            self._current = self._turn()
        while self._current:
            self._run(self._current.popleft())
        if self._failure is not None and not self._is_blocked:
            raise self._failure
        if self.steps > self._max_steps:
            raise Livelock(f"{self.steps} steps at {self._now:.3f} s: {self._busy()}")

    def _run(self, handle: "_Handle | _TimerHandle") -> None:
        self.steps += 1
        self._origin = self.steps
        process = handle.process
        if handle.cancelled():
            return
        if process is None or not (process.paused or process.blocked or not process.alive):
            handle._run()
        elif process.alive:
            process.deferred.append(handle)

    def _wake_timers(self) -> None:
        timers = self._timers
        while timers and (timers[0][2].cancelled() or _is_dead(timers[0][2])):
            heapq.heappop(timers)
        if not self._queue and not self._current and not self._stopping:  # type: ignore[attr-defined]
            if not timers:
                raise Deadlock(f"nothing can run at {self._now:.3f} s: {self._busy()}")
            self._now = max(self._now, timers[0][0])
        while timers and timers[0][0] <= self._now:
            self._queue.append(heapq.heappop(timers)[2])

    def _turn(self) -> deque["_Handle | _TimerHandle"]:
        """The callbacks of this turn: those of one origin keep their order, which origin goes next is drawn."""
        handles, self._queue = self._queue, deque()
        if len(handles) < 2 or not self.shuffled:
            return handles
        origins = [handle.origin for handle in handles]
        if origins[0] == origins[-1] and len(set(origins)) == 1:
            return handles
        lanes: dict[int, deque[_Handle | _TimerHandle]] = {}
        for handle in handles:
            lanes.setdefault(handle.origin, deque()).append(handle)
        self._chance.shuffle(origins)
        return deque(lanes[origin].popleft() for origin in origins)

    def _busy(self) -> str:
        names = sorted(f"{process.name}: {task.get_name()}" for process in self.processes for task in process.tasks if not task.done())
        return ", ".join(names)[:2000]

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Cancelled timers are dropped when their time comes."""

    def _process_events(self, event_list: Any) -> None:
        """There is no I/O."""

    def _write_to_self(self) -> None:
        """Nobody sleeps in a selector."""


def _nothing() -> None:
    """A moment to wake up at."""


def _is_dead(handle: "_TimerHandle") -> bool:
    return handle.process is not None and not handle.process.alive


def _ignore(_unraisable: Any) -> None:
    """Whatever the dead still say."""
