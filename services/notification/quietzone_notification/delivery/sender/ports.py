"""What the sender needs of those who carry."""

from dataclasses import dataclass
from typing import Protocol

from quietzone_notification.delivery.domain import Attempt, Delivery


@dataclass(frozen=True, slots=True)
class Ended:
    """How an attempt ended. `attempt` None: there was none, for this `reason`, and never will be.

    `pause_ms`: its receiver asks for nothing else either, for so long. `is_last`: another attempt would be in vain.
    """

    attempt: Attempt | None
    reason: str = ""
    retry_after_ms: int | None = None
    pause_ms: int = 0
    is_last: bool = False

    @property
    def is_heard(self) -> bool:
        """Whether the receiver has answered, whatever it said."""
        return self.attempt is None or self.attempt.status is not None


class Courier(Protocol):
    """Carries deliveries of one kind."""

    async def carry(self, delivery: Delivery) -> Ended:
        """Try once, within a bound of its own.

        Raises:
            Unavailable: nothing was tried, since something of ours is away; the delivery waits.
        """

    async def settled(self, delivery: Delivery, ended: Ended) -> None:
        """The outcome is stored; whatever follows from it for the destination may be done now. Raises Unavailable."""
