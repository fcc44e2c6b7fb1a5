"""The pulse: how consumers that wait learn that something was committed.

Commits of this process are told at once. Those of others show in `PRAGMA data_version`, which one of the waiting consumers looks at
for all of them; nobody looks while nobody waits.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

SHORTEST_LOOK_S = 0.02
"""First pause between two looks: what follows a commit mostly comes soon."""

LONGEST_LOOK_S = 0.05
"""The pause that it backs off to, and so what a commit of another process may take to be seen; shorter costs an idle process CPU time."""

BACK_OFF = 1.25


class Pulse:
    """Counts commits, as far as they were noticed. `look` answers something that differs when another process has committed."""

    def __init__(self, look: Callable[[], Awaitable[int]]) -> None:
        self._look = look
        self._seen: int | None = None
        self._somebody_looks = False
        self._changed = asyncio.Event()
        self.beat = 0

    def notify(self) -> None:
        """Something was committed."""
        self.beat += 1
        self._wake()

    async def after(self, beat: int) -> None:
        """Return when `self.beat` is no longer `beat`; take `beat` before you look for what you then wait for."""
        while self.beat == beat:
            if self._somebody_looks:
                await self._changed.wait()
                continue
            self._somebody_looks = True
            try:
                await self._keep_looking(beat)
            finally:
                self._somebody_looks = False
                self._wake()  # one of the others looks from now on

    async def _keep_looking(self, beat: int) -> None:
        pause = SHORTEST_LOOK_S
        while self.beat == beat:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._changed.wait()
                    continue
            seen = await self._look()
            if seen != self._seen:
                self._seen = seen
                self.notify()
            pause = min(pause * BACK_OFF, LONGEST_LOOK_S)

    def _wake(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
