"""Counts of an account's use, exact over replicas; pure.

One document holds an account's month, since one request counts in several counters at once. What isn't known to be used, and may be, is
held: each replica takes units ahead (a lease) and says with its next exchange what it used of them. So at every moment
used + held of all ≤ limit, whatever replicas do and wherever they die.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

SHARE = 100
"""A replica takes at most this part of what is left ahead of its need: below 100 units they are taken one by one."""

THRESHOLDS = (80, 100)
"""Percent of a quota at which its account is told, each once in a period."""


SCANS = "scans/month"
"""The one counter that is told, not counted here."""


@dataclass(frozen=True, slots=True)
class Lease:
    """What a replica may use without asking, as its `seq`-th exchange left it: whether that happened can be told by this number."""

    seq: int
    units: dict[str, int]


@dataclass(frozen=True, slots=True)
class Usage:
    """An account's use in a month (`2026-11`), and in the latest `day` (`2026-11-21`) that a replica has seen of it.

    `told` is the highest threshold that was told of, by counter.
    """

    usage_id: str
    account_id: str
    month: str
    day: str
    used: dict[str, int] = field(default_factory=dict)
    held: dict[str, Lease] = field(default_factory=dict)
    told: dict[str, int] = field(default_factory=dict)

    def left(self, counter: str, limit: int) -> int:
        """What nobody uses or holds."""
        return limit - self.used.get(counter, 0) - sum(lease.units.get(counter, 0) for lease in self.held.values())


@dataclass(frozen=True, slots=True)
class Spent:
    """What a replica used on a day; below 0 what came back. It is part of the replica's `seq`-th exchange and of every later one."""

    seq: int
    day: str
    units: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Exchange:
    """What a replica tells and asks on `day`: it used `spent` and holds nothing any more, it needs `needs` now, and takes up to `ahead`
    more. `scans` is the month's total so far, from whoever counts them; None: not known. With `leaves` its name goes too.
    """

    replica: str
    seq: int
    day: str
    spent: Sequence[Spent]
    needs: Mapping[str, int]
    ahead: Mapping[str, int]
    limits: Mapping[str, int]
    scans: int | None = None
    leaves: bool = False


@dataclass(frozen=True, slots=True)
class Crossing:
    """A threshold that the last exchange crossed, in percent."""

    counter: str
    limit: int
    used: int
    threshold: int


def usage_id(account_id: str, month: str) -> str:
    """What an account's month is found by."""
    return f"{account_id}/{month}"


def new_usage(account_id: str, day: str) -> Usage:
    """A month that begins on, or is first heard of on, `day`."""
    return Usage(usage_id(account_id, day[:7]), account_id, day[:7], day)


def exchanged(usage: Usage, exchange: Exchange, *, tell: bool = True) -> tuple[Usage, tuple[Crossing, ...]]:
    """The month after an exchange, and what it crossed. What the replica got is its lease: all that it needs, or less when less is left.

    What the month knows of `spent` isn't added again. Counts of a day that is over are dropped, also the replica's own. Without `tell`
    nothing is crossed yet: the next exchange finds it.
    """
    usage = _on(usage, max(usage.day, exchange.day))
    before = usage.held.get(exchange.replica)
    used = dict(usage.used)
    for spent in exchange.spent:
        if before is None or spent.seq > before.seq:
            for counter, amount in (spent.units if spent.day == usage.day else without_days(spent.units)).items():
                used[counter] = max(0, used.get(counter, 0) + amount)
    if exchange.scans is not None:
        used[SCANS] = max(used.get(SCANS, 0), exchange.scans)
    held = {replica: lease for replica, lease in usage.held.items() if replica != exchange.replica}
    usage = replace(usage, used=used, held=held)
    units = {counter: _granted(usage, exchange, counter) for counter in exchange.needs.keys() | exchange.ahead.keys()}
    lease = Lease(exchange.seq, {counter: granted for counter, granted in units.items() if granted})
    crossings = _crossings(usage, exchange.limits) if tell else ()
    told = usage.told | {crossing.counter: crossing.threshold for crossing in crossings}
    return replace(usage, held=held if exchange.leaves else held | {exchange.replica: lease}, told=told), crossings


def _granted(usage: Usage, exchange: Exchange, counter: str) -> int:
    left = max(0, usage.left(counter, exchange.limits[counter]))
    needed = exchange.needs.get(counter, 0)
    return min(left, needed + min(exchange.ahead.get(counter, 0), max(0, left - needed) // SHARE))


def _crossings(usage: Usage, limits: Mapping[str, int]) -> tuple[Crossing, ...]:
    return tuple(
        Crossing(counter, limit, usage.used[counter], threshold)
        for counter, limit in sorted(limits.items())
        for threshold in THRESHOLDS
        if usage.told.get(counter, 0) < threshold and usage.used.get(counter, 0) > 0 and usage.used[counter] * 100 >= threshold * limit
    )


def _on(usage: Usage, day: str) -> Usage:
    """The month on `day`, which isn't before its own."""
    if day == usage.day:
        return usage
    held = {replica: Lease(lease.seq, without_days(lease.units)) for replica, lease in usage.held.items()}
    return replace(usage, day=day, used=without_days(usage.used), held=held, told=without_days(usage.told))


def without_days(counts: Mapping[str, int]) -> dict[str, int]:
    """The counts of months."""
    return {counter: count for counter, count in counts.items() if "/day" not in counter}
