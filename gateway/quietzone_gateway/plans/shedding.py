"""How many requests may be under way, and which are refused when there are too many.

The bound follows how long answers take: while the median is above TARGET_S they wait for each other, and it falls; while it is reached and
answers are quick, it rises (as TCP's window does, RFC 5681, 3.1, but by a tenth: there is one such bound, with nobody to be fair to). The
median, because slow bodies and one slow service make some answers long, and mustn't keep out the others.
"""

from collections.abc import Mapping
from statistics import median

from quietzone_gateway.plans.domain import MethodClass
from quietzone_gateway.plans.metrics import BOUND, SHED
from quietzone_kit.runtime import Clock

BEGIN = 128
"""Before anything is known of the machine: at 200 answers a second, the last of so many waits for two thirds of a second."""

MOST = 500
"""Each waits for a service, which answers 1,000 calls at once; more would only wait longer."""

LEAST = 16
"""While a service hangs, each of these still tries it once in 5 s."""

TARGET_S = 0.2
"""For half of all answers: several times what they take alone, and a fifth of the second that nobody should wait."""

WINDOW_S = 0.25
"""Between two changes of the bound."""

ENOUGH = 10
"""Answers that say something; with fewer, a window goes on."""

MAX_TIMES = 1_000
"""Of one window; more say nothing more."""

FALL, RISE, LEAST_RISE = 0.8, 1.1, 4

SHARES: Mapping[MethodClass, float] = {
    MethodClass.READ: 1.0,
    MethodClass.WRITE: 0.9,
    MethodClass.BULK: 0.7,
    MethodClass.REPORT: 0.5,
    MethodClass.SIGN_UP: 0.4,
}
"""Of the bound: a class is refused when so much of it is taken, by whomever."""


class Shedder:
    """Counts what is under way in this process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._bound = float(BEGIN)
        self._times: list[float] = []
        self._reached = False
        self._window_until = clock.monotonic() + WINDOW_S
        self.under_way = 0
        BOUND.set(self._bound)

    @property
    def bound(self) -> int:
        """How many may be under way."""
        return int(self._bound)

    def begin(self, method_class: MethodClass) -> bool:
        """Whether there was room for one of its class, which is under way now. No error: at worst most are refused, and each costs."""
        if self.refuses(method_class):
            return False
        self.under_way += 1
        return True

    @property
    def is_full(self) -> bool:
        """Whether there is room for none of any class."""
        return self.under_way >= self._bound

    def refuses(self, method_class: MethodClass) -> bool:
        """Whether there is no room for one of this class, which is refused then."""
        if self.under_way < self._bound * SHARES[method_class]:
            return False
        self._reached = True
        SHED.labels(method_class).inc()
        return True

    def end(self, seconds: float | None) -> None:
        """One that began has ended, and took so long; None: that says nothing about how much there is to do."""
        self.under_way -= 1
        if seconds is not None and len(self._times) < MAX_TIMES:
            self._times.append(seconds)
        if len(self._times) >= ENOUGH and self._clock.monotonic() >= self._window_until:
            self._adjust()

    def _adjust(self) -> None:
        if median(self._times) > TARGET_S:
            # From where we are: the bound may be far above what is under way.
            self._bound = max(float(LEAST), FALL * min(self._bound, self.under_way + 1.0))
        elif self._reached:
            self._bound = min(float(MOST), max(RISE * self._bound, self._bound + LEAST_RISE))
        BOUND.set(self._bound)
        self._times.clear()
        self._reached = False
        self._window_until = self._clock.monotonic() + WINDOW_S
