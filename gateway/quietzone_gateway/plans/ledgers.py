"""What this replica counts of accounts' use, and the units that it holds of them.

A request whose units are held costs no call. Otherwise one exchange with the account's month tells what was used and brings a new lease,
as large as the account's need of late and never more than a hundredth of what is left. Every SETTLE_S each lease is exchanged, so that no
unit lies with a replica that doesn't need it and counts in the store are that old at most. A replica that dies takes its lease with it:
that many units count as used. They are at most what it would have used within SETTLE_S or a hundredth of what was left, the smaller.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import NoReturn

from quietzone_gateway.plans.metrics import EXCHANGES, UNSETTLED
from quietzone_gateway.plans.periods import DAY_MS, day_of, end_of_day_ms, end_of_month_ms
from quietzone_gateway.plans.quotas import Exchange, Spent, Usage, exchanged, new_usage, usage_id, without_days
from quietzone_gateway.plans.repository import HeldUsage, Moved, UsageStore
from quietzone_kit.errors import Unavailable
from quietzone_kit.runtime import Clock, Randomness
from quietzone_kit.telemetry import logger

log = logger(__name__)

SETTLE_S = 2.0
"""Between a ledger's exchanges: a write an account and replica; what others might want lies here no longer."""
LOOK_S = 0.5
"""Between looks for ledgers that are due."""
REFUSED_S = 1.0
"""How long a refusal is told again without asking: tokens may come back from others, or the plan be changed."""
RETRY_S = 3
"""When others hold some of what is left: they will have settled by then."""
ATTEMPTS = 20
"""Of one exchange beside others: each that fails is another's that succeeded."""
PAUSE_S = 0.01
"""The longest before a second attempt, doubled up to 16 times it."""
MAX_UNKNOWN = 100
"""Exchanges without an answer that are told again one by one; what is used beyond them waits, and is told with the next that can be."""
AT_ONCE = 8
"""Ledgers that are settled at the same time: the store has other work."""


class QuotaUsed(Exception):
    """Nothing is left of a quota: `retry_s` is when there may be."""

    def __init__(self, counter: str, limit: int, retry_s: float) -> None:
        super().__init__(counter)
        self.counter = counter
        self.limit = limit
        self.retry_s = retry_s


@dataclass(slots=True)
class _Ledger:
    """One account's month. `left` is what is held of limited counters, `unknown` what the store may not know yet of what was used.

    It is `in_doubt` while the outcome of an exchange isn't known: the store may hold units for it.
    """

    account_id: str
    month: str
    day: str
    limits: Mapping[str, int]
    left: dict[str, int] = field(default_factory=dict)
    spent: dict[str, int] = field(default_factory=dict)
    unknown: list[Spent] = field(default_factory=list)
    held: HeldUsage | None = None
    in_doubt: bool = False
    exchanged_at: float = float("-inf")
    refused: dict[str, tuple[float, float]] = field(default_factory=dict)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    def spend(self, needs: Mapping[str, int], gates: Collection[str]) -> bool:
        """Use units, if all of them are held; of a gate there must be some, which others use."""
        limits = self.limits
        if limits and any(self.left.get(counter, 0) < amount for counter, amount in needs.items() if counter in limits):
            return False
        if limits and any(self.left.get(counter, 0) <= 0 for counter in gates if counter in limits):
            return False
        self.add(needs)
        return True

    def add(self, units: Mapping[str, int]) -> None:
        """Use units whatever is held."""
        for counter, amount in units.items():
            self.spent[counter] = self.spent.get(counter, 0) + amount
            if counter in self.limits:
                self.left[counter] = self.left.get(counter, 0) - amount

    def go_on(self, day: str, limits: Mapping[str, int], seq: int) -> None:
        """Count for `day` by `limits` from now on; what doesn't fit them is let go of, and given back with the next exchange."""
        if self.limits is not limits:
            self.limits, self.left = limits, {}
            self.refused.clear()
        if self.day != day:
            self.tell(seq)
            self.day, self.left = day, without_days(self.left)
            self.refused.clear()

    def tell(self, seq: int) -> None:
        """Have what was used told with the exchange `seq`."""
        if any(self.spent.values()) and len(self.unknown) < MAX_UNKNOWN:
            self.unknown.append(Spent(seq, self.day, self.spent))
            self.spent = {}

    @property
    def is_settled(self) -> bool:
        """Whether the store knows all, and names nothing of ours."""
        return not (any(self.spent.values()) or self.unknown or self.left or self.in_doubt) and self.held is None


