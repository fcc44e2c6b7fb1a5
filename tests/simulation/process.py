"""Simulated processes: they can be killed between any two of their effects, paused, and asked from outside.

A process is a context variable: every task and callback that descends from its main task carries it. Killing a process drops its
callbacks at once; its tasks are kept, suspended, until the history is over, so that no `except` or `finally` of theirs runs. Whatever of
a dead process runs all the same meets ports that refuse.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import ContextVar, copy_context
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from simulation.loop import SimulatedLoop

T = TypeVar("T")


class ProcessDead(BaseException):
    """Raised by the ports of a killed process, to end whatever still runs in it."""


class Gone(Exception):
    """The process that was asked is dead, or died before it answered; what was asked for may have been done."""


class Process:
    """A simulated process; a restarted one is a new object. `fuse` is how often it is touched until it dies by itself.

    `blocked` while a call of its main thread takes its time, `in_thread` while one of its other threads runs.
    """

    def __init__(self, loop: "SimulatedLoop", name: str) -> None:
        self.name = name
        self.loop = loop
        self.alive = True
        self.paused = False
        self.blocked = False
        self.in_thread = False
        self.fuse: int | None = None
        self.skew_ms = 0
        self.deferred: list[Any] = []
        self.tasks: list[asyncio.Task[Any]] = []
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

    def adopt(self, task: "asyncio.Task[Any]") -> None:
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
"""The process that runs."""


def _close(coroutine: Any) -> None:
    for _ in range(20):  # each `finally` that awaits takes one more try
        with contextlib.suppress(BaseException):
            coroutine.close()
            return


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
