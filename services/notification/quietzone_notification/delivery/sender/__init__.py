"""The sender: what is due goes out, each lane for itself, and what became of it is stored within milliseconds."""

from quietzone_notification.delivery.sender._sender import Bounds, Sender
from quietzone_notification.delivery.sender.ports import Courier, Ended

__all__ = ["Bounds", "Courier", "Ended", "Sender"]
