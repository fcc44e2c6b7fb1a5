"""Token buckets as the generic cell rate algorithm keeps them: one number each, and no task that fills them.

The number is the theoretical arrival time (TAT): when the bucket will be full. A token moves it on by the rate's interval, and there is one
when it isn't further ahead of now than the bucket's size (ITU-T I.371, Annex A.2, "virtual scheduling"; ATM Forum TM 4.0, 4.4.2). Times are
microseconds of one clock.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence

from quietzone_kit.limits import Decision, Level, Rate
from quietzone_kit.limits._metrics import EVICTED
from quietzone_kit.runtime import Clock

MAX_BUCKETS = 100_000
"""In a process: 20 MB. Beyond it the one that was used longest ago is forgotten, which is most likely full again."""

SHARE = 16
"""Tokens beyond those that are needed now are lent only up to this part of a bucket: near its end they are taken one by one."""


class Buckets:
    """Buckets in memory."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._full_at: OrderedDict[str, int] = OrderedDict()

    def take(self, key: str, rates: Mapping[str, Rate], spare: int = 0) -> tuple[int, tuple[int, ...]]:
        """How many tokens were taken from each bucket (0: none, 1, or up to 1 + `spare`), and each one's microseconds until it is full."""
        now = self._now_us()
        names = [f"{key}:{name}" for name in rates]
        full_at = [_within(self._full_at.get(name, 0), now, rate) for name, rate in zip(names, rates.values(), strict=True)]
        room = min((now + rate.burst * rate.interval_us - at) // rate.interval_us for at, rate in zip(full_at, rates.values(), strict=True))
        taken = min(room, 1 + min(spare, room // SHARE)) if room > 0 else 0
        full_at = [at + taken * rate.interval_us for at, rate in zip(full_at, rates.values(), strict=True)]
        self._keep(names, full_at)
        return taken, tuple(at - now for at in full_at)

    def _keep(self, names: Sequence[str], full_at: Sequence[int]) -> None:
        for name, at in zip(names, full_at, strict=True):
            self._full_at[name] = at
            self._full_at.move_to_end(name)
        while len(self._full_at) > MAX_BUCKETS:
            self._full_at.popitem(last=False)
            EVICTED.inc()

    def _now_us(self) -> int:
        return round(self._clock.monotonic() * 1_000_000)


def decision_of(rates: Mapping[str, Rate], *, granted: bool, until_full_us: Sequence[int]) -> Decision:
    """What the state of the buckets means."""
    levels, wait_us = {}, 0
    for (name, rate), until_us in zip(rates.items(), until_full_us, strict=True):
        size_us = rate.burst * rate.interval_us
        levels[name] = Level(max(0, (size_us - until_us) // rate.interval_us), max(0, until_us) / 1_000_000)
        wait_us = max(wait_us, until_us + rate.interval_us - size_us)
    return Decision(granted, 0.0 if granted else max(wait_us, 1) / 1_000_000, levels)


def _within(full_at: int, now: int, rate: Rate) -> int:
    """When it is full at `rate`: at most an empty bucket's time ahead, whatever rate it had before, or where the clock was."""
    return min(max(full_at, now), now + rate.burst * rate.interval_us)
