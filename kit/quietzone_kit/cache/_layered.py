"""Memory before a server.

What makes this more than two look-ups: a value may change between being read (from the server, or by `load`) and being remembered here.
So whoever reads keeps a `Watch` of what is invalidated meanwhile, and what it names isn't remembered. Across processes the server's
claims and versions of tags do the same.
"""

import asyncio
import math
from collections.abc import AsyncIterator
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager, asynccontextmanager, suppress
from typing import NoReturn

from quietzone_kit.cache import DEFAULT_KEEP, MAX_KEY_CHARACTERS, MAX_VALUE_BYTES, Hit, Keep, Load
from quietzone_kit.cache._fanout import Hub, Queue
from quietzone_kit.cache._memory import TRUSTED_S, UNHEARD_S, Entry, Memory, is_key_name, key_name, tag_name
from quietzone_kit.cache._metrics import LOAD_FAILURES, NOT_KEPT, OWED, READS, UNHEARD
from quietzone_kit.cache._said import Said
from quietzone_kit.cache._server import Claim, Found, Server, ServerGone
from quietzone_kit.cache._watches import Watches
from quietzone_kit.runtime import Clock, Randomness
from quietzone_kit.telemetry import logger

log = logger(__name__)

WAIT_S = 0.2
"""How long to wait for another process's load: as long as a load from a store may take; whoever is slower isn't waited for."""
LOOK_S = 0.02
"""Between looks for it."""
READS_AGAIN = 3
"""Reads of an entry that changes meanwhile, before it counts as a miss: the news of one change comes at most once."""
MAX_REFRESHING = 16
"""Stale values that are loaded anew at the same time; others stay stale until the next read. More would be a flood after a quiet night."""
MAX_OWED = 10_000
"""Names that the server must still forget: a MB; the oldest then end by their time to live."""
SETTLE_S = 1.0
"""Between attempts to make the server forget: as often as its breaker lets one through."""


_FROM_MEMORY = READS.labels("memory")


class _Flight:
    """One caller's look for a value, which others wait for. It ends with a value, with an error, or with neither: cancelled."""

    def __init__(self, names: frozenset[str]) -> None:
        self.names = names
        self.found: Hit | None = None
        self.error: Exception | None = None
        self.ended = asyncio.Event()


