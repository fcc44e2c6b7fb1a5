"""What other parts are told of destinations: topic `qr.destination.v1`."""

from collections.abc import Mapping

from quietzone.qr.v1 import health_pb2
from quietzone_kit.events import Event
from quietzone_kit.telemetry import traceparent
from quietzone_qr.codes.events import SOURCE
from quietzone_qr.health.domain import Health, State
from quietzone_topics import TYPE_QR_DESTINATION

STATES: Mapping[State, "health_pb2.DestinationState.ValueType"] = {
    State.UNKNOWN: health_pb2.DESTINATION_STATE_UNKNOWN,
    State.ALIVE: health_pb2.DESTINATION_STATE_ALIVE,
    State.DEAD: health_pb2.DESTINATION_STATE_DEAD,
}


def destination_event(before: Health, after: Health, at_ms: int) -> Event:
    """The event of a change of state at `at_ms`. Its id follows from code and revision: sent twice it is the same."""
    told = health_pb2.DestinationChanged(
        account_id=after.account_id,
        code_id=after.code_id,
        slug=after.slug,
        destination=after.destination,
        before=STATES[before.state],
        after=STATES[after.state],
        reason=after.reason,
        failures=after.failures,
        checked_at_ms=after.checked_at_ms or 0,
        revision=after.revision,
    )
    return Event(
        id=f"{after.code_id}.destination.{after.revision}",
        source=SOURCE,
        type=TYPE_QR_DESTINATION,
        subject=after.code_id,
        time_ms=at_ms,
        data=told.SerializeToString(),
        traceparent=traceparent(),
    )


def to_message(health: Health) -> health_pb2.DestinationHealth:
    """The health as its owner sees it."""
    return health_pb2.DestinationHealth(
        code_id=health.code_id,
        destination=health.destination,
        state=STATES[health.state],
        reason=health.reason,
        failures=health.failures,
        checked_at_ms=health.checked_at_ms,
        next_check_at_ms=health.next_check_at_ms,
    )
