"""Live updates as a stream that goes on after it broke off. Written once, for both transports."""

import json
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, TypeVar

from quietzone_client._calls import Calls
from quietzone_client._errors import Disconnected, NoAnswer, Problem, QuietzoneError, UnexpectedAnswer
from quietzone_client._models import Json
from quietzone_client._requests import Request
from quietzone_client._retries import is_passing
from quietzone_client._runtime import Runtime
from quietzone_client._sse import Block, Blocks
from quietzone_client._told import Notice, Told, Watch, told_of
from quietzone_client._transports import Arriving

SILENCE_S = 45.0
"""The server says something every 15 s: who hears nothing for three times that is talking to nobody."""

EXPIRED = "expired"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reconnects:
    """How often a live connection is opened again after it broke off, and how long before each: 1 s, doubling, a half of it by chance.

    Whoever was let in again begins to count anew. Where the server says when to come back, that is when.
    """

    times: int = 5
    first_wait_s: float = 1.0
    longest_wait_s: float = 30.0


class Returns:
    """The times that a connection was tried to be opened since it was last open."""

    def __init__(self, reconnects: Reconnects, runtime: Runtime, *, can_renew: bool) -> None:
        self._reconnects = reconnects
        self._runtime = runtime
        self._can_renew = can_renew
        self._tried = 0

    def begin_anew(self) -> None:
        """It is open."""
        self._tried = 0

    def wait_s(self, error: QuietzoneError) -> float:
        """Seconds until it is tried again after `error`; raises the error when it isn't."""
        renewed = isinstance(error, Disconnected) and error.reason == EXPIRED and self._can_renew
        if self._tried >= self._reconnects.times or not (is_passing(error) or renewed):
            raise error
        limit = min(self._reconnects.longest_wait_s, self._reconnects.first_wait_s * 2**self._tried)
        self._tried += 1
        asked = error.retry_after_s if isinstance(error, Problem) else None
        return max(self._runtime.uniform(limit / 2, limit), asked or 0.0)


class Place:
    """Where a stream is."""

    def __init__(self, cursor: str | None) -> None:
        self.cursor = cursor
        self._after_s: float | None = None

    def come_back(self, after_s: float) -> None:
        """The server wants its reader back then."""
        self._after_s = after_s

    def left(self) -> float:
        """When to come back to a stream that has ended; raises NoAnswer when nobody said."""
        wait_s, self._after_s = self._after_s, None
        if wait_s is None:
            raise NoAnswer("the stream ended without a word", sent=True)
        return wait_s


def stream(calls: Calls, watch: Watch, reconnects: Reconnects) -> AsyncGenerator[Told, None]:
    """What happens, from the watch's cursor or from now on, until the reader has enough.

    Raises:
        Disconnected: the server sent the reader away for good.
        QuietzoneError: it can't be opened (again).
    """
    place, returns = Place(watch.cursor), Returns(reconnects, calls.runtime, can_renew=calls.can_renew)
    return going_on(calls, lambda: _request(watch, place.cursor), lambda answer: _told(answer, place, returns), place, returns)


async def going_on(
    calls: Calls,
    request: Callable[[], Request],
    read: Callable[[Arriving], AsyncGenerator[T, None]],
    place: Place,
    returns: Returns,
) -> AsyncGenerator[T, None]:
    """What is read from one answer after the other: when one breaks off, or sends its reader away, `request` asks for the next."""
    while True:
        try:
            async with calls.arriving(request()) as answer, aclosing(read(answer)) as events:
                async for event in events:
                    yield event
            wait_s = place.left()
        except QuietzoneError as error:
            wait_s = returns.wait_s(error)
        await calls.transport.sleep(wait_s)


async def _told(answer: Arriving, place: Place, returns: Returns) -> AsyncGenerator[Told, None]:
    blocks = Blocks(place.cursor or "")
    async with aclosing(answer.parts()) as parts:
        async for part in parts:
            for block in blocks.feed(part):
                place.cursor = block.last_id or place.cursor
                if not block.data:
                    continue
                match block.event:
                    case "ready":
                        returns.begin_anew()
                    case "reconnect":
                        place.come_back(after_s(object_in(block.data)))
                        return
                    case "bye":
                        raise Disconnected(str(object_in(block.data).get("reason", "")))
                    case _:
                        yield _read(block)


def after_s(said: Json) -> float:
    """When the server wants its reader back."""
    after_ms = said.get("after_ms")
    return after_ms / 1000 if isinstance(after_ms, int | float) and 0 <= after_ms < 3_600_000 else 1.0


def object_in(text: str) -> dict[str, Any]:
    """A JSON object; raises UnexpectedAnswer."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UnexpectedAnswer(f"live updates that aren't JSON: {text[:80]!r}") from error
    if not isinstance(found, dict):
        raise UnexpectedAnswer(f"live updates that aren't the API's: {text[:80]!r}")
    return found


def _read(block: Block) -> Told:
    item = object_in(block.data)
    try:
        return Notice(item["text"]) if block.event == "notice" else told_of(item, block.last_id)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnexpectedAnswer(f"an event that lacks what the API sends ({error!r}): {block.data[:80]!r}") from error


def _request(watch: Watch, cursor: str | None) -> Request:
    headers = {"accept": "text/event-stream"} | ({} if cursor is None else {"last-event-id": cursor})
    return Request("GET", "/v1/stream", watch.query(), headers, read_s=SILENCE_S)
