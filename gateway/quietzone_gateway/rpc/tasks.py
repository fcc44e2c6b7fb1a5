"""Tasks of all parts as one list: each part has its own, and the same service for them."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from google.protobuf.json_format import MessageToDict
from pydantic import JsonValue

from quietzone.tasks.v1 import tasks_pb2, tasks_pb2_grpc
from quietzone_kit.errors import FieldViolation, InvalidInput, NotFound
from quietzone_kit.rpc import Caller, Peer

_CURSOR = re.compile(r"(\d{1,15})\.([0-9a-f-]{36})")


class TaskState(StrEnum):
    """Where a task stands; the last three are final."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    DEAD = "dead"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Task:
    """One of them; fields as in `quietzone.tasks.v1.Task`, None where that has nothing."""

    id: str
    kind: str
    state: TaskState
    payload: dict[str, JsonValue]
    attempts: int
    max_attempts: int
    created_at_ms: int
    scheduled_for_ms: int
    due_at_ms: int
    done: int
    total: int | None
    note: str | None
    error: str | None
    finished_at_ms: int | None

    @property
    def place(self) -> tuple[int, str]:
        """Where it stands in the list, which goes downwards."""
        return self.created_at_ms, self.id

    @property
    def cursor(self) -> str:
        """What follows after it."""
        return _cursor(self.place)


@dataclass(frozen=True, slots=True)
class TaskPage:
    """Tasks, newest first; also one with few of them, or none, may have a next."""

    items: tuple[Task, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class TasksOf:
    """Which tasks are asked for; None: of whichever state or kind."""

    state: TaskState | None = None
    kind: str | None = None


_STATES = {tasks_pb2.TaskState.Value(f"TASK_STATE_{state.name}"): state for state in TaskState}
_NUMBERS = {state: number for number, state in _STATES.items()}


class Tasks:
    """A client of the tasks of several parts; what each call raises stands in `tasks.proto`."""

    def __init__(self, parts: Sequence[Peer]) -> None:
        self._parts = [(peer, tasks_pb2_grpc.TaskServiceStub(peer.channel)) for peer in parts]

    async def newest(self, caller: Caller, wanted: TasksOf, *, limit: int, cursor: str | None) -> TaskPage:
        """One page of the account's tasks: as many of each part as could be in it, and of these the newest."""
        state = tasks_pb2.TASK_STATE_UNSPECIFIED if wanted.state is None else _NUMBERS[wanted.state]
        request = tasks_pb2.ListTasksRequest(page_size=limit, after=_position(cursor), state=state, kind=wanted.kind or "")
        answers = await asyncio.gather(*(peer.call(stub.ListTasks, request, caller=caller, idempotent=True) for peer, stub in self._parts))
        found = sorted((_task(task) for answer in answers for task in answer.tasks), key=lambda task: task.place, reverse=True)
        # What lies beyond the place that some part has reached may have others of that part before it.
        reached = max(((answer.reached.created_at_ms, answer.reached.task_id) for answer in answers if answer.has_more), default=None)
        items = tuple(found if reached is None else [task for task in found if task.place >= reached])
        if len(items) > limit:
            return TaskPage(items[:limit], items[limit - 1].cursor)
        return TaskPage(items, None if reached is None else _cursor(reached))

    async def get(self, caller: Caller, task_id: str) -> Task:
        """One task."""
        return _task((await self._found(caller, task_id))[2])

    async def cancel(self, caller: Caller, task_id: str) -> Task:
        """End a task; what it has done stays done."""
        peer, stub, _ = await self._found(caller, task_id)
        request = tasks_pb2.CancelTaskRequest(task_id=task_id)
        return _task((await peer.call(stub.CancelTask, request, caller=caller, idempotent=True)).task)

    async def retry(self, caller: Caller, task_id: str) -> Task:
        """Run a dead or cancelled task again."""
        peer, stub, _ = await self._found(caller, task_id)
        request = tasks_pb2.RetryTaskRequest(task_id=task_id)
        return _task((await peer.call(stub.RetryTask, request, caller=caller, idempotent=True)).task)

    async def _found(self, caller: Caller, task_id: str) -> "tuple[Peer, tasks_pb2_grpc.TaskServiceAsyncStub, tasks_pb2.Task]":
        """A task and whose it is: one part knows it, and none says which.

        Raises:
            NotFound: none of them knows it.
            Unavailable: one that may know it doesn't answer.
        """
        request = tasks_pb2.GetTaskRequest(task_id=task_id)
        asked = [peer.call(stub.GetTask, request, caller=caller, idempotent=True) for peer, stub in self._parts]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        for (peer, stub), answer in zip(self._parts, answers, strict=True):
            if isinstance(answer, tasks_pb2.GetTaskResponse):
                return peer, stub, answer.task
        for answer in answers:
            if isinstance(answer, BaseException) and not isinstance(answer, NotFound):
                raise answer
        raise NotFound(f"there is no task {task_id}")


def _position(cursor: str | None) -> tasks_pb2.TaskPosition | None:
    if cursor is None:
        return None
    found = _CURSOR.fullmatch(cursor)
    if found is None:
        raise InvalidInput(FieldViolation("cursor", "not a cursor that a page of tasks gave; leave it out to begin anew"))
    return tasks_pb2.TaskPosition(created_at_ms=int(found.group(1)), task_id=found.group(2))


def _cursor(place: tuple[int, str]) -> str:
    return f"{place[0]}.{place[1]}"


def _whole(value: JsonValue) -> JsonValue:
    """As it was: a Struct has no whole numbers."""
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    if isinstance(value, dict):
        return {name: _whole(each) for name, each in value.items()}
    return list(map(_whole, value)) if isinstance(value, list) else value


def _task(message: tasks_pb2.Task) -> Task:
    progress = message.progress
    return Task(
        id=message.id,
        kind=message.kind,
        state=_STATES[message.state],
        payload={name: _whole(value) for name, value in MessageToDict(message.payload).items()},
        attempts=message.attempts,
        max_attempts=message.max_attempts,
        created_at_ms=message.created_at_ms,
        scheduled_for_ms=message.scheduled_for_ms,
        due_at_ms=message.due_at_ms,
        done=progress.done,
        total=progress.total or None,
        note=progress.note or None,
        error=message.error or None,
        finished_at_ms=message.finished_at_ms if message.HasField("finished_at_ms") else None,
    )
