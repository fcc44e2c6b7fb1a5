"""What the courier needs of those who push."""

from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from quietzone_notification.push.messages import Push


class Outcome(Enum):
    """What a provider said; the value is a label of a metric."""

    SENT = "sent"
    FAILED = "failed"
    """Not now."""
    REFUSED = "refused"
    """It takes no such message, ever."""
    GONE = "gone"
    """The token leads nowhere any more."""


@dataclass(frozen=True, slots=True)
class Pushed:
    """How an attempt ended. `pause_ms`: the provider asks for nothing else either, for so long. `ref` is what it calls the device."""

    outcome: Outcome
    url: str
    status: int | None = None
    error: str | None = None
    answer: str = ""
    retry_after_ms: int | None = None
    pause_ms: int = 0
    ref: str = ""


class Pusher(Protocol):
    """A provider that carries to devices of a platform."""

    async def push(self, token: str, ref: str, message: Push) -> Pushed:
        """Push to one device, within a bound of its own; `ref` is what the provider called it before, if anything.

        Raises:
            Unavailable: it doesn't take our credentials, or we have none just now; an operator must mend that.
        """
