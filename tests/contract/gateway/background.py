"""What services answer about what they do in the background."""

from contract.gateway.served import CODE_ID, NOON_MS, Api

from quietzone.tasks.v1 import tasks_pb2

TASK = tasks_pb2.Task(
    id=CODE_ID, kind="export-data", state=tasks_pb2.TASK_STATE_DEAD, attempts=3, max_attempts=3, created_at_ms=NOON_MS, error="no room"
)


def answer_tasks(api: Api) -> None:
    """Have each part answer with the same task."""
    for method, message in {
        "GetTask": tasks_pb2.GetTaskResponse(task=TASK),
        "ListTasks": tasks_pb2.ListTasksResponse(tasks=[TASK]),
        "CancelTask": tasks_pb2.CancelTaskResponse(task=TASK),
        "RetryTask": tasks_pb2.RetryTaskResponse(task=TASK),
    }.items():
        api.services.answer(method, message)
