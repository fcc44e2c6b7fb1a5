"""The worker: finds tasks that are due, claims and runs them, takes over what others left, and removes what ended long ago."""

import asyncio
import contextlib
from collections.abc import Awaitable, Container, Mapping, Sequence
from typing import NoReturn, TypeVar

from quietzone_kit.bus import BusUnavailable
from quietzone_kit.documents import Documents, DocumentsUnavailable, Query, Stored, Value, VersionConflict
from quietzone_kit.errors import Unavailable
from quietzone_kit.runtime import Clock, Randomness
from quietzone_kit.tasks._kinds import Again, Done, Fail, Kind, Retry
from quietzone_kit.tasks._metrics import LATENESS, RUNNING, RUNS, SECONDS, WAITING_AGE_S
from quietzone_kit.tasks._run import LEASE_S, RETRY_FIRST_S, RETRY_MOST_S, STORE_WITHIN_S, LeaseLost, Run
from quietzone_kit.tasks._task import (
    BY_END,
    BY_RUN,
    BY_SET,
    BY_TURN,
    BY_WAKE,
    KEPT_MS,
    MAX_TEXT,
    RESET,
    TASKS,
    State,
    check_size,
    finished,
    number_of,
    running,
    task_of,
    waiting,
)
from quietzone_kit.tasks._telling import QUIET, Telling
from quietzone_kit.tasks._turns import Turns
from quietzone_kit.telemetry import logger, mask

_T = TypeVar("_T")

log = logger(__name__)

POLL_S = 1.0  # how late a task is that nobody could wake us for
PAGE = 100  # tasks that are due, at 64 kB each at most; among these accounts take turns
AFTER_NAME = "\x01"  # what follows all tasks of an account, and comes before the next account's
MOST_RUNNING = 1_000  # of all workers of a store: what others run, and may have left
SKEW_S = 1.0  # what two machines' clocks may differ by, and their monotonic ones over a lease
MAX_LOST = 10  # runs that were cut off one after the other: it is the task that kills its workers
OUTAGE_FIRST_MS, OUTAGE_MOST_MS = 500, 30_000
SWEEP_EVERY_S = 60.0
SWEPT = 100  # tasks removed at a time
LEAVE_WITHIN_S = 2.0


