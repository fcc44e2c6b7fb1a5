"""Events out: how tasks that accounts see come on."""

from collections.abc import Container

from quietzone.tasks.v1 import tasks_pb2
from quietzone_kit.bus import Topic
from quietzone_kit.events import Event
from quietzone_kit.outbox import Outgoing
from quietzone_kit.runtime import Clock
from quietzone_kit.tasks._task import Task
from quietzone_kit.tasks.service import task_message


class TellTasks:
    """Makes TaskChanged of a task as it stands now, on a part's own `topic`; of other kinds, and of those of nobody, nothing is told."""

    def __init__(self, part: str, topic: Topic, event_type: str, kinds: Container[str], clock: Clock) -> None:
        self._source = f"/quietzone/{part}"
        self._topic = topic
        self._type = event_type
        self._kinds = kinds
        self._clock = clock

    def __call__(self, task: Task, event_id: str) -> Outgoing | None:
        """See `quietzone_kit.tasks.Telling`."""
        if task.kind not in self._kinds or not task.account_id:
            return None
        now_ms, told = self._clock.now_ms(), task_message(task)
        told.ClearField("payload")
        changed = tasks_pb2.TaskChanged(account_id=task.account_id, task=told, changed_at_ms=now_ms)
        data = changed.SerializeToString(deterministic=True)
        return Outgoing(self._topic.name, Event(event_id, self._source, self._type, task.task_id, now_ms, data))
