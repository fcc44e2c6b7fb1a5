"""TaskService: the tasks of a store as their accounts see them. Every part that has tasks serves it in the same way."""

# ruff: noqa: N802, ARG002 - the contract names the methods, gRPC their parameters

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from google.protobuf.struct_pb2 import Struct

from quietzone.tasks.v1 import tasks_pb2, tasks_pb2_grpc
from quietzone_kit.errors import FieldViolation, InvalidInput, NotFound, PermissionDenied
from quietzone_kit.rpc import CODES_READ, CODES_WRITE, caller
from quietzone_kit.tasks._task import State, Task
from quietzone_kit.tasks._tasks import Position, Tasks

MAX_PAGE = 100  # tasks of some KB: a payload has 64 KB at most, and usually an id
DEFAULT_PAGE = 50

STATES = {state: tasks_pb2.TaskState.Value(f"TASK_STATE_{state.name}") for state in State}
_ASKED: Mapping[int, State | None] = {tasks_pb2.TASK_STATE_UNSPECIFIED: None, **{value: state for state, value in STATES.items()}}

Step = Callable[[Task], Awaitable[None]]


async def _nothing(_task: Task) -> None:
    """Nothing else is to be done."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A kind of task that its account sees, with what a caller needs beyond the scope of the method.

    `let_go` is told of one that was cancelled, and does what its account expects of that. `check_retry` raises FailedPrecondition where
    running it again would do nothing.
    """

    let_go: Step = _nothing
    check_retry: Step = _nothing
    read_scope: str = CODES_READ
    write_scope: str = CODES_WRITE


class TaskService(tasks_pb2_grpc.TaskServiceServicer):
    """The errors of each method stand in the contract. `answers` is the block under the store's deadline."""

    def __init__(self, tasks: Tasks, kinds: Mapping[str, Shown], answers: Callable[[], AbstractAsyncContextManager[None]]) -> None:
        self._tasks = tasks
        self._kinds = kinds
        self._answers = answers

    async def GetTask(self, request: tasks_pb2.GetTaskRequest, context: object) -> tasks_pb2.GetTaskResponse:
        """See the contract."""
        return tasks_pb2.GetTaskResponse(task=task_message(await self._get(request.task_id)))

    async def ListTasks(self, request: tasks_pb2.ListTasksRequest, context: object) -> tasks_pb2.ListTasksResponse:
        """See the contract."""
        account_id, limit = _account(), _limit(request.page_size)
        if request.state not in _ASKED:
            raise InvalidInput(FieldViolation("state", f"use one of {', '.join(tasks_pb2.TaskState.keys())}"))
        after = Position(request.after.created_at_ms, request.after.task_id) if request.HasField("after") else None
        scopes = caller().scopes
        wanted = {kind for kind, shown in self._kinds.items() if shown.read_scope in scopes and request.kind in {"", kind}}
        if not wanted:
            return tasks_pb2.ListTasksResponse()
        async with self._answers():
            found, reached = await self._tasks.follow(
                account_id, after, lambda task: task.kind in wanted, state=_ASKED[request.state], limit=limit
            )
        response = tasks_pb2.ListTasksResponse(tasks=map(task_message, found), has_more=reached is not None)
        if reached is not None:
            response.reached.created_at_ms, response.reached.task_id = reached.created_at_ms, reached.task_id
        return response

    async def CancelTask(self, request: tasks_pb2.CancelTaskRequest, context: object) -> tasks_pb2.CancelTaskResponse:
        """See the contract."""
        task = await self._changeable(request.task_id)
        async with self._answers():
            task = await self._tasks.cancel(task.account_id, task.task_id)
        await self._kinds[task.kind].let_go(task)
        return tasks_pb2.CancelTaskResponse(task=task_message(task))

    async def RetryTask(self, request: tasks_pb2.RetryTaskRequest, context: object) -> tasks_pb2.RetryTaskResponse:
        """See the contract."""
        task = await self._changeable(request.task_id)
        if task.is_final:
            await self._kinds[task.kind].check_retry(task)
        async with self._answers():
            task = await self._tasks.retry(task.account_id, task.task_id)
        return tasks_pb2.RetryTaskResponse(task=task_message(task))

    async def _get(self, task_id: str) -> Task:
        """A task that its account sees, and the caller may; raises NotFound."""
        task, shown = await self._shown(task_id)
        if shown.read_scope not in caller().scopes:
            raise NotFound(f"no task {task_id}")
        return task

    async def _changeable(self, task_id: str) -> Task:
        """One that the caller may change.

        Raises:
            NotFound: there is none, or none that the caller may see.
            PermissionDenied: the caller may see it alone.
        """
        task, shown = await self._shown(task_id)
        if shown.write_scope in caller().scopes:
            return task
        if shown.read_scope in caller().scopes:
            raise PermissionDenied(f"tasks of kind {task.kind} need the scope {shown.write_scope}")
        raise NotFound(f"no task {task_id}")

    async def _shown(self, task_id: str) -> tuple[Task, Shown]:
        async with self._answers():
            task = await self._tasks.get(_account(), task_id)
        shown = self._kinds.get(task.kind)
        if shown is None:
            raise NotFound(f"no task {task_id}")
        return task, shown


def task_message(task: Task) -> tasks_pb2.Task:
    """The task as it is told."""
    payload = Struct()
    payload.update(task.payload)
    return tasks_pb2.Task(
        id=task.task_id,
        kind=task.kind,
        state=STATES[task.state],
        payload=payload,
        attempts=task.attempts,
        max_attempts=task.max_attempts,
        created_at_ms=task.created_at_ms,
        scheduled_for_ms=task.scheduled_for_ms,
        due_at_ms=task.due_at_ms,
        progress=tasks_pb2.TaskProgress(done=task.progress.done, total=task.progress.total, note=task.progress.note),
        error=task.error or "",
        finished_at_ms=task.finished_at_ms,
    )


def _limit(page_size: int) -> int:
    if not 0 <= page_size <= MAX_PAGE:
        raise InvalidInput(FieldViolation("page_size", f"use 1 to {MAX_PAGE}, or 0 for {DEFAULT_PAGE}"))
    return page_size or DEFAULT_PAGE


def _account() -> str:
    """The account that the current call is made for.

    Raises:
        Unauthenticated: nobody is known to be calling.
        PermissionDenied: a service is, for itself.
    """
    account_id = caller().account_id
    if not account_id:
        raise PermissionDenied("tasks belong to accounts: this call must be made for one")
    return account_id
