"""Tails: who watches a bus live, and what waits to be told. Pure.

Nothing is kept for a tail but what waits for it. One that is read too slowly loses what has waited longest, and is told how much that was.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from quietzone_notification.events.domain import DEFAULT_BUS
from quietzone_notification.patterns import Pattern
from quietzone_notification.rules.book import OF_A_CODE, SCANNED, TRACKING

MAX_WAITING = 1_000
"""Events that wait for one tail: a screen of the fastest terminal, and seconds of a busy account. Who reads no faster never catches up."""

MAX_WAITING_CHARACTERS = 1_048_576
"""All of them together: four of the largest events, so that all tails of a process hold 100 MB at worst, and 1 MB when they are read."""


@dataclass(frozen=True, slots=True)
class Missed:
    """Events that can't be told any more: how many; None: nobody knows whether there were any."""

    count: int | None


Told: TypeAlias = str | Missed
"""An event's JSON form, or that some were missed before what comes next."""


class Tail:
    """One who watches. `wake` is called when something may wait."""

    __slots__ = ("_characters", "_missed", "_of_scans", "_pattern", "_waiting", "account_id", "bus", "wake")

    def __init__(self, account_id: str, bus: str, pattern: Pattern | None, wake: Callable[[], None]) -> None:
        self.account_id = account_id
        self.bus = bus
        self.wake = wake
        self._pattern = pattern
        self._of_scans = None if pattern is None else pattern.only(OF_A_CODE)
        self._waiting: deque[Told] = deque()
        self._characters = 0
        self._missed: int | None = 0

    def may_want_scans(self, code_id: str) -> bool:
        """Whether scans of this code of its account can be among its events, whatever they are like."""
        if self.bus != DEFAULT_BUS:
            return False
        scan: dict[str, object] = {"source": TRACKING, "detail-type": SCANNED, "account": self.account_id, "detail": {"qrId": code_id}}
        return self._of_scans is None or self._of_scans.matches(scan)

    def wants(self, tree: dict[str, object]) -> bool:
        """Whether an event of its account and bus is among its events; `tree` as `Event.tree` makes it."""
        return self._pattern is None or self._pattern.matches(tree)

    def put(self, text: str) -> None:
        """Have an event wait; what has waited longest makes room for it."""
        self._waiting.append(text)
        self._characters += len(text)
        while len(self._waiting) > MAX_WAITING or self._characters > MAX_WAITING_CHARACTERS:
            dropped = self._next()
            unknown = self._missed is None or isinstance(dropped, Missed)
            self._missed = None if unknown else (self._missed or 0) + 1
        self.wake()

    def interrupt(self) -> None:
        """Say that events may be missing between those before and those after."""
        if not self._waiting or self._waiting[-1] != Missed(None):
            self._waiting.append(Missed(None))
        self.wake()

    def take(self) -> Told | None:
        """What is next; None when nothing waits."""
        if self._missed != 0:
            missed, self._missed = self._missed, 0
            return Missed(missed)
        return self._next() if self._waiting else None

    def _next(self) -> Told:
        told = self._waiting.popleft()
        if isinstance(told, str):
            self._characters -= len(told)
        return told
