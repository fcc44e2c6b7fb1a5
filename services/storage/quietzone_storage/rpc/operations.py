"""Tasks as the operations that callers see."""

from dataclasses import asdict

import msgspec

from quietzone.storage.v1 import operation_pb2
from quietzone_kit.documents import InvalidCursor
from quietzone_kit.errors import FieldViolation, InvalidInput
from quietzone_kit.tasks import State, Task, TaskPage, Tasks
from quietzone_storage.assets.use_cases import DEFAULT_PAGE, MAX_PAGE
from quietzone_storage.deadlines import store_answers
from quietzone_storage.lifecycle.domain import Report
from quietzone_storage.lifecycle.tasks import CLEAN_UP

_STATES = {state: operation_pb2.OperationState.Value(f"OPERATION_STATE_{state.name}") for state in State}


def operation_message(task: Task) -> operation_pb2.Operation:
    """The task as it is told."""
    return operation_pb2.Operation(
        id=task.task_id,
        kind=task.kind,
        state=_STATES[task.state],
        asset_id=str(task.payload.get("asset_id", "")),
        done=task.progress.done,
        error=task.error or "",
        report=_report(task),
        created_at_ms=task.created_at_ms,
        finished_at_ms=task.finished_at_ms,
    )


async def list_operations(tasks: Tasks, account_id: str, *, page_size: int, page_token: str) -> TaskPage:
    """An account's tasks, newest first.

    Raises:
        InvalidInput: a page size above 1,000 or below 0, or a token that no page gave.
        Unavailable: the store doesn't answer.
    """
    if not 0 <= page_size <= MAX_PAGE:
        raise InvalidInput(FieldViolation("page_size", f"use 1 to {MAX_PAGE}, or 0 for {DEFAULT_PAGE}"))
    try:
        async with store_answers():
            return await tasks.list(account_id, limit=page_size or DEFAULT_PAGE, after=page_token or None)
    except InvalidCursor as error:
        raise InvalidInput(FieldViolation("page_token", "not a token that a page of this list gave; leave it out to begin anew")) from error


def _report(task: Task) -> operation_pb2.CleanUpReport | None:
    if task.kind != CLEAN_UP or task.result is None:
        return None
    return operation_pb2.CleanUpReport(**asdict(msgspec.convert(task.result, Report)))
