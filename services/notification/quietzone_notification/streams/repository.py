"""Which streams there are: one document each, made before the topic is."""

import msgspec

from quietzone_kit.documents import Collection, Documents, DuplicateKey, Index, Stored, Value
from quietzone_kit.errors import Unavailable
from quietzone_kit.runtime import Clock
from quietzone_notification.deadlines import store_answers
from quietzone_notification.slots import free_slot, taken_slots
from quietzone_notification.streams.domain import MAX_STREAMS, NoRoom, Stream

STREAMS = Collection(
    "streams",
    key="stream_id",
    indexes=(Index("by_slot", ("account_id", "slot"), unique=True),),  # the store itself refuses one more than there may be
)

COLLECTIONS = (STREAMS,)

ATTEMPTS = 10
"""As many senders as there are may take a slot of one account at the same moment."""


class Streams:
    """Streams of all accounts."""

    def __init__(self, documents: Documents, clock: Clock) -> None:
        self._documents = documents
        self._clock = clock

    async def reserve(self, account_id: str, name: str) -> bool:
        """Have a place for a topic; whether it is new.

        Raises:
            NoRoom: the account has as many as it may.
            Unavailable: the store doesn't answer.
        """
        for _ in range(ATTEMPTS):
            async with store_answers():
                if await self._documents.get(STREAMS, name) is not None:
                    return False
            slot = free_slot(await taken_slots(self._documents, STREAMS, account_id, most=MAX_STREAMS), MAX_STREAMS)
            if slot is None:
                raise NoRoom(name)
            body: dict[str, Value] = msgspec.to_builtins(Stream(name, account_id, self._clock.now_ms(), slot))
            try:
                async with store_answers():
                    await self._documents.insert(STREAMS, body)
            except DuplicateKey:
                continue  # another sender has made it, or taken its slot
            return True
        raise Unavailable(f"streams of account {account_id} change all the time: try again")


def stream_of(stored: Stored) -> Stream:
    """The stream in a document; msgspec.ValidationError names the field that was damaged."""
    return msgspec.convert(stored.body, Stream)
