"""Events that are put on buses, and patterns that are tried."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from quietzone.notification.v1 import event_service_pb2, event_service_pb2_grpc
from quietzone_gateway.rpc.notification.service import Service
from quietzone_kit.rpc import Caller


@dataclass(frozen=True, slots=True)
class Entry:
    """An event that is to be put; fields as in `quietzone.notification.v1.EventEntry`, `detail` is JSON."""

    source: str
    detail_type: str
    detail: str
    resources: tuple[str, ...]
    bus: str
    time_ms: int | None
    id: str | None


@dataclass(frozen=True, slots=True)
class PutResult:
    """What became of one entry: its event's id, or why it wasn't taken."""

    event_id: str | None
    error_code: str | None
    error_message: str | None


@dataclass(frozen=True, slots=True)
class PathMatch:
    """A path that a pattern looks at; `wanted` and `found` are JSON, `more` counts values besides those found."""

    path: str
    wanted: tuple[str, ...]
    found: tuple[str, ...]
    more: int
    matched: bool


@dataclass(frozen=True, slots=True)
class Alternative:
    """One way to match; `apart`: each path fits, but only in different elements of an array."""

    matched: bool
    apart: bool
    paths: tuple[PathMatch, ...]


@dataclass(frozen=True, slots=True)
class Tried:
    """Whether an event matches a pattern, and why."""

    matches: bool
    explanation: str
    alternatives: tuple[Alternative, ...]


@dataclass(frozen=True, slots=True)
class MissedEvents:
    """Events that a tail can't tell any more: how many; None: nobody knows whether there were any."""

    count: int | None


Tailed: TypeAlias = str | MissedEvents
"""An event as JSON, or that some were missed."""


class Events:
    """A client of the service's events; what each call raises stands in `event_service.proto`."""

    def __init__(self, service: Service) -> None:
        self._service = service

    @cached_property
    def _stub(self) -> "event_service_pb2_grpc.EventServiceAsyncStub":
        return event_service_pb2_grpc.EventServiceStub(self._service.channel)

    async def put(self, caller: Caller, entries: Sequence[Entry]) -> tuple[PutResult, ...]:
        """What became of each."""
        request = event_service_pb2.PutEventsRequest(entries=map(_entry, entries))
        named = all(entry.id is not None for entry in entries)
        response = await self._service.peer.call(self._stub.PutEvents, request, caller=caller, idempotent=named)
        return tuple(PutResult(each.event_id or None, each.error_code or None, each.error_message or None) for each in response.results)

    async def try_pattern(self, caller: Caller, pattern: str, event: str) -> Tried:
        """Whether it matches; both are JSON."""
        request = event_service_pb2.TestEventPatternRequest(pattern=pattern, event=event)
        response = await self._service.peer.call(self._stub.TestEventPattern, request, caller=caller, idempotent=True)
        return Tried(response.matches, response.explanation, tuple(map(_alternative, response.alternatives)))

    async def tail(self, caller: Caller, bus: str, pattern: str | None) -> AsyncGenerator[Tailed | None, None]:
        """What comes to a bus from now on; first None, once all is heard. An empty `bus` is the default. Close it."""
        request = event_service_pb2.TailEventsRequest(bus=bus, pattern=pattern)
        async with aclosing(self._service.peer.stream(self._stub.TailEvents, request, caller=caller)) as told:
            async for response in told:
                match response.WhichOneof("told"):
                    case "event":
                        yield response.event
                    case "missed":
                        yield MissedEvents(response.missed.count if response.missed.HasField("count") else None)
                    case _:
                        yield None


def _entry(entry: Entry) -> event_service_pb2.EventEntry:
    return event_service_pb2.EventEntry(
        source=entry.source,
        detail_type=entry.detail_type,
        detail=entry.detail,
        resources=entry.resources,
        bus=entry.bus,
        time_ms=entry.time_ms,
        id=entry.id,
    )


def _alternative(message: event_service_pb2.PatternAlternative) -> Alternative:
    return Alternative(
        message.matched,
        message.apart,
        tuple(PathMatch(each.path, tuple(each.wanted), tuple(each.found), each.more, each.matched) for each in message.paths),
    )
