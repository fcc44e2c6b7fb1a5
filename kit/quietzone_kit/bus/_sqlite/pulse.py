"""The pulse: how consumers that wait learn that something was committed that concerns them.

Commits of this process are told at once. Those of others show in the file, which one of the waiting consumers looks at for all of them;
nobody looks while nobody waits. A look goes through a thread and costs as much as twenty of `FileTime`, so that comes first.
"""

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable

from quietzone_kit.runtime import Clock

SHORTEST_LOOK_S = 0.02
"""First pause between two looks: what follows a commit mostly comes soon."""

LONGEST_LOOK_S = 0.05
"""The pause that it backs off to, and so what a commit of another process may take to be seen; shorter costs an idle process CPU time."""

BACK_OFF = 1.25

TICK_MS = 100
"""Above what the times of files go forward by: a tick of the kernel, 1 to 10 ms."""


class FileTime:
    """Says whether a file may have been written since it was asked before.

    Two writes within a tick leave the same time, so that what was young when it was seen counts as written again; likewise what seems to
    come from the future, and a file that isn't there.
    """

    def __init__(self, path: str, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._known: tuple[int, ...] | None = None

    def is_new(self) -> bool:
        """Whether it may have been written."""
        try:
            found = os.stat(self._path)  # noqa: PTH116 - twice as fast; memory of the kernel, so not for a thread
        except OSError:
            self._known = None
            return True
        seen = (found.st_ino, found.st_size, found.st_mtime_ns)
        if seen == self._known:
            return False
        self._known = seen if self._clock.now_ms() - found.st_mtime_ns // 1_000_000 > TICK_MS else None
        return True


class Pulse:
    """Counts commits, as far as they were noticed. `look` answers something that differs when another process has committed what concerns
    consumers; it is asked when there `is_new` anything.
    """

    def __init__(self, look: Callable[[], Awaitable[int]], is_new: Callable[[], bool] = lambda: True) -> None:
        self._look = look
        self._is_new = is_new
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
            if self._is_new() and (seen := await self._look()) != self._seen:
                self._seen = seen
                self.notify()
            pause = min(pause * BACK_OFF, LONGEST_LOOK_S)

    def _wake(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
