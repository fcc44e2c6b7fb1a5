"""What an operator does with a whole installation: look at it, follow one event through it, move it."""

from quietzone_standalone.operations.doctor import Finding, examine
from quietzone_standalone.operations.stores import Stores, open_stores
from quietzone_standalone.operations.trace import Step, UnknownEvent, follow_event

__all__ = ["Finding", "Step", "Stores", "UnknownEvent", "examine", "follow_event", "open_stores"]
