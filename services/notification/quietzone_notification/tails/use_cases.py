"""Watching a bus live."""

import asyncio
from collections.abc import AsyncGenerator

from quietzone_kit.errors import FieldViolation, InvalidInput, NotFound
from quietzone_notification.buses.repository import Buses
from quietzone_notification.buses.use_cases import has_bus
from quietzone_notification.events.domain import DEFAULT_BUS
from quietzone_notification.metrics import TAIL_MISSED, TAIL_TOLD
from quietzone_notification.patterns import InvalidPattern, Pattern, compile_pattern
from quietzone_notification.tails.domain import Missed, Tail, Told
from quietzone_notification.tails.follow import Watch


class TailDesk:
    """Lets accounts watch their buses."""

    def __init__(self, watch: Watch, buses: Buses) -> None:
        self._watch = watch
        self._buses = buses

    async def tail(self, account_id: str, bus: str, pattern: str | None) -> AsyncGenerator[Told | None, None]:
        """What comes to a bus from now on, and matches the pattern if there is one; first None, once all is heard. Close it.

        An empty `bus` means the account's default. It ends by itself when the process does.

        Raises:
            InvalidInput: the pattern can't be read: with path and reason.
            NotFound: this account has no such bus.
            ResourceExhausted: the account, or everybody together, has all the tails that there may be.
            Unavailable: store or bus don't answer, or the process ends.
        """
        compiled, name = _compiled(pattern), bus or DEFAULT_BUS
        if not await has_bus(self._buses, account_id, name):
            raise NotFound(f"no bus {name!r:.110}")
        signal = asyncio.Event()
        tail = Tail(account_id, name, compiled, signal.set)
        with self._watch.entered(tail):
            await self._watch.begun()
            yield None
            while True:
                signal.clear()
                while (told := tail.take()) is not None:
                    _count(told)
                    yield told
                if self._watch.is_stopping:
                    return
                await signal.wait()


def _compiled(pattern: str | None) -> Pattern | None:
    if pattern is None:
        return None
    try:
        return compile_pattern(pattern)
    except InvalidPattern as error:
        raise InvalidInput(FieldViolation("pattern", str(error))) from error


def _count(told: Told) -> None:
    if isinstance(told, Missed):
        TAIL_MISSED.inc(told.count or 0)
    else:
        TAIL_TOLD.inc()
