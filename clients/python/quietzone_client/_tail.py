"""Watching a bus of events live. Written once, for both transports."""

import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from quietzone_client._calls import Calls
from quietzone_client._errors import Disconnected, UnexpectedAnswer
from quietzone_client._models import Json, moment
from quietzone_client._requests import Request
from quietzone_client._sse import Block, Blocks
from quietzone_client._stream import SILENCE_S, Place, Reconnects, Returns, after_s, going_on, object_in
from quietzone_client._told import Notice
from quietzone_client._transports import Arriving


@dataclass(frozen=True, slots=True)
class BusEvent:
    """An event that came to a bus, as rules see it.

    Attributes:
        id: Of the event: the same id twice is the same event.
        source: Who told it.
        detail_type: What kind of event it is.
        at: When it happened.
        resources: What it is about.
        detail: What it tells.
        text: All of it as JSON, on one line, every number with its digits.
    """

    id: str
    source: str
    detail_type: str
    at: datetime
    resources: tuple[str, ...]
    detail: Mapping[str, Any]
    text: str


@dataclass(frozen=True, slots=True)
class Missed:
    """Events that came faster than they were read, and can't be told any more; `count` is None when nobody knows how many, if any."""

    count: int | None


@dataclass(frozen=True, slots=True)
class TailBegun:
    """What happens from now on is told. The second time in one tail it had broken off: what happened meanwhile isn't told."""


TailTold: TypeAlias = BusEvent | Missed | TailBegun | Notice


def tail(calls: Calls, bus: str, pattern: Mapping[str, Any] | str | None, reconnects: Reconnects) -> AsyncGenerator[TailTold, None]:
    """What comes to a bus from now on, until the reader has enough.

    Raises:
        Disconnected: the server sent the reader away for good.
        QuietzoneError: it can't be begun (again).
    """
    query = {"bus": bus}
    if pattern is not None:
        query["pattern"] = pattern if isinstance(pattern, str) else json.dumps(pattern, ensure_ascii=False, separators=(",", ":"))
    request = Request("GET", "/v1/events/tail", query, {"accept": "text/event-stream"}, read_s=SILENCE_S)
    place, returns = Place(None), Returns(reconnects, calls.runtime, can_renew=calls.can_renew)
    return going_on(calls, lambda: request, lambda answer: _told(answer, place, returns), place, returns)


async def _told(answer: Arriving, place: Place, returns: Returns) -> AsyncGenerator[TailTold, None]:
    blocks = Blocks()
    async with aclosing(answer.parts()) as parts:
        async for part in parts:
            for block in blocks.feed(part):
                if not block.data:
                    continue
                match block.event:
                    case "ready":
                        returns.begin_anew()
                        yield TailBegun()
                    case "reconnect":
                        place.come_back(after_s(object_in(block.data)))
                        return
                    case "bye":
                        raise Disconnected(str(object_in(block.data).get("reason", "")))
                    case _:
                        if (told := _read(block)) is not None:
                            yield told


def _read(block: Block) -> TailTold | None:
    """What a block tells; None for what only newer releases know."""
    item = object_in(block.data)
    try:
        match block.event:
            case "event":
                return _event_of(item, block.data)
            case "missed":
                return Missed(item.get("count"))
            case "notice":
                return Notice(item["text"])
            case _:
                return None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnexpectedAnswer(f"an event that lacks what the API sends ({error!r}): {block.data[:80]!r}") from error


def _event_of(item: Json, text: str) -> BusEvent:
    at = moment(item["time"])
    return BusEvent(item["id"], item["source"], item["detail-type"], at, tuple(item["resources"]), item["detail"], text)
