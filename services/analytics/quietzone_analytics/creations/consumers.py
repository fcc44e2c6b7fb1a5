"""Events in: codes that are new (topic `qr.code.v1`)."""

from quietzone.qr.v1 import code_pb2
from quietzone_analytics.creations.domain import Creation
from quietzone_analytics.creations.repository import Creations
from quietzone_kit.events import Event
from quietzone_kit.reaction import Unreadable
from quietzone_kit.urls import domain_of
from quietzone_topics import TYPE_QR_CODE

CONSUMER = "analytics-creations"
"""The consumer's group."""


class KeepCreations:
    """Keeps what is told of the making of codes."""

    def __init__(self, creations: Creations) -> None:
        self._creations = creations

    def knows(self, event_type: str) -> bool:
        """Changes of codes."""
        return event_type == TYPE_QR_CODE

    async def react(self, event: Event) -> None:
        """Keep the making of a code."""
        creation = creation_in(event)
        if creation is not None:
            await self._creations.keep(creation)


def creation_in(event: Event) -> Creation | None:
    """What an event tells of a new code; None: it tells of a change. Raises Unreadable, DecodeError."""
    told = code_pb2.CodeEvent.FromString(event.data)
    code = told.after
    if not (code.id and code.account_id):
        raise Unreadable("the event tells of no code: `after` lacks id or account")
    if told.kind != code_pb2.CHANGE_KIND_CREATED:
        return None
    return Creation(code.id, code.account_id, told.subject, domain_of(code.destination), code.created_at_ms)
