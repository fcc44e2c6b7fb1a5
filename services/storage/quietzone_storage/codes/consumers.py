"""Events in: changes of codes (topic `qr.code.v1`), as images to be drawn or removed."""

from quietzone.qr.v1 import code_pb2
from quietzone_kit.events import Event
from quietzone_kit.reaction import Unreadable
from quietzone_storage.assets.domain import AccountId, AssetId
from quietzone_storage.codes.domain import DRAWN_FROM, Heard
from quietzone_storage.codes.use_cases import Followed
from quietzone_topics import TYPE_QR_CODE


class DrawCodes:
    """Has an image of each code that there is, and of no other."""

    def __init__(self, followed: Followed) -> None:
        self._followed = followed

    def knows(self, event_type: str) -> bool:
        """Changes of codes."""
        return event_type == TYPE_QR_CODE

    async def react(self, event: Event) -> None:
        """Take up what the code is now."""
        await self._followed.follow(heard_of(event))


def heard_of(event: Event) -> Heard:
    """What an event tells; raises Unreadable, DecodeError."""
    told = code_pb2.CodeEvent.FromString(event.data)
    code = told.after
    if not (code.id and code.account_id and code.revision):
        raise Unreadable("the event tells of no code: `after` lacks id, account or revision")
    return Heard(
        AssetId(code.id),
        AccountId(code.account_id),
        code.revision,
        looks_different=told.kind == code_pb2.CHANGE_KIND_CREATED or not DRAWN_FROM.isdisjoint(told.changed),
        is_deleted=code.state == code_pb2.CODE_STATE_DELETED,
    )
