"""DeliveryService: messages to use cases and back."""

# ruff: noqa: N802, ARG002 - the contract names the methods, gRPC their parameters

import re
from collections.abc import Mapping

from quietzone.notification.v1 import delivery_pb2, delivery_pb2_grpc
from quietzone_kit.documents import InvalidCursor
from quietzone_kit.errors import FieldViolation, InvalidInput, Violations
from quietzone_kit.tasks import State as TaskState
from quietzone_kit.tasks import Task
from quietzone_notification.delivery.deliveries.repository import Wanted
from quietzone_notification.delivery.deliveries.use_cases import DeliveryDesk
from quietzone_notification.delivery.domain import Attempt, Delivery, State
from quietzone_notification.rpc.callers import account
from quietzone_notification.rules.domain import Kind
from quietzone_notification.rules.events import KINDS

DEFAULT_PAGE, MAX_PAGE = 50, 100  # the store reads bodies too, of up to 300 kB
MAX_REQUEST_ID = 128

_SHORT = re.compile(r"[!-~]{0,300}")
"""What destinations and causes consist of."""

_STATES: Mapping[State, "delivery_pb2.DeliveryState.ValueType"] = {
    State.PENDING: delivery_pb2.DELIVERY_STATE_PENDING,
    State.DELIVERED: delivery_pb2.DELIVERY_STATE_DELIVERED,
    State.DEAD: delivery_pb2.DELIVERY_STATE_DEAD,
    State.DROPPED: delivery_pb2.DELIVERY_STATE_DROPPED,
}
_STATE_OF: Mapping[int, State | None] = {0: None, **{number: state for state, number in _STATES.items()}}
_REDRIVES = {state: delivery_pb2.RedriveState.Value(f"REDRIVE_STATE_{state.name}") for state in TaskState}


class DeliveryService(delivery_pb2_grpc.DeliveryServiceServicer):
    """The errors of each method stand in the contract."""

    def __init__(self, desk: DeliveryDesk) -> None:
        self._desk = desk

    async def GetDelivery(self, request: delivery_pb2.GetDeliveryRequest, context: object) -> delivery_pb2.GetDeliveryResponse:
        """See the contract."""
        delivery = await self._desk.get(account(), request.delivery_id)
        message = with_attempts(delivery)
        if not delivery.is_asking:  # else it holds a token that only whoever gets the mail may see
            message.body = delivery.body
            message.headers.extend(delivery_pb2.Header(name=name, value=value) for name, value in delivery.headers)
        return delivery_pb2.GetDeliveryResponse(delivery=message)

    async def ListDeliveries(self, request: delivery_pb2.ListDeliveriesRequest, context: object) -> delivery_pb2.ListDeliveriesResponse:
        """See the contract."""
        account_id, violations = account(), Violations()
        wanted = _wanted(request.filter, violations)
        if not 0 <= request.page_size <= MAX_PAGE:
            violations.add("page_size", f"use 1 to {MAX_PAGE}, or 0 for {DEFAULT_PAGE}")
        violations.check()
        try:
            page = await self._desk.listed(account_id, wanted, limit=request.page_size or DEFAULT_PAGE, after=request.page_token or None)
        except InvalidCursor as error:
            reason = "not a token that a page of this list gave; leave it out to begin anew"
            raise InvalidInput(FieldViolation("page_token", reason)) from error
        return delivery_pb2.ListDeliveriesResponse(deliveries=map(_message, page.deliveries), next_page_token=page.next_token or "")

    async def RetryDelivery(self, request: delivery_pb2.RetryDeliveryRequest, context: object) -> delivery_pb2.RetryDeliveryResponse:
        """See the contract."""
        return delivery_pb2.RetryDeliveryResponse(delivery=with_attempts(await self._desk.retry(account(), request.delivery_id)))

    async def RedriveDeliveries(
        self, request: delivery_pb2.RedriveDeliveriesRequest, context: object
    ) -> delivery_pb2.RedriveDeliveriesResponse:
        """See the contract."""
        account_id, violations = account(), Violations()
        wanted = _wanted(request.filter, violations)
        if wanted.state in (None, State.PENDING):
            violations.add("filter.state", "use DELIVERED, DEAD or DROPPED")
        request_id = request.request_id if request.HasField("request_id") else None
        if request_id is not None and not (1 <= len(request_id) <= MAX_REQUEST_ID and request_id.isprintable()):
            violations.add("request_id", f"1 to {MAX_REQUEST_ID} printable characters")
        violations.check()
        task = await self._desk.redrive(account_id, wanted, request_id=request_id)
        return delivery_pb2.RedriveDeliveriesResponse(redrive=_redrive(task))


def with_attempts(delivery: Delivery) -> delivery_pb2.Delivery:
    """A delivery with its log, without its body."""
    message = _message(delivery)
    message.attempts.extend(map(_attempt, delivery.attempts))
    return message


def _message(delivery: Delivery) -> delivery_pb2.Delivery:
    return delivery_pb2.Delivery(
        id=delivery.delivery_id,
        cause=delivery.cause,
        event_id=delivery.event_id,
        event_type=delivery.event_type,
        kind=KINDS[Kind(delivery.kind)],
        destination=delivery.destination,
        state=_STATES[delivery.state],
        tries=delivery.tries,
        max_attempts=delivery.max_attempts,
        max_age_ms=delivery.max_age_ms,
        created_at_ms=delivery.created_ms,
        due_at_ms=delivery.due_ms,
        ended_at_ms=delivery.ended_ms,
        error=delivery.error or "",
        content_type=delivery.content_type,
    )


def _attempt(attempt: Attempt) -> delivery_pb2.Attempt:
    return delivery_pb2.Attempt(
        at_ms=attempt.at_ms,
        took_ms=attempt.took_ms,
        url=attempt.url,
        status=attempt.status,
        error=attempt.error or "",
        answer=attempt.answer,
    )


def _wanted(given: delivery_pb2.DeliveryFilter, violations: Violations) -> Wanted:
    """What a filter means, and what is wrong with it."""
    if given.state not in _STATE_OF:
        violations.add("filter.state", "use PENDING, DELIVERED, DEAD or DROPPED")
    for name, text in (("destination", given.destination), ("cause", given.cause)):
        if not _SHORT.fullmatch(text):
            violations.add(f"filter.{name}", "at most 300 characters of ASCII without spaces")
    return Wanted(
        destination=given.destination or None,
        state=_STATE_OF.get(given.state),
        cause=given.cause or None,
        since_ms=given.since_ms if given.HasField("since_ms") else None,
        until_ms=given.until_ms if given.HasField("until_ms") else None,
    )


def _redrive(task: Task) -> delivery_pb2.Redrive:
    return delivery_pb2.Redrive(
        id=task.task_id,
        state=_REDRIVES[task.state],
        begun=task.progress.done,
        error=task.error or "",
        created_at_ms=task.created_at_ms,
        finished_at_ms=task.finished_at_ms,
    )
