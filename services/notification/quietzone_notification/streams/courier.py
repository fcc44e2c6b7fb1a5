"""Carrying deliveries to streams."""

from quietzone_kit.bus import Message
from quietzone_kit.runtime import Clock
from quietzone_notification.delivery.domain import Attempt, Delivery
from quietzone_notification.delivery.sender.ports import Ended
from quietzone_notification.streams.domain import NoRoom, headers_of, is_of, key_of
from quietzone_notification.streams.metrics import NO_ROOM
from quietzone_notification.streams.writer import StreamWriter

TAKEN = 200
"""The bus says yes or nothing; in the log of attempts that is what HTTP says."""


class StreamCourier:
    """The port `Courier` for Kafka: one record a delivery, whose id is the delivery's. A bus that is away uses nothing up."""

    def __init__(self, writer: StreamWriter, clock: Clock) -> None:
        self._writer = writer
        self._clock = clock

    async def carry(self, delivery: Delivery) -> Ended:
        """See Courier."""
        if not is_of(delivery.account_id, delivery.destination):
            return Ended(None, "not a topic of this account")
        at_ms, began_s = self._clock.now_ms(), self._clock.monotonic()
        try:
            await self._writer.prepare(delivery.account_id, delivery.destination)
        except NoRoom as error:
            NO_ROOM.labels("delivery").inc()
            return Ended(None, str(error))
        (position,) = await self._writer.publish([Message(delivery.destination, key_of(delivery), delivery.body, headers_of(delivery))])
        took_ms = int((self._clock.monotonic() - began_s) * 1_000)
        place = f"partition {position.partition}, offset {position.offset}"
        return Ended(Attempt(at_ms, took_ms, f"topic:{delivery.destination}", TAKEN, None, place))

    async def settled(self, delivery: Delivery, ended: Ended) -> None:
        """See Courier: nothing follows for a topic."""
