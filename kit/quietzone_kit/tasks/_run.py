"""One run of one task: kept by writing to it, ended by one write, refused as soon as another run has begun."""

import asyncio
from collections.abc import Mapping

from quietzone_kit.documents import Body, Documents, DocumentsUnavailable, Stored, Value, VersionConflict
from quietzone_kit.runtime import Clock, Randomness
from quietzone_kit.tasks._task import TASKS, Progress, State, Task, progress_body, stored_progress, task_of
from quietzone_kit.tasks._telling import Telling

LEASE_S = 10.0
"""How long a task rests after its worker was killed; store and worker may be slow for about as long before a run is given up."""

RENEW_S = LEASE_S / 3
TELL_EVERY_S = 1.0
STORE_WITHIN_S = 5.0
SETTLE_WITHIN_S = 60.0
"""For the last write of a run: a store that is away for longer than that costs the run, not the task."""

RETRY_FIRST_S, RETRY_MOST_S = 0.05, 2.0


class LeaseLost(Exception):
    """The task is another run's, or was cancelled; or its store was away for so long that it may be."""


class Run:
    """A claim on a task. `claimed` is the document as the claim left it, `began_s` the monotonic time before the claim."""

    def __init__(
        self, documents: Documents, claimed: Stored, began_s: float, *, clock: Clock, randomness: Randomness, telling: Telling
    ) -> None:
        self._documents = documents
        self._stored = claimed
        self._clock = clock
        self._randomness = randomness
        self._telling = telling
        self._until = began_s + LEASE_S
        self._renew_at = began_s + RENEW_S
        self._told: Progress | None = None
        self.claimed = claimed
        self.task: Task = task_of(claimed)

    def tell(self, progress: Progress) -> None:
        """Keep how far the run has come, with the next write."""
        self._told = progress

    async def keep(self) -> None:
        """Renew the lease for ever.

        Raises:
            LeaseLost: the run must stop.
        """
        while True:
            await asyncio.sleep(TELL_EVERY_S)
            if self._told is None and self._clock.monotonic() < self._renew_at:
                continue
            try:
                await self._write({})
            except (DocumentsUnavailable, TimeoutError) as error:
                if self._clock.monotonic() >= self._until:
                    raise LeaseLost(f"task {self.task.task_id}: its store was away for {LEASE_S:g} s") from error

    async def settle(self, changes: Mapping[str, Value], *, within_s: float = SETTLE_WITHIN_S) -> None:
        """End the run with `changes` to the document.

        Raises:
            LeaseLost: they are not written; the task is run again, or was cancelled.
        """
        failures = 0
        give_up_at = self._clock.monotonic() + within_s
        while True:
            try:
                await self._write(changes)
            except (DocumentsUnavailable, TimeoutError) as error:
                if self._clock.monotonic() >= give_up_at:
                    raise LeaseLost(f"task {self.task.task_id}: its store was away for {within_s:g} s") from error
                await asyncio.sleep(self._randomness.uniform(0, min(RETRY_MOST_S, RETRY_FIRST_S * 2 ** min(failures, 10))))
                failures += 1
            else:
                return

    async def _write(self, changes: Mapping[str, Value]) -> None:
        told, self._told = self._told, None
        if told is not None:
            changes = {"progress": {**stored_progress(self._stored), **progress_body(told)}, **changes}
        began_s = self._clock.monotonic()
        try:
            async with asyncio.timeout(STORE_WITHIN_S):
                self._stored = await self._replace(changes)
        except (DocumentsUnavailable, TimeoutError):
            self._told = self._told or told
            raise
        self._until, self._renew_at = began_s + LEASE_S, began_s + RENEW_S

    async def _replace(self, changes: Mapping[str, Value]) -> Stored:
        while True:
            try:
                stored = await self._documents.replace(TASKS, self._next(changes), if_version=self._stored.version)
            except VersionConflict:
                self._stored = await self._reread()
            else:
                self._telling.wake()
                return stored

    def _next(self, changes: Mapping[str, Value]) -> Body:
        """The document with `changes`; a lease that is renewed is nothing to tell of."""
        body = {**self._stored.body, **changes}
        return self._telling.of(body, self._stored.version + 1) if changes else body

    async def _reread(self) -> Stored:
        """The document, if it is this run's still: a write of ours whose answer was lost may have come through late."""
        found = await self._documents.get(TASKS, self.task.task_id)
        if found is None or found.body["fence"] != self.task.fence or found.body["state"] != State.RUNNING.value:
            raise LeaseLost(f"task {self.task.task_id} was cancelled, or is another run's")
        return found
