"""What an operator does with a whole installation: look at it, follow one event through it, move it."""

from quietzone_standalone.operations.doctor import Finding, examine
from quietzone_standalone.operations.migrate import Compared, MigrationFailed, migrate
from quietzone_standalone.operations.stores import REACTIONS, Stores, open_bus_of, open_stores, open_topic_admin
from quietzone_standalone.operations.trace import Step, UnknownEvent, follow_event

__all__ = [
    "REACTIONS",
    "Compared",
    "Finding",
    "MigrationFailed",
    "Step",
    "Stores",
    "UnknownEvent",
    "examine",
    "follow_event",
    "migrate",
    "open_bus_of",
    "open_stores",
    "open_topic_admin",
]
