"""Plans: how much an account may do, how fast, and what goes first when there is too much for all; pure."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

MAX_PLANS = 100
"""In an installation: all of them are in the memory of each replica."""

MAX_RATES, MAX_QUOTAS, MAX_FLAGS = 6, 20, 50
"""Of a plan: one rate for each class and one in total; one quota for each counter there is, and room; as many flags as people oversee."""

MAX_LIMIT = 10**15 - 1
"""Of a quota: a petabyte a month, the largest integer of a structured field (RFC 9651, 3.3.1), and exact in everybody's JSON."""

MAX_PER_S = 10_000
LONGEST_S = 86_400
MAX_BURST = 1_000_000
"""Of a rate, as the kit's limits keep them."""

NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")


class InvalidPlan(ValueError):
    """The plan can't be kept; `field` is what of it is wrong."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field


class MethodClass(StrEnum):
    """What kind of request: the first is the last to be refused when there is too much for all, the last the first."""

    READ = "read"
    """Codes, images, counts."""
    WRITE = "write"
    """One thing is made or changed."""
    BULK = "bulk"
    """Many are, in one request."""
    REPORT = "report"
    """Exports and the audit log: long answers that nobody waits for."""
    SIGN_UP = "sign-up"
    """Somebody new, who can come again."""


class Unit(StrEnum):
    """What is counted."""

    REQUESTS = "requests"
    CODES = "codes"
    """Codes that were made in the period."""
    SCANS = "scans"
    """Scans by people; beyond the quota they are redirected all the same (ADR 0019)."""
    BYTES = "bytes"
    """Of answers' bodies."""


class Period(StrEnum):
    """A day or a month of UTC."""

    DAY = "day"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Pace:
    """`count` requests in `period_s` seconds, evenly, up to `burst` at once; of one class, or (None) of all together."""

    count: int
    period_s: int
    burst: int
    method_class: MethodClass | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.period_s <= LONGEST_S:
            raise InvalidPlan("rates", f"a period of {self.period_s} s: use 1 to {LONGEST_S}; longer ones are quotas")
        if not 1 <= self.count <= MAX_PER_S * self.period_s:
            raise InvalidPlan("rates", f"{self.count} in {self.period_s} s: use 1 or more, at most {MAX_PER_S:,} a second")
        if not 1 <= self.burst <= MAX_BURST:
            raise InvalidPlan("rates", f"a burst of {self.burst}: use 1 to {MAX_BURST:,}")


@dataclass(frozen=True, slots=True)
class Quota:
    """At most `limit` of `unit` in a period; requests also of one class, in addition to what they count in total."""

    unit: Unit
    period: Period
    limit: int
    method_class: MethodClass | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.limit <= MAX_LIMIT:
            raise InvalidPlan("quotas", f"a limit of {self.limit}: use 0 to {MAX_LIMIT}")
        if self.method_class is not None and self.unit is not Unit.REQUESTS:
            raise InvalidPlan("quotas", f"{self.unit} are of no class: only requests are")
        if self.unit is Unit.SCANS and self.period is not Period.MONTH:
            raise InvalidPlan("quotas", "scans are counted by month")

    @property
    def counter(self) -> str:
        """The name of what it limits."""
        return counter_name(self.unit, self.period, self.method_class)


@dataclass(frozen=True, slots=True)
class Plan:
    """What the accounts of a plan may do; `flags` are the features that they have, as far as these are on at all. `stored_bytes` are the
    bytes of files that they may have at a time, None: any number.
    """

    name: str
    rates: tuple[Pace, ...] = ()
    quotas: tuple[Quota, ...] = ()
    flags: tuple[str, ...] = ()
    stored_bytes: int | None = None

    def __post_init__(self) -> None:
        if self.stored_bytes is not None and not 0 <= self.stored_bytes <= MAX_LIMIT:
            raise InvalidPlan("stored_bytes", f"a limit of {self.stored_bytes}: use 0 to {MAX_LIMIT}")
        if not NAME.fullmatch(self.name):
            raise InvalidPlan("name", f"{self.name!r:.60} is no name: use up to 40 of a-z, 0-9 and -, a letter first")
        _check_all("rates", [pace.method_class or "all requests" for pace in self.rates], MAX_RATES)
        _check_all("quotas", [quota.counter for quota in self.quotas], MAX_QUOTAS)
        _check_all("flags", self.flags, MAX_FLAGS)
        if wrong := [flag for flag in self.flags if not NAME.fullmatch(flag)]:
            raise InvalidPlan("flags", f"{wrong[0]!r:.60} is no flag's name: use up to 40 of a-z, 0-9 and -, a letter first")

    @property
    def limits(self) -> Mapping[str, int]:
        """Its quotas by counter."""
        return {quota.counter: quota.limit for quota in self.quotas}


def counter_name(unit: Unit, period: Period, method_class: MethodClass | None = None) -> str:
    """What a count is stored under, such as `requests/month` or `requests/day/write`."""
    return f"{unit}/{period}" if method_class is None else f"{unit}/{period}/{method_class}"


def _check_all(field: str, names: Iterable[str], most: int) -> None:
    counted = Counter(names)
    if counted.total() > most:
        raise InvalidPlan(field, f"{counted.total()} of them: a plan has at most {most}")
    if twice := [name for name, times in counted.items() if times > 1]:
        raise InvalidPlan(field, f"{twice[0]} is there twice")


def _a_minute(name: str, count: int) -> Plan:
    return Plan(name, (Pace(count, 60, count),))


DEFAULT_PLANS = (
    _a_minute("free", 10),
    _a_minute("pro", 100),
    _a_minute("enterprise", 1_000),
    Plan("standard", (Pace(50, 1, 100),), (Quota(Unit.REQUESTS, Period.MONTH, 10_000),)),
    Plan("unlimited"),
)
"""What an installation begins with; its operator may change each. `unlimited` is for whoever runs the installation."""

FALLBACK = "free"
"""Holds for an account whose plan isn't there."""
