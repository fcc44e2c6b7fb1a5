"""How often something may happen, over all replicas together: token buckets that processes share.

`open_limits` chooses the adapter by the URL's scheme; the server is the cache's. Losing it fails no call: each process goes on with
buckets of its own, at its share of the rate, and says so in `quietzone_limits_alone`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn, Protocol

from quietzone_kit.runtime import Clock, Randomness

MAX_PER_S = 10_000
"""Tokens a second: the time of one is kept in whole microseconds, which makes the fastest rate 1 % faster at worst."""

MAX_BURST = 1_000_000
"""Tokens in a bucket."""

LONGEST_MS = 24 * 3_600_000
"""Of a rate's period; what is longer is a quota, and quotas outlive the cache server."""

LONGEST_US = 10**15
"""For an empty bucket to fill: 31 years; with today's time a whole number that Lua's doubles still hold exactly (below 2**53)."""


@dataclass(frozen=True, slots=True)
class Rate:
    """`count` in `period_ms` milliseconds, evenly, and up to `burst` at once after a pause.

    Raises:
        ValueError: says which bound it breaks.
    """

    count: int
    period_ms: int
    burst: int

    def __post_init__(self) -> None:
        if not (1 <= self.period_ms <= LONGEST_MS and 1 <= self.count <= MAX_PER_S * self.period_ms // 1000):
            raise ValueError(f"{self.count} in {self.period_ms} ms is no rate: 1 or more, in up to a day, up to {MAX_PER_S:,} a second")
        if not 1 <= self.burst <= MAX_BURST:
            raise ValueError(f"a burst of {self.burst}: a bucket holds 1 to {MAX_BURST:,}")
        if self.burst * self.interval_us > LONGEST_US:
            raise ValueError(f"a burst of {self.burst} takes decades to come again at {self.count} in {self.period_ms} ms: make it smaller")

    @property
    def interval_us(self) -> int:
        """Microseconds in which one token comes, rounded down: the rate is never lower than it says."""
        return self.period_ms * 1000 // self.count

    def share_of(self, replicas: int) -> "Rate":
        """What one of so many processes may grant by itself."""
        period_ms = min(self.period_ms * replicas, LONGEST_MS)
        return Rate(max(1, self.count * period_ms // (self.period_ms * replicas)), period_ms, max(1, self.burst // replicas))


@dataclass(frozen=True, slots=True)
class Level:
    """A bucket after a decision: the tokens in it (held leases are none of them), and the seconds until it is full."""

    left: int
    full_s: float


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether there was a token in each bucket; if not, `retry_s` is when there may be. `levels` are by the names of the rates."""

    granted: bool
    retry_s: float
    levels: Mapping[str, Level]


class Limits(Protocol):
    """Token buckets by key. Keys are 1 to 512 characters, names of rates 1 to 64, none of them a brace (ValueError)."""

    async def take(self, key: str, rates: Mapping[str, Rate]) -> Decision:
        """A token from each of the key's buckets, in one step: from all or from none. A bucket that wasn't there is full."""

    def at_once(self, key: str, rates: Mapping[str, Rate]) -> Decision | None:
        """The same for those who can't wait; None, and nothing is taken: `take` must ask."""

    async def run(self) -> NoReturn:
        """Count the processes and give back what is held for nothing, until cancelled. Without it nothing is held."""

    async def check(self) -> None:
        """Ask the server for an answer.

        Raises:
            quietzone_kit.cache.CacheUnavailable: there is none.
        """

    async def close(self) -> None:
        """Give back what is held, and let go of connections."""


def open_limits(url: str, *, clock: Clock, randomness: Randomness) -> Limits:
    """The buckets at `url`, a URL as `quietzone_kit.cache.open_cache` takes it; nothing is opened before the first call.

    Raises:
        ValueError: says which URLs there are, or what is wrong with this one.
    """
    from quietzone_kit.cache import scheme_of  # noqa: PLC0415 - a process loads only what it uses
    from quietzone_kit.limits._own import OwnLimits  # noqa: PLC0415

    if scheme_of(url) == "memory":
        return OwnLimits(clock)
    from quietzone_kit.limits._redis import RedisBuckets  # noqa: PLC0415
    from quietzone_kit.limits._shared import SharedLimits  # noqa: PLC0415

    return SharedLimits(RedisBuckets(url, clock), clock, randomness)
