"""The kit's runtime for one simulated process: its clock, and its executor without threads."""

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from simulation.chance import Chance
from simulation.process import Process, ProcessDead

if TYPE_CHECKING:
    import asyncio

T = TypeVar("T")

EPOCH_MS = 1_772_323_200_000
"""Where every history starts: 2026-03-01T00:00:00Z."""


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

    def __init__(self, process: Process, chance: Chance, *, threads: int = 1) -> None:
        self._process = process
        self._chance = chance
        self._free = threads
        self._slowest_s = chance.pick((0.001, 0.005, 0.03))
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
        before, self._process.in_thread = self._process.in_thread, True
        try:
            result = work()
        except ProcessDead:
            raise
        except BaseException as error:  # noqa: BLE001 - handed to whoever waits, as a pool does
            failure = error
        finally:
            self._process.in_thread = before
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
