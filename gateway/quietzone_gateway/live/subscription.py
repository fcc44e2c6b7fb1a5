"""One subscriber's view of the hub: what it asked for, and what waits for it."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable

from quietzone_gateway.live.backlog import Backlog
from quietzone_gateway.live.domain import Delivery, Filter, Reset, Summary
from quietzone_gateway.live.forms import text_of
from quietzone_gateway.live.metrics import RESETS, SUMMARIES


class Subscription:
    """An async iterator of deliveries that never ends by itself; `close` it.

    Whoever has a loop of his own gives `wake`, which is called when something may wait, and uses `take`.
    `topics` are the numbers of the sources that it hears from.
    """

    __slots__ = ("__weakref__", "_backlog", "_leave", "_missed", "_opening", "_reset", "_signal", "_wake", "account_id", "topics", "wanted")

    def __init__(
        self,
        account_id: str,
        wanted: Filter,
        topics: tuple[int, ...],
        leave: Callable[["Subscription"], None],
        wake: Callable[[], None] | None,
    ) -> None:
        self.account_id = account_id
        self.wanted = wanted
        self.topics = topics
        self._leave: Callable[[Subscription], None] | None = leave
        self._wake = wake or self._ring
        self._signal: asyncio.Event | None = None
        self._backlog = Backlog(text_of)
        self._missed: deque[Delivery] | None = None
        self._reset: Delivery | None = None
        self._opening = True

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits, so that its place is where the hub stands."""
        return not (self._opening or self._reset or self._missed or self._backlog)

    def open(self, missed: Iterable[Delivery]) -> None:
        """Give what was missed first, then what came since."""
        self._missed = deque(missed) or None
        self._opening = False
        self._wake()

    def put(self, delivery: Delivery) -> None:
        """Take up what has just happened; never waits."""
        if not self._backlog.put(delivery):
            self.reset("slow", delivery.cursor)
        else:
            self._wake()

    def reset(self, reason: str, cursor: str) -> None:
        """Drop what waits, and say so; what comes next comes after `cursor`."""
        RESETS.labels(reason).inc()
        self._missed = None
        self._backlog.clear()
        told = Reset(reason)
        self._reset = Delivery(told, text_of(told), cursor)
        self._wake()

    def take(self) -> Delivery | None:
        """What is next; None when nothing waits."""
        if self._opening:
            return None
        if self._reset is not None:
            delivery, self._reset = self._reset, None
            return delivery
        if self._missed:
            return self._missed.popleft()
        taken = self._backlog.take()
        if taken is not None and isinstance(taken.told, Summary):
            SUMMARIES.inc()
        return taken

    def close(self) -> None:
        """Hear nothing any more; iterating ends."""
        leave, self._leave = self._leave, None
        if leave is not None:
            leave(self)
            self._wake()

    def __aiter__(self) -> "Subscription":
        return self

    async def __anext__(self) -> Delivery:
        self._signal = self._signal or asyncio.Event()
        while self._leave is not None:
            self._signal.clear()
            delivery = self.take()
            if delivery is not None:
                return delivery
            await self._signal.wait()
        raise StopAsyncIteration

    def _ring(self) -> None:
        if self._signal is not None:
            self._signal.set()
