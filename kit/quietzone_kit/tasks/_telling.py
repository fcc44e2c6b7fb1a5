"""Telling of tasks as they go, by the outbox of their documents: what is told and what it tells of are one write."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from quietzone_kit.documents import Body, Stored
from quietzone_kit.outbox import Outgoing, with_event
from quietzone_kit.outbox import waiting as events_waiting
from quietzone_kit.tasks._task import Task, task_of
from quietzone_kit.telemetry import logger

log = logger(__name__)

MOST_PROGRESS = 5
"""Events of one task that wait for the bus, before no more is told of how far it has come; how it ends is told all the same."""

Event: TypeAlias = Callable[[Task, str], Outgoing | None]
"""What tells of a task as it stands now, under an id that no other event has; None: of this kind nothing is told."""


def _nobody() -> None:
    """No relay runs in this process: another finds the event within a second."""


@dataclass(frozen=True, slots=True)
class Telling:
    """What a store's tasks are told by, and what wakes the relay. The store declares OUTBOX_LEASES too, and a relay works on TASKS."""

    event: Event
    wake: Callable[[], None] = _nobody

    def of(self, body: Body, version: int) -> Body:
        """The document that is to be stored as `version`, with its event."""
        task = task_of(Stored(body, version))
        try:
            outgoing = self.event(task, f"{task.task_id}.{version}")
        except Exception as error:  # noqa: BLE001 - a newer release's task, or a damaged one: nothing may stop because it can't be told of
            log.error("a task can't be told of", task_id=task.task_id, kind=task.kind, error=repr(error))  # noqa: TRY400
            return body
        if outgoing is None or (not task.is_final and len(events_waiting(body)) >= MOST_PROGRESS):
            return body
        return with_event(body, task.task_id, outgoing)


def told_nobody(_task: Task, _event_id: str) -> None:
    """Of no kind anything is told."""


QUIET = Telling(told_nobody)
