"""Events out: what accounts have put (topic `notification.event.v1`)."""

from quietzone.notification.v1 import event_pb2
from quietzone_kit import events as kit
from quietzone_kit.ids import derived_id
from quietzone_kit.telemetry import traceparent
from quietzone_notification.events.domain import Event
from quietzone_topics import TYPE_NOTIFICATION_EVENT

SOURCE = "/quietzone/notification"


def put_event(event: Event, at_ms: int) -> kit.Event:
    """An event that was put at a moment, as the bus takes it."""
    message = event_pb2.EventPut(
        id=event.id,
        account_id=event.account_id,
        bus=event.bus,
        source=event.source,
        detail_type=event.detail_type,
        time_ms=event.time_ms,
        resources=event.resources,
        detail=event.detail,
    )
    return kit.Event(
        id=event.id,
        source=SOURCE,
        type=TYPE_NOTIFICATION_EVENT,
        subject=key_of(event),
        time_ms=at_ms,
        data=message.SerializeToString(),
        traceparent=traceparent(),
    )


def event_in(data: bytes) -> Event:
    """The event that was put; raises DecodeError."""
    put = event_pb2.EventPut.FromString(data)
    return Event(put.id, put.account_id, put.bus, put.source, put.detail_type, put.time_ms, tuple(put.resources), put.detail)


def key_of(event: Event) -> str:
    """What holds the order of events: what a source tells of a thing stays in the order in which it was put."""
    return f"{event.account_id}/{derived_id('order', event.bus, event.source, *event.resources[:1])}"
