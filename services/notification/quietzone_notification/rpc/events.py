"""EventService: messages to use cases and back."""

# ruff: noqa: N802, ARG002 - the contract names the methods, gRPC their parameters

from collections.abc import AsyncGenerator
from contextlib import aclosing

from quietzone.notification.v1 import event_service_pb2, event_service_pb2_grpc
from quietzone_notification.events.domain import Entry
from quietzone_notification.events.use_cases import EventDesk, try_pattern
from quietzone_notification.patterns import Alternative
from quietzone_notification.rpc.callers import account
from quietzone_notification.tails.domain import Missed, Told
from quietzone_notification.tails.use_cases import TailDesk


class EventService(event_service_pb2_grpc.EventServiceServicer):
    """The errors of each method stand in the contract."""

    def __init__(self, desk: EventDesk, tails: TailDesk) -> None:
        self._desk = desk
        self._tails = tails

    async def PutEvents(self, request: event_service_pb2.PutEventsRequest, context: object) -> event_service_pb2.PutEventsResponse:
        """See the contract."""
        results = await self._desk.put(account(), [_entry(entry) for entry in request.entries])
        return event_service_pb2.PutEventsResponse(
            failed_entry_count=sum(1 for result in results if result.error_code),
            results=[
                event_service_pb2.PutEventsResult(
                    event_id=result.event_id, error_code=result.error_code, error_message=result.error_message
                )
                for result in results
            ],
        )

    async def TestEventPattern(
        self, request: event_service_pb2.TestEventPatternRequest, context: object
    ) -> event_service_pb2.TestEventPatternResponse:
        """See the contract."""
        account()
        told = try_pattern(request.pattern, request.event)
        return event_service_pb2.TestEventPatternResponse(
            matches=told.matched, explanation=str(told), alternatives=map(_alternative, told.alternatives)
        )

    async def TailEvents(
        self, request: event_service_pb2.TailEventsRequest, context: object
    ) -> AsyncGenerator[event_service_pb2.TailEventsResponse, None]:
        """See the contract."""
        pattern = request.pattern if request.HasField("pattern") else None
        async with aclosing(self._tails.tail(account(), request.bus, pattern)) as tail:
            async for told in tail:
                yield _told(told)


def _entry(entry: event_service_pb2.EventEntry) -> Entry:
    return Entry(
        source=entry.source,
        detail_type=entry.detail_type,
        detail=entry.detail,
        resources=tuple(entry.resources),
        bus=entry.bus,
        time_ms=entry.time_ms if entry.HasField("time_ms") else None,
        id=entry.id if entry.HasField("id") else None,
    )


def _told(told: Told | None) -> event_service_pb2.TailEventsResponse:
    match told:
        case Missed(count=count):
            return event_service_pb2.TailEventsResponse(missed=event_service_pb2.MissedEvents(count=count))
        case str():
            return event_service_pb2.TailEventsResponse(event=told)
        case _:
            return event_service_pb2.TailEventsResponse()


def _alternative(told: Alternative) -> event_service_pb2.PatternAlternative:
    paths = [
        event_service_pb2.PathMatch(path=path.path, wanted=path.wanted, found=path.found, more=path.more, matched=path.matched)
        for path in told.paths
    ]
    return event_service_pb2.PatternAlternative(matched=told.matched, apart=told.apart, paths=paths)
