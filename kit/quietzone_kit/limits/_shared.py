"""Limits that processes share by a server, and what a process does with what it has from there.

A round trip for each decision would cost a tenth of the request that it is about. So a process that asks for a key again within BUSY_S
takes some tokens more than it needs, from a bucket that is far from empty only (SHARE); it gives back what it hasn't used after HELD_S. A
refusal holds until the server says that there may be a token, and no longer than others may hold some: nobody has to ask before.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NoReturn, Protocol

from quietzone_kit.cache._server import ServerGone
from quietzone_kit.limits import Decision, Level, Rate
from quietzone_kit.limits._buckets import Buckets, decision_of
from quietzone_kit.limits._metrics import ALONE, DECISIONS, REPLICAS
from quietzone_kit.limits._names import check
from quietzone_kit.runtime import Clock, Randomness

SPARE = 7
"""Tokens beyond the one that is needed: an eighth of the round trips; more would save little, and let bursts of replicas grow."""
BUSY_S = 0.05
"""Since the last round trip for a key: at 20 a second a process uses what it holds long before HELD_S."""
HELD_S = 1.0
"""How long tokens may lie here, which another process could want; and how long a refusal is told again."""
MAX_HELD = 50_000
"""Keys of which something is remembered, 0.5 KB each; beyond it the one that was used longest ago is asked for again."""
SWEEP_S = 0.5
"""Between looks for what is held for nothing."""
COUNT_S = 5
"""Between two signs of life, in whole seconds of the server's clock; who gave none for three times as long doesn't count."""


class Server(Protocol):
    """Buckets of all processes. Each call but `close` can raise ServerGone."""

    async def take(self, key: str, rates: Mapping[str, Rate], spare: int) -> tuple[int, tuple[int, ...]]:
        """As Buckets.take, in one step."""

    async def give_back(self, key: str, rates: Mapping[str, Rate], tokens: int) -> None:
        """Put tokens back into each bucket, in one step; one that is full stays full."""

    async def count(self, me: str, within_s: int) -> int:
        """A sign of life of `me`; the answer is how many gave one within so many seconds."""

    async def warm(self) -> None:
        """Connect where nobody waits for it."""

    async def check(self) -> None:
        """Raises CacheUnavailable when there is no answer."""

    async def close(self) -> None:
        """Let go of connections."""


@dataclass(slots=True)
class _Held:
    """What is remembered of a key at some rates. Times are monotonic seconds."""

    key: str
    rates: Mapping[str, Rate]
    tokens: int = 0
    levels: Mapping[str, Level] = field(default_factory=dict)
    used_at: float = float("-inf")
    asked_at: float = float("-inf")
    refused_until: float = float("-inf")
    token_at: float = float("-inf")
    asking: int = 0

    def decision(self, *, granted: bool, retry_s: float = 0.0) -> Decision:
        """A decision of now; what is held is in the caller's bucket, as it sees it."""
        levels = {name: Level(level.left + self.tokens, level.full_s) for name, level in self.levels.items()}
        return Decision(granted, retry_s, levels)


class SharedLimits:
    """See Limits."""

    def __init__(self, server: Server, clock: Clock, randomness: Randomness) -> None:
        self._server = server
        self._clock = clock
        self._me = randomness.token(8).hex()  # two processes draw the same once in 2**64
        self._own = Buckets(clock)
        self._held: OrderedDict[tuple[object, ...], _Held] = OrderedDict()
        self._replicas = 0
        self._runs = False

    async def take(self, key: str, rates: Mapping[str, Rate]) -> Decision:
        """See Limits."""
        known = self.at_once(key, rates)
        if known is not None:
            return known
        now = self._clock.monotonic()
        try:
            return await self._ask(self._held_of(key, rates, now), now)
        except ServerGone:
            return self._alone(key, rates)

    def at_once(self, key: str, rates: Mapping[str, Rate]) -> Decision | None:
        """See Limits."""
        check(key, rates)
        now = self._clock.monotonic()
        held = self._held_of(key, rates, now)
        if held.tokens > 0:
            held.tokens -= 1
            DECISIONS.labels("held", "granted").inc()
            return held.decision(granted=True)
        if now < held.refused_until:
            DECISIONS.labels("held", "refused").inc()
            return held.decision(granted=False, retry_s=held.token_at - now)
        return None

    async def run(self) -> NoReturn:
        """See Limits."""
        counted_at = float("-inf")
        self._runs = True
        try:
            while True:
                if self._clock.monotonic() - counted_at >= COUNT_S:
                    counted_at = self._clock.monotonic()
                    await self._count()
                await self._sweep(older_than_s=HELD_S)
                await asyncio.sleep(SWEEP_S)
        finally:
            self._runs = False

    async def check(self) -> None:
        """See Limits."""
        await self._server.check()

    async def close(self) -> None:
        """See Limits."""
        self._runs = False
        await self._sweep(older_than_s=0.0)
        await self._server.close()

    async def _ask(self, held: _Held, now: float) -> Decision:
        busy = self._runs and not held.asking and now - held.asked_at < BUSY_S
        held.asked_at = now
        held.asking += 1
        try:
            taken, until_full_us = await self._server.take(held.key, held.rates, SPARE if busy else 0)
        finally:
            held.asking -= 1
        ALONE.set(0)
        decision = decision_of(held.rates, granted=taken > 0, until_full_us=until_full_us)
        held.levels = decision.levels
        held.tokens += max(0, taken - 1)
        if not decision.granted:
            now = self._clock.monotonic()
            held.token_at, held.refused_until = now + decision.retry_s, now + min(decision.retry_s, HELD_S)
        DECISIONS.labels("server", "granted" if decision.granted else "refused").inc()
        return held.decision(granted=decision.granted, retry_s=decision.retry_s)

    def _alone(self, key: str, rates: Mapping[str, Rate]) -> Decision:
        """A decision without the server: this process's share, or all of it as long as nobody was counted."""
        ALONE.set(1)
        mine = {name: rate.share_of(max(1, self._replicas)) for name, rate in rates.items()}
        taken, until_full_us = self._own.take(key, mine)
        DECISIONS.labels("alone", "granted" if taken else "refused").inc()
        return decision_of(mine, granted=taken > 0, until_full_us=until_full_us)

    def _held_of(self, key: str, rates: Mapping[str, Rate], now: float) -> _Held:
        known = (key, *rates.items())
        held = self._held.get(known)
        if held is None:
            held = self._held[known] = _Held(key, rates)
            if len(self._held) > MAX_HELD:
                self._held.popitem(last=False)  # at most SPARE tokens are lost with it, for the time that a bucket takes to fill
        else:
            self._held.move_to_end(known)
        held.used_at = now
        return held

    async def _count(self) -> None:
        try:
            self._replicas = await self._server.count(self._me, 3 * COUNT_S)
        except ServerGone:
            with suppress(ServerGone):
                await self._server.warm()
        REPLICAS.set(self._replicas)

    async def _sweep(self, *, older_than_s: float) -> None:
        """Give back tokens that lie here, and forget the rest: whoever comes back asks."""
        until = self._clock.monotonic() - older_than_s
        while self._held:
            known, held = next(iter(self._held.items()))
            if held.used_at > until or held.asking:
                return  # those behind it were used later
            del self._held[known]
            if held.tokens:
                with suppress(ServerGone):
                    await self._server.give_back(held.key, held.rates, held.tokens)
