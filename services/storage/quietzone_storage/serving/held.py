"""Files that were asked for a moment ago, in memory; who asks for one that is just being fetched waits for the same fetch."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from quietzone_kit.errors import NotFound
from quietzone_kit.runtime import Clock

HELD_FOR_S = 5.0
"""How long what was read is good, and so how long a deleted file may be served at most."""
RENEWED_AFTER_S = 3.0
"""When a file that somebody asks for is read anew, while they are served what is held: of those who ask all the time nobody ever waits."""
MAX_ENTRY_BYTES = 1_000_000
"""Files of codes have 1 to 20 KB; what is larger is read from the blobs each time."""


@dataclass(frozen=True, slots=True)
class Served:
    """A file as it goes out. `etag` has its quotes; `read_at` is when its asset was looked up, by the monotonic clock in seconds."""

    data: bytes
    media_type: str
    etag: str
    name: str
    read_at: float

    def is_good(self, now: float) -> bool:
        """Whether it may still be handed out to who keeps copies; these are purged after that time."""
        return now - self.read_at < HELD_FOR_S


class HeldFiles:
    """At most `max_bytes` of files, each for HELD_FOR_S since it was read."""

    def __init__(self, clock: Clock, *, max_bytes: int) -> None:
        self._clock = clock
        self._max_bytes = max_bytes
        self._held: OrderedDict[str, Served] = OrderedDict()
        self._bytes = 0
        self._fetched: dict[str, asyncio.Future[Served]] = {}  # bounded by the server's connections

    def get(self, name: str) -> Served | None:
        """The file, if it is here and fresh."""
        served = self._held.get(name)
        if served is None:
            return None
        if not served.is_good(self._clock.monotonic()):
            self._drop(name)
            return None
        self._held.move_to_end(name)
        return served

    async def get_or_fetch(self, name: str, fetch: Callable[[], Awaitable[Served]]) -> Served:
        """The file; of those who ask at once, one fetches it. Whatever `fetch` raises is raised for all of them, and not kept."""
        while (under_way := self._fetched.get(name)) is not None:
            try:
                return await asyncio.shield(under_way)
            except asyncio.CancelledError:
                if not under_way.cancelled():
                    raise  # it was us; else who fetched has gone, and somebody else does it
        return self.get(name) or await self._fetch(name, fetch)

    def is_due(self, served: Served) -> bool:
        """Whether what is held is to be renewed, and nobody is about it."""
        return self._clock.monotonic() - served.read_at >= RENEWED_AFTER_S and served.name not in self._fetched

    async def renew(self, name: str, fetch: Callable[[], Awaitable[Served]]) -> None:
        """Read a file anew if that is due still. One that is there no more is dropped; after other failures, which are raised,
        what is held is served for as long as it is good.
        """
        served = self._held.get(name)
        if served is not None and self.is_due(served):
            try:
                await self._fetch(name, fetch)
            except NotFound:
                self._drop(name)

    async def _fetch(self, name: str, fetch: Callable[[], Awaitable[Served]]) -> Served:
        future = self._fetched[name] = asyncio.get_running_loop().create_future()
        try:
            served = await fetch()
        except BaseException as error:
            if isinstance(error, asyncio.CancelledError):
                future.cancel()
            else:
                future.set_exception(error)
                future.exception()  # seen, also when nobody waits
            raise
        finally:
            del self._fetched[name]
        future.set_result(served)
        self._keep(name, served)
        return served

    def _keep(self, name: str, served: Served) -> None:
        if len(served.data) > MAX_ENTRY_BYTES:
            return
        self._drop(name)
        self._held[name] = served
        self._bytes += len(served.data)
        while self._bytes > self._max_bytes:
            self._drop(next(iter(self._held)))

    def _drop(self, name: str) -> None:
        dropped = self._held.pop(name, None)
        if dropped is not None:
            self._bytes -= len(dropped.data)
