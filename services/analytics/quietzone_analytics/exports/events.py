"""Events out: how exports come on."""

from quietzone.analytics.v1 import exports_pb2
from quietzone_analytics.exports.messages import export_message
from quietzone_analytics.exports.repository import KIND, export_of
from quietzone_kit.events import Event
from quietzone_kit.outbox import Outgoing
from quietzone_kit.runtime import Clock
from quietzone_kit.tasks import Task
from quietzone_topics import ANALYTICS_EXPORT_V1, TYPE_ANALYTICS_EXPORT


class TellExports:
    """Makes ExportChanged of a task as it stands now; of other tasks nothing is told."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def __call__(self, task: Task, event_id: str) -> Outgoing | None:
        """See `quietzone_kit.tasks.Telling`."""
        if task.kind != KIND:
            return None
        now_ms = self._clock.now_ms()
        changed = exports_pb2.ExportChanged(account_id=task.account_id, export=export_message(export_of(task)), changed_at_ms=now_ms)
        event = Event(
            id=event_id,
            source="/quietzone/analytics",
            type=TYPE_ANALYTICS_EXPORT,
            subject=task.task_id,
            time_ms=now_ms,
            data=changed.SerializeToString(deterministic=True),
        )
        return Outgoing(ANALYTICS_EXPORT_V1.name, event)
