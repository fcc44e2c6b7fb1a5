"""What each request has to pass: how often its account, or its address, may ask, and how much of a quota is left."""

import hashlib
import math
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, IPv6Network

from quietzone_gateway.plans.domain import MethodClass, Period, Unit, counter_name
from quietzone_gateway.plans.headers import Standing, headers_of
from quietzone_gateway.plans.known import ALL, Known, KnownPlans
from quietzone_gateway.plans.ledgers import Ledgers, QuotaUsed
from quietzone_gateway.plans.metrics import REFUSED
from quietzone_gateway.plans.periods import begin_of_month_ms, day_of, end_of_day_ms, end_of_month_ms
from quietzone_gateway.plans.quotas import SCANS, Usage
from quietzone_gateway.plans.refusals import LimitReached
from quietzone_kit.errors import DeadlineExceeded, QuietzoneError
from quietzone_kit.limits import Decision, Limits, Rate
from quietzone_kit.runtime import Clock

Address = IPv4Address | IPv6Address

ANONYMOUS = "anonymous"
IPV6_BITS = 64
"""Of an IPv6 address: whoever has one has the rest of its network too."""

_NEEDS: Mapping[MethodClass, Mapping[str, int]] = {
    method_class: {counter_name(Unit.REQUESTS, period, kind): 1 for period in Period for kind in (None, method_class)}
    for method_class in MethodClass
}
_OWN: Mapping[MethodClass, Mapping[str, int]] = {
    method_class: {counter_name(Unit.REQUESTS, period, method_class): 1 for period in Period} for method_class in MethodClass
}
"""What a class of request needs of its own counters."""

_BYTES = tuple(counter_name(Unit.BYTES, period) for period in Period)
_CODES = tuple(counter_name(Unit.CODES, period) for period in Period)


@dataclass(frozen=True, slots=True)
class Admission:
    """A request that may be answered; `headers` are for its answer. `account_id` is empty when nobody is known to be asking."""

    account_id: str
    day: str
    known: Known
    headers: Mapping[str, str]

    @property
    def left(self) -> int | None:
        """Requests that are left of the limit that is nearest to its end; None without one."""
        left = self.headers.get("X-RateLimit-Remaining")
        return None if left is None else int(left)


@dataclass(slots=True)
class Creating:
    """Codes that are being made: how many may be, and how many are; whoever makes fewer says so."""

    may: int
    made: int


@dataclass(frozen=True, slots=True)
class Use:
    """What an account has used of one counter in the period that ends at `resets_at_ms`; `limit` is None without a quota."""

    unit: Unit
    period: Period
    method_class: MethodClass | None
    used: int
    limit: int | None
    resets_at_ms: int

    @property
    def left(self) -> int | None:
        """What is left of the quota."""
        return None if self.limit is None else max(0, self.limit - self.used)


@dataclass(frozen=True, slots=True)
class Fixed:
    """Limits of no plan. `secret` keys the hashes under which addresses are counted, so that none of them is stored."""

    anonymous: Rate
    secret: bytes = field(repr=False)


