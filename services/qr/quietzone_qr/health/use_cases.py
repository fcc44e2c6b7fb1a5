"""What link health does: follow what is told of codes, take down what was seen of their destinations, and say what is known."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from quietzone_kit.documents import Body, VersionConflict
from quietzone_kit.errors import FailedPrecondition, NotFound, Unavailable
from quietzone_kit.runtime import Clock
from quietzone_kit.tasks import NewTask, Task, Tasks
from quietzone_qr.codes import use_cases as codes_use_cases
from quietzone_qr.codes.domain import AccountId
from quietzone_qr.codes.domain import State as CodeState
from quietzone_qr.codes.repository import Codes
from quietzone_qr.health.domain import Health, Heard, Look, Schedule, first_heard
from quietzone_qr.health.repository import Healths

CHECK = "check-destination"
"""The kind of task that asks one destination again and again, from one `watch` of its code to the next."""

TASK_ATTEMPTS = 10
"""Failures of ours, not of destinations; the waits between them grow to 10 min: an hour for somebody to mend what we got wrong."""

ATTEMPTS = 5
"""Of a write: an event and a look may meet, a second time hardly ever."""


@dataclass(frozen=True, slots=True)
class Watch:
    """Which destination a task asks: that of a code since one of its revisions."""

    account_id: str
    code_id: str
    revision: int

    def task(self) -> NewTask:
        """The task, to be added as often as one likes."""
        payload: Body = {"code_id": self.code_id, "watch": self.revision}
        key = f"{self.code_id}.{self.revision}"
        return NewTask(self.account_id, CHECK, payload, dedup_key=key, max_attempts=TASK_ATTEMPTS)

    @classmethod
    def of_task(cls, task: Task) -> "Watch":
        """What a task is for."""
        return cls(task.account_id, str(task.payload["code_id"]), int(str(task.payload["watch"])))

    @classmethod
    def of_health(cls, health: Health) -> "Watch":
        """What asks this destination, if anything does."""
        return cls(health.account_id, health.code_id, health.watch)


async def follow(healths: Healths, tasks: Tasks, clock: Clock, told: Heard) -> None:
    """Take up what an event tells of a code: have its destination asked from now on, or no more. Old events change nothing.

    Each step can be done again: an event that comes a second time finishes what was cut off the first time.
    """
    for _ in range(ATTEMPTS):
        try:
            before, after = await _hear(healths, clock, told)
        except VersionConflict:
            continue
        break
    else:
        raise Unavailable(f"the health of code {told.code_id} changes all the time: try again")
    if after.code_revision != told.revision:
        return
    if before is not None and before.watch != after.watch:
        await _cancel(tasks, Watch.of_health(before))
    if after.is_watched:
        await tasks.add(Watch.of_health(after).task())
    else:
        await _cancel(tasks, Watch.of_health(after))


async def watched(healths: Healths, watch: Watch) -> Health | None:
    """What is known of the destination that a task asks; None when it is to be asked no more."""
    held = await healths.get(watch.account_id, watch.code_id)
    return held.health if held is not None and _is_current(held.health, watch) else None


@dataclass(frozen=True, slots=True)
class Seen:
    """One look at a destination at `at_ms`; `is_ours`: the fault seems to be our own network's."""

    look: Look
    at_ms: int
    is_ours: bool = False


async def take_down(healths: Healths, watch: Watch, seen: Seen, schedule: Schedule, uniform: Callable[[float, float], float]) -> int | None:
    """Keep what a look has found, with the event if that changes the state; in how many ms to look again, None: no more."""
    for _ in range(ATTEMPTS):
        held = await healths.get(watch.account_id, watch.code_id)
        if held is None or not _is_current(held.health, watch):
            return None
        if seen.is_ours:
            after = held.health.suspended(f"nothing can be reached from here; at last: {seen.look.reason}", seen.at_ms)
            wait_ms = schedule.jittered_ms(1, uniform)
        else:
            after = held.health.looked(seen.look, seen.at_ms, schedule)
            wait_ms = schedule.jittered_ms(after.failures, uniform)
        wait_ms = max(wait_ms, seen.look.retry_after_ms)
        try:
            await healths.replace(held, replace(after, next_check_at_ms=seen.at_ms + wait_ms), seen.at_ms)
        except VersionConflict:
            continue
        return wait_ms
    raise Unavailable(f"the health of code {watch.code_id} changes all the time: try again")


async def destination_health(codes: Codes, healths: Healths, *, account_id: AccountId, code_id: str) -> Health:
    """What is known of the destination that a code has now.

    Raises:
        NotFound: this account has no such code, or it was deleted.
    """
    code = await codes_use_cases.get_code(codes, account_id=account_id, code_id=code_id)
    told = Heard(code.code_id, account_id, code.slug, code.destination, code.state is CodeState.ACTIVE, code.revision)
    held = await healths.get(account_id, code_id)
    return first_heard(told) if held is None else held.health.heard(told)  # what the code's last event will make of it


async def _hear(healths: Healths, clock: Clock, told: Heard) -> tuple[Health | None, Health]:
    held = await healths.get(told.account_id, told.code_id)
    if held is None:
        after = first_heard(told)
        await healths.insert(after)
        return None, after
    after = held.health.heard(told)
    if after != held.health:
        await healths.replace(held, after, clock.now_ms())
    return held.health, after


def _is_current(health: Health, watch: Watch) -> bool:
    return health.is_watched and health.watch == watch.revision


async def _cancel(tasks: Tasks, watch: Watch) -> None:
    new = watch.task()
    try:
        await tasks.cancel(watch.account_id, tasks.id_of(new))
    except (NotFound, FailedPrecondition):
        return  # there is none, or it has ended
