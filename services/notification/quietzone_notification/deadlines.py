"""How long the store and the bus may take; later is as good as not there, and the caller tries again."""

from contextlib import AbstractAsyncContextManager

from quietzone_kit.bus import BusUnavailable
from quietzone_kit.deadlines import deadline
from quietzone_kit.documents import DocumentsUnavailable
from quietzone_kit.errors import Unavailable

STORE_S = 5.0  # a page of 1,000 rules takes 50 ms here, a bulk of 1,000 deliveries 100
BUS_S = 4.0  # a broker whose leader changes needs 3 s; callers wait 5, and are to hear from us that the bus is away


def store_answers() -> AbstractAsyncContextManager[None]:
    """The block under the store's deadline.

    Raises:
        Unavailable: it passed, or the store can't be reached.
    """
    return deadline(STORE_S, Unavailable, "notification's store doesn't answer; try again", away=(DocumentsUnavailable,))


def bus_answers() -> AbstractAsyncContextManager[None]:
    """The block under the bus's deadline.

    Raises:
        Unavailable: it passed, or the bus can't be reached.
    """
    return deadline(BUS_S, Unavailable, "the event bus doesn't answer; try again", away=(BusUnavailable,))
