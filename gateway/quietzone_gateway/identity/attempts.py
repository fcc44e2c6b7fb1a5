"""How often something may fail: passwords that are guessed, mails that are asked for.

A place is taken before one tries and given back after a success, so that a hundred guesses at once are five. What is counted, an address
or a mail address, is stored as a MAC.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from quietzone_gateway.identity.shelf import Changed, Shelf, value_of
from quietzone_kit.documents import Collection, Documents, DuplicateKey, Index, Query, Stored
from quietzone_kit.errors import ResourceExhausted
from quietzone_kit.runtime import Clock

if TYPE_CHECKING:  # whoever only looks at the store does without what seals
    from quietzone_gateway.identity.seal import Seal

ATTEMPTS = Collection("attempts", key="attempt_id", indexes=(Index("by_end", ("until_ms",)),))

MOST = 5
"""Of what has no setting of its own, such as mails that are asked for."""

SWEPT = 500


@dataclass(frozen=True, slots=True)
class Counted:
    """When places were taken, the oldest first; all are given back at `until_ms`."""

    attempt_id: str
    times_ms: tuple[int, ...]
    until_ms: int


@dataclass(frozen=True, slots=True)
class Bound:
    """How many of `what` there may be within the window, in all replicas together."""

    what: str
    most: int = MOST


@dataclass(frozen=True, slots=True)
class Place:
    """One that was taken."""

    attempt_id: str
    at_ms: int


class Attempts:
    """Counts what fails, in all replicas together."""

    def __init__(self, documents: Documents, seal: "Seal", clock: Clock, *, within_ms: int) -> None:
        """Each place is given back `within_ms` after it was taken."""
        self._shelf = Shelf(documents, ATTEMPTS, Counted)
        self._seal = seal
        self._clock = clock
        self._within_ms = within_ms

    async def take(self, *bounds: Bound) -> Sequence[Place]:
        """Take a place for each of `bounds`, or for none.

        Raises:
            ResourceExhausted: one of them has failed too often lately.
        """
        now_ms = self._clock.now_ms()
        taken: list[Place] = []
        try:
            for bound in bounds:
                attempt_id = self._seal.mac(bound.what)
                await self._take(attempt_id, bound.most, now_ms)
                taken.append(Place(attempt_id, now_ms))
        except ResourceExhausted:  # what was never tried counts nowhere
            await self.give_back(taken)
            raise
        return taken

    async def give_back(self, places: Sequence[Place]) -> None:
        """It was a success, which counts for nothing."""
        for place in places:
            await self._give_back(place.attempt_id, place.at_ms)

    async def sweep(self) -> int:
        """Forget what is over; returns how many."""
        found = await self._shelf.query(Query("by_end", below=self._clock.now_ms(), at_least=0, limit=SWEPT))
        for each in found.items:
            await self._shelf.delete(each.attempt_id, only_if=lambda counted: counted.until_ms < self._clock.now_ms())
        return len(found.items)

    async def _take(self, attempt_id: str, most: int, now_ms: int) -> None:
        until_ms = now_ms + self._within_ms

        def decide(counted: Counted) -> Changed[Counted]:
            recent = self._recent(counted, now_ms)
            if len(recent) >= most:
                wait_s = math.ceil((recent[-most] + self._within_ms - now_ms) / 1000)
                raise ResourceExhausted(f"too many attempts: try again in {math.ceil(wait_s / 60)} min", retry_after_s=wait_s)
            return Changed(Counted(attempt_id, (*recent, now_ms), until_ms))

        while await self._shelf.change(attempt_id, decide) is None:
            try:
                await self._shelf.insert(Counted(attempt_id, (now_ms,), until_ms))
            except DuplicateKey:
                continue
            return

    async def _give_back(self, attempt_id: str, at_ms: int) -> None:
        def decide(counted: Counted) -> Changed[Counted] | None:
            if at_ms not in counted.times_ms:
                return None
            times = list(counted.times_ms)
            times.remove(at_ms)
            return Changed(Counted(attempt_id, tuple(times), counted.until_ms))

        await self._shelf.change(attempt_id, decide)

    def _recent(self, counted: Counted, now_ms: int) -> tuple[int, ...]:
        """Places that aren't given back yet; of times to come, that a clock was set back from, nothing is known, so they count."""
        return tuple(at_ms for at_ms in counted.times_ms if at_ms + self._within_ms > now_ms)


def counted_of(stored: Stored) -> Counted:
    """The count in a document, for `verify`."""
    return value_of(stored.body, Counted)
