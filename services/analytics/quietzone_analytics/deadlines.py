"""How long the store and the bus may take; later is as good as not there, and the caller tries again."""

from contextlib import AbstractAsyncContextManager

from quietzone_kit.bus import BusUnavailable
from quietzone_kit.deadlines import deadline
from quietzone_kit.documents import DocumentsUnavailable

STORE_S = 10.0  # a bulk of a slice takes 50 ms here; a store that elects a new primary is back within 10 s
BUS_S = 30.0  # a broker that fails over: what Kafka's producers wait by default for one request


def store_answers() -> AbstractAsyncContextManager[None]:
    """The block under the store's deadline; raises DocumentsUnavailable when it passes."""
    return deadline(STORE_S, DocumentsUnavailable, f"the store gave no answer within {STORE_S:g} s")


def bus_answers() -> AbstractAsyncContextManager[None]:
    """The block under the bus's deadline; raises BusUnavailable when it passes."""
    return deadline(BUS_S, BusUnavailable, f"the bus gave no answer within {BUS_S:g} s")
