"""One live connection, whatever its transport: what it says in which order, and how it ends."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from quietzone_gateway.live.domain import Delivery, Watcher
from quietzone_gateway.live.endings import STUCK, Ending
from quietzone_gateway.live.metrics import ENDED
from quietzone_gateway.live.subscription import Subscription

MAX_SAID = 64
"""Answers and notices that wait to be sent; events wait in their subscriptions. A client that takes none of so many is gone."""

STUCK_S = 60.0
"""A client whose buffers stay full for so long is gone, or wants to be a burden."""

AT_A_TIME = 50
"""Messages between two turns of the loop."""


class Wire(Protocol):
    """How a transport says it."""

    transport: str

    async def send(self, text: str) -> None:
        """Send one message; raises OSError when nobody is there."""

    async def close(self, ending: Ending, after_ms: int) -> None:
        """Say why, and end the connection."""

    def abort(self) -> None:
        """End the connection, whatever waits to be sent."""

    def delivery(self, subscription_id: str, delivery: Delivery) -> str:
        """What happened, as a message."""

    def notice(self, text: str) -> str:
        """What an operator says, as a message."""

    def ping(self, cursors: Mapping[str, str]) -> str:
        """A sign of life, with the newest cursor of each subscription for which nothing waits."""


class LiveConnection:
    """A `quietzone_gateway.live.registry.Connection`. While nothing is to be said it is one task, which listens."""

    __slots__ = (
        "_after_ms",
        "_ending",
        "_group",
        "_over",
        "_pings",
        "_position",
        "_said",
        "_saying",
        "_wire",
        "again",
        "ends_at_ms",
        "since_ms",
        "subscriptions",
        "transport",
        "watcher",
    )

    def __init__(
        self,
        watcher: Watcher,
        wire: Wire,
        position: Callable[[Subscription], str],
        again: Callable[[], Awaitable[Watcher]],
        *,
        since_ms: int,
        ends_at_ms: int,
    ) -> None:
        self.transport = wire.transport
        self.watcher = watcher
        self.again = again
        self.since_ms = since_ms
        self.ends_at_ms = ends_at_ms
        self.subscriptions: dict[str, Subscription] = {}
        self._wire = wire
        self._position = position
        self._said: deque[str] | None = None
        self._pings = False
        self._ending: Ending | None = None
        self._after_ms = 0
        self._group: asyncio.TaskGroup | None = None
        self._saying: asyncio.Task[None] | None = None
        self._over = False

    @property
    def ending(self) -> Ending | None:
        """Why this side has ended it."""
        return self._ending

    async def run(self, listen: Callable[[], Awaitable[None]]) -> None:
        """Say what is to be said until `listen` returns, because the client is gone or was told to go."""
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                self.wake()
                await listen()
                self._over = True
                if self._saying is not None:
                    self._saying.cancel()
        finally:
            self._over = True
            for subscription in self.subscriptions.values():
                subscription.close()

    def say(self, text: str) -> None:
        """Send a message before all events that wait."""
        self._said = self._said or deque()
        if len(self._said) >= MAX_SAID:
            self._give_up()
            return
        self._said.append(text)
        self.wake()

    def notice(self, text: str) -> None:
        """Pass on what an operator has to say."""
        self.say(self._wire.notice(text))

    def ping(self) -> None:
        """Say that we are here, unless something else is being said anyway."""
        self._pings = True
        self.wake()

    def end(self, ending: Ending, after_ms: int = 0) -> None:
        """Say why, and end; events that wait aren't sent any more, cursors bring them back."""
        if self._ending is None:
            self._ending, self._after_ms = ending, after_ms
            self.wake()

    def wake(self) -> None:
        """Something may be to be said."""
        if self._saying is None and self._group is not None and not self._over:
            self._saying = self._group.create_task(self._say())

    async def _say(self) -> None:
        """Runs while there is something to say; never longer than STUCK_S for one message."""
        count = 0
        try:
            while (text := self._next()) is not None:
                async with asyncio.timeout(STUCK_S):
                    await self._wire.send(text)
                count += 1
                if count % AT_A_TIME == 0:
                    await asyncio.sleep(0)
            if self._ending is not None:
                self._over = True
                async with asyncio.timeout(STUCK_S):
                    await self._wire.close(self._ending, self._after_ms)
        except TimeoutError:
            self._give_up()
        except OSError:
            self._over = True  # the client is gone: `listen` hears of it too
        finally:
            self._saying = None

    def _give_up(self) -> None:
        if self._ending is not STUCK:
            ENDED.labels(STUCK.name).inc()
        self._ending, self._over = STUCK, True
        self._wire.abort()

    def _next(self) -> str | None:
        if self._said:
            text = self._said.popleft()
            self._said = self._said or None
            return text
        if self._ending is not None:
            return None
        for name, subscription in self.subscriptions.items():
            delivery = subscription.take()
            if delivery is not None:
                self.subscriptions[name] = self.subscriptions.pop(name)  # the others first, next time
                return self._wire.delivery(name, delivery)
        if self._pings:
            self._pings = False
            return self._wire.ping({name: self._position(one) for name, one in self.subscriptions.items() if one.is_idle})
        return None