class Plans:
    """Admits requests. Every method that awaits can raise Unavailable, when a quota must be asked for and the store doesn't answer."""

    def __init__(self, known: KnownPlans, limits: Limits, ledgers: Ledgers, clock: Clock, fixed: Fixed) -> None:
        self.known = known
        self._limits = limits
        self._ledgers = ledgers
        self._clock = clock
        self._fixed = fixed

    async def admit(self, account_id: str, plan_name: str, method_class: MethodClass, client: Address | None) -> Admission:
        """Let a request of an account pass, or one of nobody (`account_id` empty) from an address.

        Raises:
            LimitReached: not now.
        """
        if not account_id:
            return await self._admit_anonymous(client)
        known = self.known.of(plan_name)
        standings: list[Standing] = []
        if rates := known.rates[method_class]:
            decision = await self._limits.take(f"account:{account_id}", rates)
            standings = _standings(rates, decision)
            if not decision.granted:
                raise self._refused("rate", f"the plan {known.plan.name} allows no more at this rate", decision.retry_s, standings)
        try:
            day = await self._ledgers.take(account_id, _NEEDS[method_class], known.limits, _BYTES)
        except QuotaUsed as error:
            raise self._used_up(account_id, known, error) from error
        standings += self._quotas(account_id, day, known)
        return Admission(account_id, day, known, headers_of(standings, self._clock.now_ms() // 1000))

    async def admit_as(self, admission: Admission, method_class: MethodClass) -> None:
        """Let a request do what belongs to another class than it came as: of that class's own rate and quotas, not again of all.

        Raises:
            LimitReached: not now.
        """
        account_id, known = admission.account_id, admission.known
        rates = {name: rate for name, rate in known.rates[method_class].items() if name != ALL}
        if rates:
            decision = await self._limits.take(f"account:{account_id}", rates)
            if not decision.granted:
                message = f"the plan {known.plan.name} allows no more of this kind ({method_class}) at this rate"
                raise self._refused("rate", message, decision.retry_s, _standings(rates, decision))
        try:
            await self._ledgers.take(account_id, _OWN[method_class], known.limits)
        except QuotaUsed as error:
            raise self._used_up(account_id, known, error) from error

    def admit_at_once(self, account_id: str, plan_name: str, method_class: MethodClass) -> Admission | None:
        """The same of an account for those who can't wait; None, and nothing is used: `admit` must ask, or refuses."""
        known, needs = self.known.of(plan_name), _NEEDS[method_class]
        day = self._ledgers.at_once(account_id, needs, known.limits, _BYTES)
        if day is None:
            return None
        standings: list[Standing] = []
        if rates := known.rates[method_class]:
            decision = self._limits.at_once(f"account:{account_id}", rates)
            if decision is None or not decision.granted:
                self._ledgers.add(account_id, {counter: -amount for counter, amount in needs.items()}, day, known.limits)
                return None
            standings = _standings(rates, decision)
        standings += self._quotas(account_id, day, known)
        return Admission(account_id, day, known, headers_of(standings, self._clock.now_ms() // 1000))

    def used_bytes(self, admission: Admission, amount: int) -> None:
        """Count the bytes that a request was answered with."""
        if admission.account_id:
            self._ledgers.add(admission.account_id, dict.fromkeys(_BYTES, amount), admission.day, admission.known.limits)

    @asynccontextmanager
    async def creating(self, admission: Admission, count: int, *, fewer: bool = False) -> AsyncIterator[Creating]:
        """Around the making of codes: what isn't made comes back. When it isn't known whether one was made, it counts.

        With `fewer` as many as the account may make, at least one.

        Raises:
            LimitReached: the account may not make as many.
        """
        limits = admission.known.limits
        try:
            day, count = await self._take_codes(admission, count, fewer=fewer)
        except QuotaUsed as error:
            raise self._used_up(admission.account_id, admission.known, error) from error
        creating = Creating(count, count)
        try:
            yield creating
        except QuietzoneError as error:
            if not isinstance(error, DeadlineExceeded):
                creating.made = 0
            raise
        finally:
            if creating.made < count:
                self._ledgers.add(admission.account_id, dict.fromkeys(_CODES, creating.made - count), day, limits)

    async def _take_codes(self, admission: Admission, count: int, *, fewer: bool) -> tuple[str, int]:
        """The day, and how many; raises QuotaUsed."""
        account_id, limits = admission.account_id, admission.known.limits
        try:
            return await self._ledgers.take(account_id, dict.fromkeys(_CODES, count), limits), count
        except QuotaUsed:
            known = [self._ledgers.left_of(account_id, self._ledgers.today, counter) for counter in _CODES]
            count = min((left for left in known if left is not None), default=count)
            if not fewer or count < 1:
                raise
            return await self._ledgers.take(account_id, dict.fromkeys(_CODES, count), limits), count

    async def use_of(self, account_id: str, plan_name: str, *, scans: int | None = None) -> list[Use]:
        """What an account has used, exact up to what other replicas counted in the last 2 s; `scans` of this month, as analytics has them,
        are noted and told like all else.
        """
        known = self.known.of(plan_name)
        usage = await self._ledgers.look(account_id, known.limits, scans=scans)
        now_ms = self._clock.now_ms()
        counters = dict.fromkeys((*_TOTALS, *known.limits, *sorted(usage.used)))
        return [_use(counter, usage, known.limits.get(counter), now_ms) for counter in counters]

    async def _admit_anonymous(self, client: Address | None) -> Admission:
        rates = {ANONYMOUS: self._fixed.anonymous}
        decision = await self._limits.take(self._hashed(_network(client)), rates)
        standings = _standings(rates, decision)
        if not decision.granted:
            raise self._refused(ANONYMOUS, "too many requests from this address without an account", decision.retry_s, standings)
        now_ms = self._clock.now_ms()
        return Admission("", day_of(now_ms), self.known.of(""), headers_of(standings, now_ms // 1000))

    def _used_up(self, account_id: str, known: Known, error: QuotaUsed) -> LimitReached:
        what = f"the plan {known.plan.name} allows {error.limit:,} {_words(error.counter)}"
        return self._refused("quota", what, error.retry_s, self._quotas(account_id, self._ledgers.today, known))

    def _refused(self, limit: str, what: str, retry_s: float, standings: list[Standing]) -> LimitReached:
        REFUSED.labels(limit).inc()
        retry_after_s = max(1, math.ceil(retry_s))
        headers = headers_of(standings, self._clock.now_ms() // 1000)
        return LimitReached(f"{what}: try again in {retry_after_s:,} s", retry_after_s, headers)

    def _quotas(self, account_id: str, day: str, known: Known) -> list[Standing]:
        """Quotas of requests and bytes, as far as this replica knows them."""
        if not known.limits:
            return []
        now_ms = self._clock.now_ms()
        standings = []
        for counter, limit in known.limits.items():
            unit, period, *_ = counter.split("/")
            left = self._ledgers.left_of(account_id, day, counter)
            if left is not None and unit in (Unit.REQUESTS, Unit.BYTES):
                begin_ms, end_ms = _span(period, now_ms)
                window_s, reset_s = (end_ms - begin_ms) // 1000, math.ceil((end_ms - now_ms) / 1000)
                standings.append(Standing(counter.replace("/", "-"), limit, window_s, left, reset_s, unit == Unit.BYTES))
        return standings

    def _hashed(self, network: bytes) -> str:
        return f"{ANONYMOUS}:{hashlib.blake2b(network, key=self._fixed.secret[:64], digest_size=12).hexdigest()}"


_TOTALS = (*(counter_name(unit, period) for unit in (Unit.REQUESTS, Unit.CODES, Unit.BYTES) for period in Period), SCANS)
"""What everybody is shown, with a quota or without."""


def _standings(rates: Mapping[str, Rate], decision: Decision) -> list[Standing]:
    """A bucket as a limit: as many as it holds, in the time that it takes to fill."""
    return [
        Standing(
            name,
            rate.burst,
            max(1, round(rate.burst * rate.interval_us / 1_000_000)),
            min(rate.burst, decision.levels[name].left),
            math.ceil(decision.levels[name].full_s),
        )
        for name, rate in rates.items()
    ]


def _use(counter: str, usage: Usage, limit: int | None, now_ms: int) -> Use:
    unit, period, *method_class = counter.split("/")
    kind = MethodClass(method_class[0]) if method_class else None
    return Use(Unit(unit), Period(period), kind, usage.used.get(counter, 0), limit, _span(period, now_ms)[1])


def _span(period: str, now_ms: int) -> tuple[int, int]:
    if period == Period.DAY:
        return end_of_day_ms(now_ms) - 86_400_000, end_of_day_ms(now_ms)
    return begin_of_month_ms(now_ms), end_of_month_ms(now_ms)


def _words(counter: str) -> str:
    """A counter for people: `requests a month` or `requests a day (write)`."""
    unit, period, *method_class = counter.split("/")
    return f"{unit} a {period}" + "".join(f" ({kind})" for kind in method_class)


def _network(client: Address | None) -> bytes:
    """What of an address its limit is by; all whose address isn't known share one."""
    if isinstance(client, IPv6Address):
        return IPv6Network((client, IPV6_BITS), strict=False).network_address.packed
    return b"" if client is None else client.packed