class Worker:
    """Runs the tasks of a store, up to `concurrency` at once. Several workers share them; `owner` is an id that no other has, nor had."""

    def __init__(
        self,
        documents: Documents,
        kinds: Mapping[str, Kind],
        *,
        clock: Clock,
        randomness: Randomness,
        owner: str,
        concurrency: int = 4,
        telling: Telling = QUIET,
    ) -> None:
        self._documents = documents
        self._kinds = kinds
        self._clock = clock
        self._randomness = randomness
        self._owner = owner
        self._concurrency = concurrency
        self._telling = telling
        self._mine: set[str] = set()
        self._seen: dict[str, tuple[int, float]] = {}
        self._turns = Turns()
        self._next_account = ""
        self._woken = asyncio.Event()
        self._sweep_at = clock.monotonic()
        for kind in kinds:  # a series that begins with its first failure shows no increase
            RUNS.labels(kind, "dead")

    def wake(self) -> None:
        """Something may be due: called after a task was added."""
        self._woken.set()

    async def run(self) -> NoReturn:
        """Work until cancelled; what runs then is given back, so that it is run again at once."""
        failures = 0
        async with asyncio.TaskGroup() as runs:
            while True:
                self._woken.clear()
                try:
                    more = await self._begin_due(runs)
                    await self._sweep()
                    failures = 0
                except (DocumentsUnavailable, TimeoutError) as error:
                    if not failures:  # the first of a row
                        log.warning("tasks wait: their store is away", error=repr(error))
                    failures += 1
                    await asyncio.sleep(self._randomness.uniform(0, min(RETRY_MOST_S, RETRY_FIRST_S * 2 ** min(failures, 10))))
                    continue
                if not more:
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(POLL_S):
                            await self._woken.wait()

    async def _begin_due(self, runs: asyncio.TaskGroup) -> bool:
        """Begin as many runs as there is room for; whether there were any."""
        room = self._concurrency - len(self._mine)
        if room <= 0:
            return False
        due = [*await self._left(), *await self._waiting()]
        # A task that was cancelled and retried while it ran here waits for that run to notice.
        candidates = self._turns.order([stored for stored in due if stored.body["task_id"] not in self._mine])
        begun = 0
        while candidates and begun < room:
            run = await self._claim(candidates.popleft())
            if run is not None:
                begun += 1
                self._mine.add(run.task.task_id)
                self._turns.had(run.task.account_id)
                RUNNING.set(len(self._mine))
                runs.create_task(self._run(run))
        return begun > 0

    async def _waiting(self) -> Sequence[Stored]:
        """Tasks that are due, and those whose wait began in the future: the clock it was set by was ahead, or ours was set back."""
        now_ms = self._clock.now_ms()
        due = await self._query(Query(BY_WAKE.name, below=now_ms + 1, limit=PAGE))
        oldest_ms = number_of(due[0], "wake_at_ms") if due else now_ms
        WAITING_AGE_S.set(max(0, now_ms - oldest_ms) / 1000)
        if len(due) == PAGE:
            due += await self._of_others({stored.body["account_id"] for stored in due}, now_ms)
        known = {stored.body["task_id"] for stored in due}
        ahead = await self._query(Query(BY_SET.name, at_least=now_ms + int(SKEW_S * 1000), limit=PAGE))
        return [*due, *(stored for stored in ahead if stored.body["task_id"] not in known)]

    async def _of_others(self, known: Container[object], now_ms: int) -> list[Stored]:
        """Of the accounts that come next by their names, and aren't `known`, the task that is due first.

        However many tasks are due before, an account's turn comes: after as many looks as all accounts with waiting tasks fill pages.
        """
        page = await self._query(Query(BY_TURN.name, at_least=self._next_account, limit=PAGE))
        first: dict[str, Stored] = {}
        for stored in page:
            first.setdefault(str(stored.body["account_id"]), stored)
        self._next_account = f"{list(first)[-1]}{AFTER_NAME}" if len(page) == PAGE else ""
        return [stored for account, stored in first.items() if account not in known and number_of(stored, "wake_at_ms") <= now_ms]

    async def _left(self) -> Sequence[Stored]:
        """Tasks of others that were not written to for a lease, as we saw it: their workers are gone."""
        now = self._clock.monotonic()
        others = [
            stored for stored in await self._query(Query(BY_RUN.name, limit=MOST_RUNNING)) if stored.body["task_id"] not in self._mine
        ]
        seen, self._seen = self._seen, {}
        left = []
        for stored in others:
            task_id = str(stored.body["task_id"])
            version, since = seen.get(task_id, (None, now))
            self._seen[task_id] = (stored.version, since if version == stored.version else now)
            if version == stored.version and now - since > LEASE_S + SKEW_S:
                left.append(stored)
        return left

    async def _claim(self, stored: Stored) -> Run | None:
        """Begin a run, unless somebody else was faster."""
        began_s, task = self._clock.monotonic(), task_of(stored)
        now_ms = self._clock.now_ms()
        changes: dict[str, Value] = running(self._owner, task.fence + 1, now_ms)
        if task.state is State.RUNNING:
            lost = number_of(stored, "lost") + 1
            RUNS.labels(self._label(task.kind), "lost").inc()
            changes["lost"] = lost
            if lost >= MAX_LOST:
                changes |= finished(State.DEAD, now_ms)
                changes["error"] = f"its last {lost} runs were cut off: does it kill its worker?"
        try:
            body = self._telling.of({**stored.body, **changes}, stored.version + 1)
            claimed = await _soon(self._documents.replace(TASKS, body, if_version=stored.version))
        except VersionConflict:
            return None
        self._telling.wake()
        if changes["state"] == State.DEAD.value:
            RUNS.labels(self._label(task.kind), "dead").inc()
            return None
        if task.state is State.WAITING:
            LATENESS.labels(self._label(task.kind)).observe(max(0, now_ms - task.due_at_ms) / 1000)
        return Run(self._documents, claimed, began_s, clock=self._clock, randomness=self._randomness, telling=self._telling)

    async def _run(self, run: Run) -> None:
        task, began = run.task, self._clock.monotonic()
        outcome = "lost"
        try:
            outcome, changes = await self._under_lease(run)
            await run.settle(changes)
        except LeaseLost as error:
            outcome = "lost"
            log.warning("a run of a task doesn't count", task_id=task.task_id, kind=task.kind, error=str(error))
        except asyncio.CancelledError:
            outcome = "given back"
            now_ms = self._clock.now_ms()
            with contextlib.suppress(LeaseLost, TimeoutError):
                async with asyncio.timeout(LEAVE_WITHIN_S):
                    await run.settle(waiting(now_ms, set_at_ms=now_ms), within_s=LEAVE_WITHIN_S)
            raise
        finally:
            RUNS.labels(self._label(task.kind), outcome).inc()
            SECONDS.labels(self._label(task.kind), outcome).observe(self._clock.monotonic() - began)
            self._mine.discard(task.task_id)
            RUNNING.set(len(self._mine))
            self._woken.set()

    async def _under_lease(self, run: Run) -> tuple[str, Mapping[str, Value]]:
        """What became of a run, and what that changes in the task."""
        kind = self._kinds.get(run.task.kind)
        if kind is None:
            error = f"no handler for tasks of kind {run.task.kind}: retry it once a worker runs that has one"
            return self._dead(run, error)
        try:
            async with asyncio.TaskGroup() as group:
                keeper = group.create_task(run.keep())
                ended = await self._attempt(kind, run)
                keeper.cancel()
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from failed
        if isinstance(ended, Exception):
            return self._failed(kind, run, ended)
        return self._succeeded(ended)

    async def _attempt(self, kind: Kind, run: Run) -> Done | Again | Exception:
        try:
            async with asyncio.timeout(kind.within_s):
                ended = await kind.handler.run(run.task, run.tell)
            check_size("result", ended.result)
        except Exception as error:  # noqa: BLE001 - it is written to the task, which is tried again or dead
            return error
        return ended

    def _succeeded(self, ended: Done | Again) -> tuple[str, Mapping[str, Value]]:
        now_ms = self._clock.now_ms()
        changes: dict[str, Value] = {"result": dict(ended.result), "error": None, **RESET}
        if isinstance(ended, Done):
            return "done", changes | finished(State.DONE, now_ms)
        if ended.due_at_ms is not None:
            return "again", changes | {"attempts": 0} | waiting(ended.due_at_ms, set_at_ms=None)
        return "again", changes | {"attempts": 0} | waiting(now_ms + ended.after_ms, set_at_ms=now_ms)

    def _failed(self, kind: Kind, run: Run, error: Exception) -> tuple[str, Mapping[str, Value]]:
        now_ms, reason = self._clock.now_ms(), _reason(error, kind)
        if isinstance(error, (BusUnavailable, DocumentsUnavailable, Unavailable, *kind.of_others)):
            outages = number_of(run.claimed, "outages")
            wait_ms = int(self._randomness.uniform(0, min(OUTAGE_MOST_MS, OUTAGE_FIRST_MS * 2 ** min(outages, 10))))
            counts: dict[str, Value] = {"error": reason, "outages": outages + 1, "lost": 0}
            return "postponed", counts | waiting(now_ms + wait_ms, set_at_ms=now_ms)
        attempts = run.task.attempts + 1
        if isinstance(error, Fail) or attempts >= run.task.max_attempts:
            return self._dead(run, reason)
        given_ms = error.after_ms if isinstance(error, Retry) else None
        wait_ms = kind.wait_ms(attempts, self._randomness) if given_ms is None else given_ms
        changes: dict[str, Value] = {"error": reason, "attempts": attempts, **RESET}
        return "retried", changes | waiting(now_ms + wait_ms, set_at_ms=now_ms)

    def _dead(self, run: Run, reason: str) -> tuple[str, Mapping[str, Value]]:
        task = run.task
        log.error("a task is dead", task_id=task.task_id, kind=task.kind, account_id=task.account_id, error=reason)
        changes: dict[str, Value] = {"error": reason, "attempts": task.attempts + 1, **RESET}
        return "dead", changes | finished(State.DEAD, self._clock.now_ms())

    async def _sweep(self) -> None:
        """Remove what ended long ago."""
        now = self._clock.monotonic()
        if now < self._sweep_at:
            return
        self._sweep_at = now + SWEEP_EVERY_S
        old = await self._query(Query(BY_END.name, below=self._clock.now_ms() - KEPT_MS, limit=SWEPT))
        for stored in [stored for stored in old if "outbox" not in stored.body]:
            with contextlib.suppress(VersionConflict):  # retried, or another worker's catch
                await _soon(self._documents.delete(TASKS, str(stored.body["task_id"]), if_version=stored.version))
        if len(old) == SWEPT:
            self._sweep_at = now

    async def _query(self, query: Query) -> list[Stored]:
        return list((await _soon(self._documents.query(TASKS, query))).items)

    def _label(self, kind: str) -> str:
        """Kinds come from the store: metrics have those that are known."""
        return kind if kind in self._kinds else "unknown"


async def _soon(call: Awaitable[_T]) -> _T:
    async with asyncio.timeout(STORE_WITHIN_S):
        return await call


def _reason(error: Exception, kind: Kind) -> str:
    text = f"no end within {kind.within_s:g} s" if isinstance(error, TimeoutError) and not str(error) else str(error)
    told = text if isinstance(error, Retry | Fail) else f"{type(error).__name__}: {text}"
    return mask(told)[:MAX_TEXT]
