"""Tails: what comes to a bus of events, as server-sent events, for as long as somebody looks on.

The notification service has the queue: here one event after the other is read when the one before was sent, so that a slow reader slows
that reading, and loses there what it would lose.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import TypeAlias

from starlette.types import Receive

from quietzone_gateway.live.connection import STUCK_S
from quietzone_gateway.live.domain import Watcher
from quietzone_gateway.live.endings import STUCK, Ending
from quietzone_gateway.live.metrics import ENDED
from quietzone_gateway.live.stream import RETRY_MS, StreamWire
from quietzone_gateway.rpc.notification import MissedEvents, Tailed
from quietzone_kit.errors import FieldViolation, InvalidInput, QuietzoneError
from quietzone_kit.rpc import Caller, PeerFailed
from quietzone_kit.telemetry import logger

MAX_SAID = 16
"""Texts that wait to be sent: with the largest events 4 MB. Whoever takes none of them for STUCK_S is gone."""

AWAY = Ending("away", 1013, returns=True)
"""Where the tail comes from has ended it, or can't be reached. What happens until it is begun anew isn't told."""

AWAY_MS = 1_000
"""When to come back to a tail that broke off: another process of the service, or the same one again, is there by then."""

Tails: TypeAlias = Callable[[Caller, str, str | None], AsyncGenerator[Tailed | None, None]]
"""What comes to a bus of the caller's account, and matches a pattern if there is one; first None, once all is heard."""

log = logger(__name__)


def asked_in(query: Sequence[tuple[str, str]]) -> tuple[str, str | None]:
    """The bus and the pattern that the query of an address asks for.

    Raises:
        InvalidInput: names what is wrong.
    """
    names = [name for name, _ in query]
    wrong = [FieldViolation(name, "no such field; there are bus and pattern") for name in dict.fromkeys(names) if name not in _KNOWN]
    wrong += [FieldViolation(name, "given more than once") for name in _KNOWN if names.count(name) > 1]
    if wrong:
        raise InvalidInput(*wrong)
    said = dict(query)
    return said.get("bus", ""), said.get("pattern")


_KNOWN = ("bus", "pattern")


def text_of(told: Tailed) -> str:
    """What happened, as a server-sent event. Line ends in an event's JSON stand between its parts, and would end a line of the stream."""
    match told:
        case MissedEvents(count=count):
            return f"event: missed\ndata: {json.dumps({'count': count})}\n\n"
        case _:
            return f"event: event\ndata: {told.translate(_ONE_LINE)}\n\n"


_ONE_LINE = {ord("\r"): " ", ord("\n"): " "}


class TailConnection:
    """A `quietzone_gateway.live.registry.Connection` that tells one tail."""

    __slots__ = ("_after_ms", "_ending", "_over", "_said", "_wire", "again", "ends_at_ms", "since_ms", "transport", "watcher")

    def __init__(
        self,
        watcher: Watcher,
        wire: StreamWire,
        again: Callable[[], Awaitable[Watcher]],
        *,
        since_ms: int,
        ends_at_ms: int,
    ) -> None:
        self.transport = "tail"
        self.watcher = watcher
        self.again = again
        self.since_ms = since_ms
        self.ends_at_ms = ends_at_ms
        self._wire = wire
        self._said: asyncio.Queue[str] = asyncio.Queue(MAX_SAID)
        self._ending: Ending | None = None
        self._after_ms = 0
        self._over = asyncio.Event()

    @property
    def ending(self) -> Ending | None:
        """Why this side has ended it."""
        return self._ending

    async def run(self, told: AsyncGenerator[Tailed | None, None], receive: Receive) -> None:
        """Tell what happens until the client is gone, or was told to go."""
        await self._said.put(f"retry: {RETRY_MS}\nevent: ready\ndata: {{}}\n\n")
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(work) for work in (self._listen(receive), self._read(told), self._say())]
            await self._over.wait()
            for task in tasks:
                task.cancel()

    def notice(self, text: str) -> None:
        """Pass on what an operator has to say, unless the reader is too slow to hear anything."""
        self._offer(self._wire.notice(text))

    def ping(self) -> None:
        """Say that we are here, unless something else is being said anyway."""
        self._offer(self._wire.ping({}))

    def end(self, ending: Ending, after_ms: int = 0) -> None:
        """Say why, and end."""
        if self._ending is None:
            self._ending, self._after_ms = ending, after_ms
            self._offer("")  # wakes whoever waits for something to say

    def _offer(self, text: str) -> None:
        with contextlib.suppress(asyncio.QueueFull):
            self._said.put_nowait(text)

    async def _listen(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass  # a body that nobody asked for
        self._over.set()

    async def _read(self, told: AsyncGenerator[Tailed | None, None]) -> None:
        """Read the next when there is room for it."""
        try:
            async for one in told:
                if one is not None:
                    await self._said.put(text_of(one))
        except (QuietzoneError, PeerFailed) as error:
            log.info("tail broke off", reason=str(error))
        await self._said.join()  # what came before it broke off
        if self._ending is None:
            ENDED.labels(AWAY.name).inc()
        self.end(AWAY, AWAY_MS)

    async def _say(self) -> None:
        """Send what is said, never longer than STUCK_S for one text; at the end say why. What waits then isn't sent any more."""
        try:
            while self._ending is None:
                text = await self._said.get()
                if self._ending is None:
                    async with asyncio.timeout(STUCK_S):
                        await self._wire.send(text)
                self._said.task_done()
            async with asyncio.timeout(STUCK_S):
                await self._wire.close(self._ending, self._after_ms)
        except TimeoutError:
            ENDED.labels(STUCK.name).inc()
            self._ending = STUCK
            self._wire.abort()
        except OSError:
            pass  # the client is gone: `_listen` hears of it too
        self._over.set()
