"""What is done for an account in the background, by whichever part."""

from typing import Annotated, Self

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from quietzone_gateway.identity.domain import CODES_READ, CODES_WRITE
from quietzone_gateway.rest.description import problems, scoped
from quietzone_gateway.rest.route import DESCRIBED_SECURITY, ApiRoute, CallerNow, Services, known_id
from quietzone_gateway.rest.shapes import CODE_ID, Input, Text, Time
from quietzone_gateway.rest.times import rfc3339
from quietzone_gateway.rpc import Task, TaskPage, TasksOf, TaskState

TASK: dict[str, JsonValue] = {
    "id": CODE_ID,
    "type": "export-data",
    "state": "running",
    "payload": {"format": "csv"},
    "attempts": 0,
    "max_attempts": 3,
    "created_at": "2026-11-21T09:30:00.125Z",
    "scheduled_for": "2026-11-21T09:30:00.125Z",
    "due_at": "2026-11-21T09:30:00.125Z",
    "done": 812,
    "total": 4096,
    "note": None,
    "error": None,
    "finished_at": None,
}
"""An example; tests hold it against the model."""


class TaskView(BaseModel):
    """Something that is done in the background."""

    model_config = ConfigDict(json_schema_extra={"examples": [TASK]})

    id: str
    type: str = Field(
        description="`export-data`, `process-image`, `make-print`, `draw-code`, `move-asset`, `clean-up`, `generate-report`, "
        "`redrive-deliveries` or `send-email`"
    )
    state: TaskState = Field(description="`dead`: it failed for good, or too often")
    payload: dict[str, JsonValue] = Field(description="What it is about; what is in it follows from its type")
    attempts: int = Field(description="How often it has failed")
    max_attempts: int = Field(description="After how many failures it is dead")
    created_at: Time
    scheduled_for: Time = Field(description="When it was to be done first")
    due_at: Time = Field(description="When it is to be done next; of one that has ended, when it was last")
    done: int = Field(description="How much is done so far")
    total: int | None = Field(description="Of how much, if that is known")
    note: str | None = Field(description="Where it is, for people")
    error: str | None = Field(description="Why it failed, or fails for now")
    finished_at: Time | None

    @classmethod
    def of(cls, task: Task) -> Self:
        """As it is shown."""
        return cls(
            id=task.id,
            type=task.kind,
            state=task.state,
            payload=task.payload,
            attempts=task.attempts,
            max_attempts=task.max_attempts,
            created_at=rfc3339(task.created_at_ms),
            scheduled_for=rfc3339(task.scheduled_for_ms),
            due_at=rfc3339(task.due_at_ms),
            done=task.done,
            total=task.total,
            note=task.note,
            error=task.error,
            finished_at=None if task.finished_at_ms is None else rfc3339(task.finished_at_ms),
        )


class TaskPageView(BaseModel):
    """One page of tasks."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [TASK], "next_cursor": None}]})

    items: list[TaskView] = Field(description="Newest first")
    next_cursor: str | None = Field(
        description="Give it back as `cursor` for the next page, which also a page with few or no tasks may have; null when there is none"
    )

    @classmethod
    def of(cls, page: TaskPage) -> Self:
        """As it is shown."""
        return cls(items=list(map(TaskView.of, page.items)), next_cursor=page.next_cursor)


class TaskListQuery(Input):
    """Which tasks."""

    state: TaskState | None = Field(None, description="Only those in this state")
    type: Text | None = Field(None, description="Only those of this type", max_length=50)
    limit: int = Field(50, description="How many at most", ge=1, le=100)
    cursor: str | None = Field(None, description="`next_cursor` of the page before", max_length=100)


router = APIRouter(prefix="/v1/tasks", route_class=ApiRoute, dependencies=DESCRIBED_SECURITY, tags=["tasks"])

TaskId = Annotated[str, Path(description="The task's id", examples=[CODE_ID])]


@router.get("", responses=problems(400, 401, 403), openapi_extra=scoped(CODES_READ))
async def list_tasks(query: Annotated[TaskListQuery, Query()], parts: Services, caller: CallerNow) -> TaskPageView:
    """What is done for the account in the background, newest first; for 7 days after its end."""
    wanted = TasksOf(query.state, query.type)
    return TaskPageView.of(await parts.tasks.newest(caller, wanted, limit=query.limit, cursor=query.cursor))


@router.get("/{task_id}", responses=problems(401, 403, 404), openapi_extra=scoped(CODES_READ))
async def get_task(task_id: TaskId, parts: Services, caller: CallerNow) -> TaskView:
    """One task, with how far it is."""
    return TaskView.of(await parts.tasks.get(caller, known_id(task_id, "task")))


@router.post("/{task_id}/cancel", responses=problems(401, 403, 404, 422), openapi_extra=scoped(CODES_READ, CODES_WRITE))
async def cancel_task(task_id: TaskId, parts: Services, caller: CallerNow) -> TaskView:
    """End a task that waits or runs; what it has done stays done."""
    return TaskView.of(await parts.tasks.cancel(caller, known_id(task_id, "task")))


@router.post("/{task_id}/redrive", responses=problems(401, 403, 404, 422), openapi_extra=scoped(CODES_READ, CODES_WRITE))
async def redrive_task(task_id: TaskId, parts: Services, caller: CallerNow) -> TaskView:
    """Run a dead or cancelled task again, at once and with all its attempts."""
    return TaskView.of(await parts.tasks.retry(caller, known_id(task_id, "task")))
