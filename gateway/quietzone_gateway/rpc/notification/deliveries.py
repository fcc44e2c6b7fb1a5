"""Deliveries: what is to be sent, what was, and what became of it."""

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from quietzone.notification.v1 import delivery_pb2, delivery_pb2_grpc
from quietzone_gateway.rpc.notification.rules import KINDS_BY_NUMBER, DestinationKind
from quietzone_gateway.rpc.notification.service import Service
from quietzone_kit.rpc import Caller


class DeliveryState(StrEnum):
    """Where a delivery stands; the last three are final until somebody has it sent again."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"
    DROPPED = "dropped"


class RedriveState(StrEnum):
    """Where a redrive stands; the last three are final."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    DEAD = "dead"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Header:
    """One of a request."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to send; fields as in `quietzone.notification.v1.Attempt`, None where that has nothing."""

    at_ms: int
    took_ms: int
    url: str
    status: int | None
    error: str | None
    answer: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message to one destination; fields as in `quietzone.notification.v1.Delivery`, None where that has nothing.

    `body` is None where it isn't told: in lists, and of a mail that asks for a confirmation.
    """

    id: str
    cause: str
    event_id: str
    event_type: str
    kind: DestinationKind
    destination: str
    state: DeliveryState
    tries: int
    max_attempts: int
    max_age_ms: int | None
    created_at_ms: int
    due_at_ms: int | None
    ended_at_ms: int | None
    error: str | None
    content_type: str
    body: bytes | None
    headers: tuple[Header, ...]
    attempts: tuple[Attempt, ...]


@dataclass(frozen=True, slots=True)
class DeliveryPage:
    """Deliveries, newest first; it may have fewer than were asked for, even none, and others after it."""

    items: tuple[Delivery, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """Which deliveries; None doesn't matter. `cause` may be the beginning of one up to a colon; made in [since_ms, until_ms)."""

    destination: str | None = None
    state: DeliveryState | None = None
    cause: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Redrive:
    """How far it is; fields as in `quietzone.notification.v1.Redrive`, None where that has nothing."""

    id: str
    state: RedriveState
    begun: int
    error: str | None
    created_at_ms: int
    finished_at_ms: int | None


_STATES = {state: delivery_pb2.DeliveryState.Value(f"DELIVERY_STATE_{state.name}") for state in DeliveryState}
_STATES_BY_NUMBER = {number: state for state, number in _STATES.items()}
_REDRIVES = {delivery_pb2.RedriveState.Value(f"REDRIVE_STATE_{state.name}"): state for state in RedriveState}


class Deliveries:
    """A client of the service's deliveries; what each call raises stands in `delivery.proto`."""

    def __init__(self, service: Service) -> None:
        self._service = service

    @cached_property
    def _stub(self) -> "delivery_pb2_grpc.DeliveryServiceAsyncStub":
        return delivery_pb2_grpc.DeliveryServiceStub(self._service.channel)

    async def get(self, caller: Caller, delivery_id: str) -> Delivery:
        """One delivery, with its body and its attempts."""
        request = delivery_pb2.GetDeliveryRequest(delivery_id=delivery_id)
        return delivery_of((await self._service.peer.call(self._stub.GetDelivery, request, caller=caller, idempotent=True)).delivery)

    async def page(self, caller: Caller, chosen: DeliveryFilter, *, limit: int, cursor: str | None) -> DeliveryPage:
        """One page of the account's deliveries, without bodies, headers and attempts."""
        request = delivery_pb2.ListDeliveriesRequest(filter=_filter(chosen), page_size=limit, page_token=cursor or "")
        response = await self._service.peer.call(self._stub.ListDeliveries, request, caller=caller, idempotent=True)
        return DeliveryPage(tuple(map(delivery_of, response.deliveries)), response.next_page_token or None)

    async def retry(self, caller: Caller, delivery_id: str) -> Delivery:
        """Have a delivery sent again, now; it comes with its attempts."""
        request = delivery_pb2.RetryDeliveryRequest(delivery_id=delivery_id)
        return delivery_of((await self._service.peer.call(self._stub.RetryDelivery, request, caller=caller)).delivery)

    async def redrive(self, caller: Caller, chosen: DeliveryFilter, *, request_id: str | None) -> Redrive:
        """Have all that fit sent again, in the background; the same `request_id` again tells how far that is."""
        request = delivery_pb2.RedriveDeliveriesRequest(filter=_filter(chosen), request_id=request_id)
        named = request_id is not None
        return _redrive((await self._service.peer.call(self._stub.RedriveDeliveries, request, caller=caller, idempotent=named)).redrive)


def delivery_of(message: delivery_pb2.Delivery) -> Delivery:
    """A delivery as the service tells of it."""
    return Delivery(
        id=message.id,
        cause=message.cause,
        event_id=message.event_id,
        event_type=message.event_type,
        kind=KINDS_BY_NUMBER[message.kind],
        destination=message.destination,
        state=_STATES_BY_NUMBER[message.state],
        tries=message.tries,
        max_attempts=message.max_attempts,
        max_age_ms=message.max_age_ms if message.HasField("max_age_ms") else None,
        created_at_ms=message.created_at_ms,
        due_at_ms=message.due_at_ms if message.HasField("due_at_ms") else None,
        ended_at_ms=message.ended_at_ms if message.HasField("ended_at_ms") else None,
        error=message.error or None,
        content_type=message.content_type,
        body=message.body or None,
        headers=tuple(Header(each.name, each.value) for each in message.headers),
        attempts=tuple(map(_attempt, message.attempts)),
    )


def _attempt(message: delivery_pb2.Attempt) -> Attempt:
    status = message.status if message.HasField("status") else None
    return Attempt(message.at_ms, message.took_ms, message.url, status, message.error or None, message.answer)


def _filter(chosen: DeliveryFilter) -> delivery_pb2.DeliveryFilter:
    return delivery_pb2.DeliveryFilter(
        destination=chosen.destination or "",
        state=delivery_pb2.DELIVERY_STATE_UNSPECIFIED if chosen.state is None else _STATES[chosen.state],
        cause=chosen.cause or "",
        since_ms=chosen.since_ms,
        until_ms=chosen.until_ms,
    )


def _redrive(message: delivery_pb2.Redrive) -> Redrive:
    return Redrive(
        id=message.id,
        state=_REDRIVES[message.state],
        begun=message.begun,
        error=message.error or None,
        created_at_ms=message.created_at_ms,
        finished_at_ms=message.finished_at_ms if message.HasField("finished_at_ms") else None,
    )
