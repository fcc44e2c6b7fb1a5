"""What is done for an account in the background, by whichever part of the installation."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from quietzone_client._models import Json, OpenEnum, Page, moment, unless_absent
from quietzone_client._requests import Call, Request, as_json, page, segment


class TaskState(OpenEnum):
    """Where a task stands; the last three are final."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    DEAD = "dead"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Task:
    """Something that is done in the background. `attempts` have failed of `max_attempts`; `done` of `total`, if that is known."""

    id: str
    type: str
    state: TaskState
    payload: dict[str, Any]
    attempts: int
    max_attempts: int
    created_at: datetime
    scheduled_for: datetime
    due_at: datetime
    done: int
    total: int | None
    note: str | None
    error: str | None
    finished_at: datetime | None

    @classmethod
    def of(cls, item: Json) -> Self:
        """As the API shows it."""
        same = ("id", "type", "payload", "attempts", "max_attempts", "done", "total", "note", "error")
        return cls(
            **{name: item[name] for name in same},
            state=TaskState(item["state"]),
            created_at=moment(item["created_at"]),
            scheduled_for=moment(item["scheduled_for"]),
            due_at=moment(item["due_at"]),
            finished_at=unless_absent(moment, item["finished_at"]),
        )


def page_of_tasks(state: str | None, type_: str | None, *, cursor: str | None) -> Call[Page[Task]]:
    """One page of tasks."""
    wanted = {"state": state, "type": type_}
    return page("/v1/tasks", Task.of, {name: value for name, value in wanted.items() if value is not None}, limit=100, cursor=cursor)


def get_task(task_id: str) -> Call[Task]:
    """One task."""
    return Call(Request("GET", f"/v1/tasks/{segment(task_id)}"), as_json(Task.of))


def cancel_task(task_id: str) -> Call[Task]:
    """End a task."""
    return Call(Request("POST", f"/v1/tasks/{segment(task_id)}/cancel"), as_json(Task.of))


def redrive_task(task_id: str) -> Call[Task]:
    """Run a task again."""
    return Call(Request("POST", f"/v1/tasks/{segment(task_id)}/redrive"), as_json(Task.of))
