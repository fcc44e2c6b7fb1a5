"""Events in: changes of codes (topic `qr.code.v1`), as destinations to be asked."""

from quietzone.qr.v1 import code_pb2
from quietzone_kit.events import Event
from quietzone_kit.reaction import Unreadable
from quietzone_kit.runtime import Clock
from quietzone_kit.tasks import Tasks
from quietzone_qr.health.domain import Heard
from quietzone_qr.health.repository import Healths
from quietzone_qr.health.use_cases import follow
from quietzone_topics import TYPE_QR_CODE

NAME = "qr-health"
"""The consumer's group."""


class FollowCodes:
    """Has the destinations of active codes asked, and no others."""

    def __init__(self, healths: Healths, tasks: Tasks, clock: Clock) -> None:
        self._healths = healths
        self._tasks = tasks
        self._clock = clock

    def knows(self, event_type: str) -> bool:
        """Changes of codes."""
        return event_type == TYPE_QR_CODE

    async def react(self, event: Event) -> None:
        """Take up what the code is now."""
        await follow(self._healths, self._tasks, self._clock, heard_of(event))


def heard_of(event: Event) -> Heard:
    """What an event tells; raises Unreadable, DecodeError."""
    code = code_pb2.CodeEvent.FromString(event.data).after
    if not (code.id and code.account_id and code.destination and code.revision):
        raise Unreadable("the event tells of no code: `after` lacks id, account, destination or revision")
    return Heard(code.id, code.account_id, code.slug, code.destination, code.state == code_pb2.CODE_STATE_ACTIVE, code.revision)
