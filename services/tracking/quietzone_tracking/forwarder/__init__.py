"""The forwarder: a process that sends what edges have spooled to the bus, enriched, in order, exactly as it was accepted."""

from quietzone_tracking.forwarder.forwarder import Forwarder

__all__ = ["Forwarder"]
