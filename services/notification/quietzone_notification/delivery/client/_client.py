"""Posting to receivers, over connections that are kept for a while."""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass

from quietzone_kit.outside import NoAddress, NotAllowed
from quietzone_kit.runtime import Clock
from quietzone_notification.delivery.client._connect import Connector
from quietzone_notification.delivery.client._wire import Answer, NoAnswer, Wire
from quietzone_notification.delivery.headers import Headers
from quietzone_notification.delivery.reach import Place

TOTAL_S = 15.0
"""For look-up, connection and answer, as Standard Webhooks advises (15 to 30 s): a receiver takes note first and works later."""
MAX_IDLE = 256
"""Kept connections of a process; the one that was used longest ago is closed for a new one."""
MAX_IDLE_OF_ONE = 64


@dataclass(frozen=True, slots=True, repr=False)
class Target:
    """A receiver: `head` is what every request to it begins with. Nobody prints it: it has the account's headers."""

    place: Place
    head: bytes

    @classmethod
    def of(cls, place: Place, headers: Headers) -> "Target":
        """A receiver that is sent these headers; they were checked (`headers_of`)."""
        lines = [f"POST {place.target} HTTP/1.1", f"Host: {place.named}", "User-Agent: Quietzone-Webhooks/1", "Accept: */*"]
        lines += [f"{name}: {value}" for name, value in headers]
        return cls(place, _lines(lines))


class Client:
    """Posts. `total_s` bounds all of a request."""

    def __init__(self, connector: Connector, clock: Clock, *, total_s: float = TOTAL_S) -> None:
        self._connector = connector
        self._clock = clock
        self._total_s = total_s
        self._idle: OrderedDict[tuple[str, str, int], list[tuple[Wire, float]]] = OrderedDict()
        self._count = 0

    async def post(self, target: Target, headers: Headers, body: bytes) -> Answer:
        """Post a body; `headers` are this request's own.

        Raises:
            NoAnswer: there was none in time, or nobody may be asked there: says why.
        """
        request = target.head + _lines([f"{name}: {value}" for name, value in headers]) + b"Content-Length: %d\r\n\r\n" % len(body) + body
        try:
            async with asyncio.timeout(self._total_s):
                return await self._post(target.place, request)
        except TimeoutError as error:
            raise NoAnswer(f"no answer within {self._total_s:g} s") from error
        except (NoAddress, NotAllowed) as error:
            raise NoAnswer(str(error)) from error

    def close(self) -> None:
        """Close what is kept."""
        for wires in self._idle.values():
            for wire, _ in wires:
                wire.close()
        self._idle.clear()
        self._count = 0

    async def _post(self, place: Place, request: bytes) -> Answer:
        kept = self._kept(place)
        if kept is not None:
            try:
                return await self._ask(place, *kept, request)
            except NoAnswer as error:
                if not error.is_unsent:
                    raise  # else its end and our request have crossed: the receiver knows the id, if it has seen it after all
        wire, until_s = await self._connector.connect(place)
        return await self._ask(place, wire, until_s, request)

    async def _ask(self, place: Place, wire: Wire, until_s: float, request: bytes) -> Answer:
        try:
            answer = await wire.ask(request)
        except BaseException:
            wire.close()
            raise
        self._keep(place, wire, until_s)
        return answer

    def _kept(self, place: Place) -> tuple[Wire, float] | None:
        """A connection that is free, the one that was used last: those before it have a chance to be closed."""
        key = (place.scheme, place.host, place.port)
        wires = self._idle.get(key)
        now_s = self._clock.monotonic()
        while wires:
            wire, until_s = wires.pop()
            self._count -= 1
            if not wires:
                del self._idle[key]
            if wire.is_free and now_s < until_s:
                return wire, until_s
            wire.close()
        return None

    def _keep(self, place: Place, wire: Wire, until_s: float) -> None:
        if not wire.is_free or self._clock.monotonic() >= until_s:
            wire.close()
            return
        key = (place.scheme, place.host, place.port)
        wires = self._idle.setdefault(key, [])
        self._idle.move_to_end(key)
        wires.append((wire, until_s))
        self._count += 1
        if len(wires) > MAX_IDLE_OF_ONE:
            self._close_oldest(key)
        elif self._count > MAX_IDLE:
            self._close_oldest(next(iter(self._idle)))

    def _close_oldest(self, key: tuple[str, str, int]) -> None:
        wires = self._idle[key]
        wires.pop(0)[0].close()
        self._count -= 1
        if not wires:
            del self._idle[key]


def _lines(lines: list[str]) -> bytes:
    """Lines of a head. What could end one doesn't come this far; if it does, nothing is sent.

    Raises:
        NoAnswer: one of them has a line's end, or isn't ASCII.
    """
    text = "".join(f"{line}\r\n" for line in lines)
    if text.count("\r") != len(lines) or text.count("\n") != len(lines) or "\0" in text or not text.isascii():
        raise NoAnswer("a header that would have ended its line; nothing was sent")
    return text.encode()