class LayeredCache:
    """See `Cache`. Without a server, memory is all there is."""

    def __init__(self, clock: Clock, randomness: Randomness, server: Server | None = None) -> None:
        self._clock = clock
        self._server = server
        self._memory = Memory(clock, math.inf if server is None else UNHEARD_S)
        self._me = randomness.token(8)  # two processes draw the same once in 2**64
        self._hub = Hub()
        self._flights: dict[str, _Flight] = {}
        self._watches = Watches()
        self._owed: dict[str, object] = {}
        self._refreshing: set[str] = set()
        self._group: asyncio.TaskGroup | None = None

    async def get(self, key: str) -> Hit | None:
        """See Cache."""
        hit = self.held(key)
        if hit is not None:
            return hit
        found = await self._from_server(key)
        hit = Hit(found.value) if found is not None and found.fresh_s > 0 else None
        READS.labels("miss" if hit is None else "server").inc()
        return hit

    def held(self, key: str) -> Hit | None:
        """See Cache."""
        _check(key)
        entry = self._memory.get(key)
        if entry is None or not self._memory.is_fresh(entry):
            return None
        _FROM_MEMORY.inc()
        return Hit(entry.value)

    async def get_or_load(self, key: str, load: Load, keep: Keep = DEFAULT_KEEP) -> bytes | None:
        """See Cache."""
        _check(key, *keep.tags)
        while True:
            entry = self._memory.get(key)
            if entry is not None and (self._memory.is_fresh(entry) or self._refresh(key, load, keep)):
                READS.labels("memory" if self._memory.is_fresh(entry) else "stale").inc()
                return entry.value
            flight = self._flights.get(key)
            if flight is None:
                return await self._lead(key, load, keep)
            await flight.ended.wait()
            if flight.error is not None:
                raise flight.error
            if flight.found is not None:
                READS.labels("joined").inc()
                return flight.found.value

    async def set(self, key: str, value: bytes | None, keep: Keep = DEFAULT_KEEP) -> None:
        """See Cache."""
        _check(key, *keep.tags)
        if not _is_kept(value, keep):
            await self.delete(key)
            return
        name = key_name(key)
        self._forget({name})
        with self._watches.watching() as watch:
            if self._server is not None:
                async with self._owing(name):
                    await self._server.write(key, value, keep, self._said(name))
            overtaken = watch.saw(_names(key, keep.tags))
            self._forget({name})  # whoever else writes this key now doesn't know either which of us was the last
            if not overtaken:
                self._put(key, value, keep)

    async def delete(self, key: str) -> None:
        """See Cache."""
        _check(key)
        await self._delete(key_name(key))

    async def invalidate(self, *tags: str) -> None:
        """See Cache."""
        _check(*tags)
        self._forget({tag_name(tag) for tag in tags})
        for tag in tags:
            await self._invalidate(tag_name(tag))

    async def publish(self, topic: str, message: bytes) -> None:
        """See Cache."""
        self._hub.deliver(topic, message)
        if self._server is not None:
            with suppress(ServerGone):  # whoever would have heard hears that messages are lost when it is connected again
                await self._server.say(Said(self._me, topic, message, []).encode())

    def subscribe(self, topic: str) -> AbstractContextManager[Queue]:
        """See Cache."""
        if not topic:
            raise ValueError("a topic has a name")
        return self._hub.subscribe(topic)

    async def run(self) -> NoReturn:
        """See Cache."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            try:
                if self._server is not None:
                    group.create_task(self._server.listen(self), name="cache listens")
                while True:
                    await self._settle()
                    await asyncio.sleep(SETTLE_S)
            finally:
                self._group = None
                self.cut()

    async def check(self) -> None:
        """See Cache."""
        if self._server is not None:
            await self._server.check()

    async def close(self) -> None:
        """See Cache."""
        if self._server is not None:
            await self._server.close()

    def heard(self) -> None:
        """See Ear."""
        self._forget_all()
        self._memory.trusted_s = TRUSTED_S
        UNHEARD.set(0)
        self._hub.lose()

    def cut(self) -> None:
        """See Ear."""
        if self._server is not None:
            self._memory.trusted_s = UNHEARD_S
            UNHEARD.set(1)

    def hear(self, said: bytes) -> None:
        """See Ear."""
        it = Said.decode(said)
        if it is None:  # another release may say what this one doesn't know: then anything may have changed
            self._forget_all()
        elif it.sender != self._me:
            self._forget(frozenset(it.names))
            if it.topic:
                self._hub.deliver(it.topic, it.message)

    async def _delete(self, name: str) -> None:
        self._forget({name})
        if self._server is not None:
            async with self._owing(name):
                await self._server.delete(name[1:], self._said(name))
            self._forget({name})  # what was read from the server before it deleted

    async def _invalidate(self, name: str) -> None:
        self._forget({name})
        if self._server is not None:
            async with self._owing(name):
                await self._server.invalidate(name[1:], self._said(name))
            self._forget({name})

    async def _lead(self, key: str, load: Load, keep: Keep) -> bytes | None:
        """Look for a value, also for those who come meanwhile."""
        flight = _Flight(frozenset((key_name(key), *map(tag_name, keep.tags))))
        self._flights[key] = flight
        try:
            value = await self._find(key, load, keep)
        except Exception as error:
            flight.error = error
            raise
        else:
            flight.found = Hit(value)
            return value
        finally:
            if self._flights.get(key) is flight:
                del self._flights[key]
            flight.ended.set()

    async def _find(self, key: str, load: Load, keep: Keep) -> bytes | None:
        found = await self._from_server(key)
        if found is not None and (found.fresh_s > 0 or self._refresh(key, load, keep)):
            READS.labels("server" if found.fresh_s > 0 else "stale").inc()
            return found.value
        READS.labels("loaded").inc()
        return await self._load(key, load, keep)

    async def _from_server(self, key: str) -> Found | None:
        """What the server has, fresh or stale; it is in memory then. What is invalidated while it is read is read again."""
        for _ in range(READS_AGAIN):
            with self._watches.watching() as watch:
                found = await self._asked(key)
            if found is None:
                return None
            names = _names(key, found.tags)
            if not names.isdisjoint(self._owed):
                return None
            if not watch.saw(names):
                now = self._clock.monotonic()
                self._memory.put(key, Entry(found.value, names, now, now + found.fresh_s, now + found.left_s))
                return found
        return None

    async def _asked(self, key: str) -> Found | None:
        if self._server is None:
            return None
        try:
            return await self._server.read(key)
        except ServerGone:
            return None

    async def _load(self, key: str, load: Load, keep: Keep) -> bytes | None:
        names = _names(key, keep.tags)
        with self._watches.watching() as watch:
            claim, other = await self._claim(key, keep)
            if other is not None:
                return other.value
            try:
                value = await load()
            except BaseException:
                await self._release(key, claim)
                raise
            if not _is_kept(value, keep):
                await self._release(key, claim)
            elif not await self._store(key, claim, value, keep) or watch.saw(names):
                NOT_KEPT.labels("changed").inc()
            else:
                self._put(key, value, keep)
        return value

    async def _claim(self, key: str, keep: Keep) -> tuple[Claim | None, Hit | None]:
        """The right to store what is loaded, or what another process has loaded meanwhile; neither when it takes too long."""
        if self._server is None:
            return None, None
        until = self._clock.monotonic() + WAIT_S
        try:
            while True:
                claim = await self._server.claim(key, keep)
                if claim is not None or self._clock.monotonic() >= until:
                    return claim, None
                await asyncio.sleep(LOOK_S)
                found = await self._from_server(key)
                if found is not None and found.fresh_s > 0:
                    return None, Hit(found.value)
        except ServerGone:
            return None, None

    async def _store(self, key: str, claim: Claim | None, value: bytes | None, keep: Keep) -> bool:
        """False: the entry was changed meanwhile. Without a claim, or an answer, memory keeps the value."""
        if self._server is None or claim is None:
            return True
        try:
            return await self._server.store(key, claim, value, keep)
        except ServerGone:
            return True

    async def _release(self, key: str, claim: Claim | None) -> None:
        """Let others load: nothing is stored."""
        if self._server is not None and claim is not None:
            with suppress(ServerGone):  # then it ends by itself
                await self._server.release(key, claim)

    def _put(self, key: str, value: bytes | None, keep: Keep) -> None:
        now = self._clock.monotonic()
        ttl_s = _ttl_s(value, keep)
        self._memory.put(key, Entry(value, _names(key, keep.tags), now, now + ttl_s, now + ttl_s + keep.stale_s))

    def _refresh(self, key: str, load: Load, keep: Keep) -> bool:
        """Load a stale value anew beside the caller; False: nobody can, so the caller must."""
        if self._group is None:
            return False
        if key not in self._refreshing and len(self._refreshing) < MAX_REFRESHING:
            self._refreshing.add(key)
            self._group.create_task(self._load_anew(key, load, keep), name="cache refresh")
        return True

    async def _load_anew(self, key: str, load: Load, keep: Keep) -> None:
        try:
            await self._load(key, load, keep)
        except Exception as error:
            LOAD_FAILURES.inc()
            log.warning("a stale value could not be loaded anew", key=key, exc_info=error)  # the next read tries again
        finally:
            self._refreshing.discard(key)

    def _forget(self, names: AbstractSet[str]) -> None:
        """Nobody is given what has one of these names from now on."""
        self._memory.forget(names)
        self._watches.tell(names)
        for key in [key for key, flight in self._flights.items() if not names.isdisjoint(flight.names)]:
            del self._flights[key]  # who waits for it came before; who comes now looks again

    def _forget_all(self) -> None:
        self._memory.clear()
        self._watches.tell_all()
        self._flights.clear()

    @asynccontextmanager
    async def _owing(self, name: str) -> AsyncIterator[None]:
        """Unless the block reaches the server, it is told later to forget this name, and isn't asked for it until then."""
        ticket = self._owed[name] = object()  # a later change of the same name has another, and pays for itself only
        while len(self._owed) > MAX_OWED:
            del self._owed[next(iter(self._owed))]
        try:
            yield
        except ServerGone:
            return
        else:
            if self._owed.get(name) is ticket:
                del self._owed[name]
        finally:
            OWED.set(len(self._owed))

    async def _settle(self) -> None:
        """Make the server forget what it hasn't heard of."""
        for name in list(self._owed):
            await (self._delete(name) if is_key_name(name) else self._invalidate(name))
            if name in self._owed:
                return  # it is still gone

    def _said(self, name: str) -> bytes:
        return Said(self._me, "", b"", [name]).encode()


def _names(key: str, tags: tuple[str, ...]) -> frozenset[str]:
    return frozenset((key_name(key), *map(tag_name, tags)))


def _ttl_s(value: bytes | None, keep: Keep) -> float:
    ttl_s = keep.absent_s if value is None else keep.ttl_s
    return ttl_s or math.inf


def _is_kept(value: bytes | None, keep: Keep) -> bool:
    if value is None:
        return keep.absent_s is not None
    if len(value) > MAX_VALUE_BYTES:
        NOT_KEPT.labels("large").inc()
        return False
    return True


def _check(*names: str) -> None:
    for name in names:
        if not 1 <= len(name) <= MAX_KEY_CHARACTERS or "{" in name or "}" in name:
            raise ValueError(f"{name!r:.100}: a key or tag has 1 to {MAX_KEY_CHARACTERS} characters, none of them a brace")