class Ledgers:
    """See above. As many as accounts were active within the last seconds."""

    def __init__(self, store: UsageStore, clock: Clock, randomness: Randomness) -> None:
        self._store = store
        self._clock = clock
        self._randomness = randomness
        self._me = randomness.token(8).hex()  # two replicas draw the same once in 2**64
        self._ledgers: dict[tuple[str, str], _Ledger] = {}
        self._today = (-1, "")
        self._seq = 0

    @property
    def today(self) -> str:
        """The day that counts now."""
        number = self._clock.now_ms() // DAY_MS
        if number != self._today[0]:
            self._today = (number, day_of(number * DAY_MS))
        return self._today[1]

    async def take(self, account_id: str, needs: Mapping[str, int], limits: Mapping[str, int], gates: Collection[str] = ()) -> str:
        """Use units; the answer is the day that they are counted on.

        Raises:
            QuotaUsed: some aren't there; nothing is used.
            Unavailable: units must be asked for, and the store doesn't answer.
        """
        at_once = self.at_once(account_id, needs, limits, gates)
        if at_once is not None:
            return at_once
        day = self.today
        self._check_refused(self._ledger(account_id, day, limits), needs, gates)
        async with self._turn(account_id, day, limits) as ledger:
            if not ledger.spend(needs, gates):  # those before us may have brought enough
                await self._fetch(ledger, needs, gates)
        return day

    def at_once(self, account_id: str, needs: Mapping[str, int], limits: Mapping[str, int], gates: Collection[str] = ()) -> str | None:
        """The same with units that are held here, for those who can't wait; None, and nothing is used: `take` must ask for some."""
        day = self.today
        return day if self._ledger(account_id, day, limits).spend(needs, gates) else None

    def add(self, account_id: str, units: Mapping[str, int], day: str, limits: Mapping[str, int]) -> None:
        """Count what was used without asking, or (below 0) what comes back, on the day that it was taken."""
        ledger = self._ledgers.get((account_id, day[:7])) or self._ledger(account_id, day, limits)
        ledger.add(units if ledger.day == day else without_days(units))
        if any(amount < 0 for amount in units.values()):
            ledger.refused.clear()

    async def look(self, account_id: str, limits: Mapping[str, int], *, scans: int | None = None) -> Usage:
        """The account's month, with all that this replica has counted. `scans` of it, when they are known, are told too."""
        async with self._turn(account_id, self.today, limits) as ledger:
            await self._exchange(ledger, {}, scans=scans)
            if ledger.held is None:
                raise LookupError("an exchange ended without a month: it holds one whenever it doesn't leave")
            return ledger.held.usage

    def left_of(self, account_id: str, day: str, counter: str) -> int | None:
        """What is left of a quota, as this replica knows it; None when it doesn't."""
        ledger = self._ledgers.get((account_id, day[:7]))
        if ledger is None or ledger.held is None or counter not in ledger.limits:
            return None
        used = ledger.held.usage.used.get(counter, 0) + ledger.spent.get(counter, 0)
        return max(0, ledger.limits[counter] - used)

    async def run(self) -> NoReturn:
        """Settle, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_S)
            await self.settle()

    async def settle(self, *, older_than_s: float = SETTLE_S, leave: bool = False) -> None:
        """Exchange what is due. With `leave` nothing is held afterwards."""
        now = self._clock.monotonic()
        due = [ledger for ledger in self._ledgers.values() if now - ledger.exchanged_at >= older_than_s]
        turns = asyncio.Semaphore(AT_ONCE)
        async with asyncio.TaskGroup() as group:
            for ledger in due:
                group.create_task(self._settle(ledger, turns, leave=leave))
        UNSETTLED.set(len(self._ledgers))

    async def close(self) -> None:
        """Give back all that is held."""
        await self.settle(older_than_s=0.0, leave=True)

    async def _settle(self, ledger: _Ledger, turns: asyncio.Semaphore, *, leave: bool) -> None:
        async with turns, ledger.turn:
            quiet = not (any(ledger.spent.values()) or ledger.unknown)
            if self.today.startswith(ledger.month):
                ledger.go_on(self.today, ledger.limits, self._next_seq())
            try:
                if not ledger.is_settled:
                    await self._exchange(ledger, {}, leave=leave or quiet)
            except Unavailable as error:
                ledger.exchanged_at = self._clock.monotonic()
                log.warning("an account's use isn't settled", then="it is tried again", reason=str(error))
                return
            if ledger.is_settled:
                self._ledgers.pop((ledger.account_id, ledger.month), None)

    async def _fetch(self, ledger: _Ledger, needs: Mapping[str, int], gates: Collection[str]) -> None:
        """Use units that an exchange brings.

        Raises:
            QuotaUsed: it brings too few.
        """
        self._check_refused(ledger, needs, gates)
        while True:
            by = ledger.day, ledger.limits
            some = {counter: 1 for counter in gates if counter in ledger.limits}
            wanted = {counter: amount for counter, amount in needs.items() if counter in ledger.limits}
            await self._exchange(ledger, some | wanted, double=2)
            if ledger.spend(needs, gates):
                return
            if by == (ledger.day, ledger.limits):  # else midnight passed or the plan changed meanwhile
                raise self._refused(ledger, needs, gates)

    async def _exchange(
        self, ledger: _Ledger, needs: Mapping[str, int], *, double: int = 1, scans: int | None = None, leave: bool = False
    ) -> None:
        """Tell what was used, give back what is held, and take a new lease. What was told and wasn't answered is told again, once."""
        seq, day, limits = self._next_seq(), ledger.day, ledger.limits
        ahead = {} if leave else {counter: double * ledger.spent[counter] for counter in limits if ledger.spent.get(counter, 0) > 0}
        ledger.left = {}
        ledger.tell(seq)
        exchange = Exchange(self._me, seq, day, tuple(ledger.unknown), needs, ahead, limits, scans, leave)
        before, ledger.held, ledger.in_doubt = ledger.held, None, True
        try:
            held = await self._put(ledger, before, exchange)
        except Unavailable:
            EXCHANGES.labels("unavailable").inc()
            raise
        EXCHANGES.labels("done").inc()
        ledger.unknown = [spent for spent in ledger.unknown if spent.seq > seq]
        ledger.held, ledger.in_doubt = (None if leave else held), False
        units = {} if leave else held.usage.held[self._me].units
        ledger.left = dict(units) if ledger.day == day else without_days(units)
        for counter, amount in ledger.spent.items():  # used meanwhile, without asking
            if counter in ledger.limits:
                ledger.left[counter] = ledger.left.get(counter, 0) - amount
        ledger.exchanged_at = self._clock.monotonic()

    async def _put(self, ledger: _Ledger, held: HeldUsage | None, exchange: Exchange) -> HeldUsage:
        """Write the month after an exchange, however often others write it first.

        Raises:
            Unavailable: the store doesn't answer, or takes others' writes only.
        """
        pause_s = PAUSE_S
        for attempt in range(ATTEMPTS):
            if held is None:
                held = await self._store.get(ledger.account_id, usage_id(ledger.account_id, ledger.month))
            usage = held.usage if held is not None else new_usage(ledger.account_id, exchange.day)
            after, crossings = exchanged(usage, exchange, tell=held is None or held.takes_events)
            try:
                return await self._store.put(held, after, crossings, self._clock.now_ms())
            except Moved:
                held = None
                EXCHANGES.labels("contended").inc()
            if attempt:
                await asyncio.sleep(self._randomness.uniform(0, pause_s))
                pause_s = min(2 * pause_s, 16 * PAUSE_S)
        raise Unavailable("too many replicas count this account's use at once; try again in a moment")

    def _refused(self, ledger: _Ledger, needs: Mapping[str, int], gates: Collection[str]) -> QuotaUsed:
        """Why units couldn't be used, remembered for REFUSED_S."""
        limited = {counter: amount for counter, amount in needs.items() if counter in ledger.limits}
        short = next(
            counter
            for counter, amount in (*limited.items(), *((gate, 1) for gate in gates if gate in ledger.limits))
            if ledger.left.get(counter, 0) < amount
        )
        now_ms = self._clock.now_ms()
        end_ms = end_of_day_ms(now_ms) if "/day" in short else end_of_month_ms(now_ms)
        others = ledger.held.usage.held.items() if ledger.held is not None else ()
        comes_back = any(replica != self._me and lease.units.get(short, 0) > 0 for replica, lease in others)
        retry_s = RETRY_S if comes_back else (end_ms - now_ms) / 1000
        if needs.get(short, 1) == 1:  # who needs many may be refused where another isn't
            ledger.refused[short] = (self._clock.monotonic() + REFUSED_S, retry_s)
        return QuotaUsed(short, ledger.limits[short], retry_s)

    def _check_refused(self, ledger: _Ledger, needs: Mapping[str, int], gates: Collection[str]) -> None:
        now = self._clock.monotonic()
        for counter in (*needs, *gates):
            until, retry_s = ledger.refused.get(counter, (float("-inf"), 0.0))
            if now < until:
                raise QuotaUsed(counter, ledger.limits[counter], retry_s)

    @asynccontextmanager
    async def _turn(self, account_id: str, day: str, limits: Mapping[str, int]) -> AsyncIterator[_Ledger]:
        """The account's ledger, which nobody else exchanges meanwhile."""
        while True:
            ledger = self._ledger(account_id, day, limits)
            async with ledger.turn:
                if self._ledger(account_id, day, limits) is ledger:  # else it was settled while we waited
                    yield ledger
                    return

    def _ledger(self, account_id: str, day: str, limits: Mapping[str, int]) -> _Ledger:
        known = (account_id, day[:7])
        ledger = self._ledgers.get(known)
        if ledger is None:
            ledger = self._ledgers[known] = _Ledger(account_id, day[:7], day, limits)
        elif ledger.day != day or ledger.limits is not limits:
            ledger.go_on(day, limits, self._next_seq())
        return ledger

    def _next_seq(self) -> int:
        """Of all ledgers together: one that begins anew goes on where the one before it ended."""
        self._seq += 1
        return self._seq
