"""Partitions of a topic: who owns them, how far they were read, and what to do when the log is another."""

from quietzone_analytics.partitions.domain import Log, State
from quietzone_analytics.partitions.repository import States, Versioned
from quietzone_analytics.partitions.use_cases import Ownership, adopt, logs_of, misfits

__all__ = ["Log", "Ownership", "State", "States", "Versioned", "adopt", "logs_of", "misfits"]
