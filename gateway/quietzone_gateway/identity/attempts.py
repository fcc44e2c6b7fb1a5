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
WITHIN_MS = 15 * 60_000
"""Five failures in a quarter of an hour: a person who tries his three passwords gets through, a guesser gets 480 a day."""

SWEPT = 500


@dataclass(frozen=True, slots=True)
class Counted:
    """When places were taken, the oldest first; all are given back at `until_ms`."""

    attempt_id: str
    times_ms: tuple[int, ...]
    until_ms: int


@dataclass(frozen=True, slots=True)
class Place:
    """One that was taken."""

    attempt_id: str
    at_ms: int


class Attempts:
    """Counts what fails, in all replicas together."""

    def __init__(self, documents: Documents, seal: "Seal", clock: Clock) -> None:
        self._shelf = Shelf(documents, ATTEMPTS, Counted)
        self._seal = seal
        self._clock = clock

    async def take(self, *whats: str) -> Sequence[Place]:
        """Take a place for each of `whats`.

        Raises:
            ResourceExhausted: one of them has failed too often lately.
        """
        now_ms = self._clock.now_ms()
        taken = []
        for what in whats:
            attempt_id = self._seal.mac(what)
            await self._take(attempt_id, now_ms)
            taken.append(Place(attempt_id, now_ms))
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

    async def _take(self, attempt_id: str, now_ms: int) -> None:
        def decide(counted: Counted) -> Changed[Counted]:
            recent = _recent(counted, now_ms)
            if len(recent) >= MOST:
                wait_s = math.ceil((recent[0] + WITHIN_MS - now_ms) / 1000)
                raise ResourceExhausted(f"too many attempts: try again in {math.ceil(wait_s / 60)} min", retry_after_s=wait_s)
            return Changed(Counted(attempt_id, (*recent, now_ms), now_ms + WITHIN_MS))

        while await self._shelf.change(attempt_id, decide) is None:
            try:
                await self._shelf.insert(Counted(attempt_id, (now_ms,), now_ms + WITHIN_MS))
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


def counted_of(stored: Stored) -> Counted:
    """The count in a document, for `verify`."""
    return value_of(stored.body, Counted)


def _recent(counted: Counted, now_ms: int) -> tuple[int, ...]:
    """Places that aren't given back yet; of times to come, that a clock was set back from, nothing is known, so they count."""
    return tuple(at_ms for at_ms in counted.times_ms if at_ms + WITHIN_MS > now_ms)
