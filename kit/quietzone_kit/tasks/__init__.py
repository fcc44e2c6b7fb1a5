"""Tasks: the one durable timer of the house. What must be done later, again, or for longer than a request lasts is a task.

A task is a document in its owner's store (`TASKS`). `Tasks` adds and manages them, a `Worker` runs those that are due, each by the
`Handler` of its kind. At least once: a worker that dies leaves its task to another, so what a handler makes is keyed by the task's id.

No two runs of a task count: each claim raises its `fence`, and every write of a run is refused once another run has begun. A run must
write every few seconds; who has seen a task unchanged for longer than the lease, by its own monotonic clock, takes it over. So clocks
that differ or jump take no task from anybody. A wait that was given as a length ends at the latest when the clock is back where it was
set from; one that was given as a moment is a matter of the clock.
"""

from quietzone_kit.tasks._kinds import Again, Done, Fail, Handler, Kind, Retry, Tell
from quietzone_kit.tasks._task import KEPT_MS, TASKS, NewTask, Progress, State, Task, task_of
from quietzone_kit.tasks._tasks import Position, TaskPage, Tasks
from quietzone_kit.tasks._telling import Telling
from quietzone_kit.tasks._worker import Worker

__all__ = [
    "KEPT_MS",
    "TASKS",
    "Again",
    "Done",
    "Fail",
    "Handler",
    "Kind",
    "NewTask",
    "Position",
    "Progress",
    "Retry",
    "State",
    "Task",
    "TaskPage",
    "Tasks",
    "Tell",
    "Telling",
    "Worker",
    "task_of",
]
