"""Limits of one process alone."""

import asyncio
from collections.abc import Mapping
from typing import NoReturn

from quietzone_kit.limits import Decision, Rate
from quietzone_kit.limits._buckets import Buckets, decision_of
from quietzone_kit.limits._metrics import DECISIONS
from quietzone_kit.limits._names import check
from quietzone_kit.runtime import Clock


class OwnLimits:
    """See Limits; nobody else has these buckets."""

    def __init__(self, clock: Clock) -> None:
        self._buckets = Buckets(clock)

    async def take(self, key: str, rates: Mapping[str, Rate]) -> Decision:
        """See Limits."""
        return self.at_once(key, rates)

    def at_once(self, key: str, rates: Mapping[str, Rate]) -> Decision:
        """See Limits."""
        check(key, rates)
        taken, until_full_us = self._buckets.take(key, rates)
        DECISIONS.labels("memory", "granted" if taken else "refused").inc()
        return decision_of(rates, granted=taken > 0, until_full_us=until_full_us)

    async def run(self) -> NoReturn:
        """See Limits."""
        while True:
            await asyncio.Event().wait()  # there is nothing to do; a task of the process must not end

    async def check(self) -> None:
        """See Limits."""

    async def close(self) -> None:
        """See Limits."""
