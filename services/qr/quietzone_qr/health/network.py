"""What all checks of a process know together: whether our own network is there, and which hosts are being asked. In memory only.

Hosts that are asked at once by several processes are so by one check of each.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from quietzone_kit.runtime import Clock
from quietzone_qr.health.metrics import NETWORK_AWAY

LATELY_S = 300.0
"""For as long as this a host that answered proves that the network is there."""
HOSTS_AWAY = 3
"""Different hosts that must fail before the fault is taken for ours: two may stand in one place."""

TURN_WITHIN_S = 2.0
"""How long a check waits for its host; longer, and checks of one busy host keep those of all others waiting."""
RESTING_KEPT = 1_000
"""Hosts that want to be left alone; beyond that the first are forgotten, and asked again."""


class OwnNetwork:
    """Whether the network that we ask from seems to be away: nothing answered lately, and several hosts were asked since."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._reached_at: float | None = None
        self._silent: set[str] = set()

    def note(self, host: str, *, reached: bool) -> None:
        """One host was asked."""
        if reached:
            self._reached_at = self._clock.monotonic()
            self._silent.clear()
        elif len(self._silent) < HOSTS_AWAY:
            self._silent.add(host)
        NETWORK_AWAY.set(self.seems_away())

    def seems_away(self) -> bool:
        """Whether a failure now says nothing about the host that was asked."""
        lately = self._reached_at is not None and self._clock.monotonic() - self._reached_at < LATELY_S
        return not lately and len(self._silent) >= HOSTS_AWAY


class Busy(Exception):
    """The host can't be asked now; again after `after_ms`, if that is known."""

    def __init__(self, after_ms: int = 0) -> None:
        super().__init__()
        self.after_ms = after_ms


class Hosts:
    """Has each host asked by one check at a time, and leaves alone those that want it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._asked: dict[str, asyncio.Event] = {}
        self._resting: OrderedDict[str, float] = OrderedDict()

    @asynccontextmanager
    async def turn(self, host: str) -> AsyncIterator[None]:
        """Nobody else asks the host within the block.

        Raises:
            Busy: somebody does for longer than TURN_WITHIN_S, or the host wants to be left alone.
        """
        try:
            async with asyncio.timeout(TURN_WITHIN_S):
                while (ended := self._asked.get(host)) is not None:
                    await ended.wait()
        except TimeoutError:
            raise Busy from None
        self._check_rest(host)
        ended = self._asked[host] = asyncio.Event()
        try:
            yield
        finally:
            del self._asked[host]
            ended.set()

    def rest(self, host: str, for_ms: int) -> None:
        """Leave the host alone for so long."""
        self._resting[host] = self._clock.monotonic() + for_ms / 1000
        self._resting.move_to_end(host)
        while len(self._resting) > RESTING_KEPT:
            self._resting.popitem(last=False)

    def _check_rest(self, host: str) -> None:
        left_s = self._resting.get(host, 0.0) - self._clock.monotonic()
        if left_s > 0:
            raise Busy(int(left_s * 1000) + 1)
        self._resting.pop(host, None)
