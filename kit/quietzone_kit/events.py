"""Events: CloudEvents 1.0 in binary mode (https://github.com/cloudevents/spec, Kafka protocol binding), protobuf values."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from quietzone_kit.bus import Headers, Message, Record

CONTENT_TYPE = b"application/protobuf"
TRACEPARENT = "traceparent"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class NotAnEvent(ValueError):
    """A record without the headers of an event: names what is missing."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event: `data` is a serialised protobuf message, `type` says which, `subject` is the aggregate's id and the record's key."""

    id: str
    source: str
    type: str
    subject: str
    time_ms: int
    data: bytes
    traceparent: str | None = None

    def to_message(self, topic: str, *, partition: int | None = None) -> Message:
        """The event as it is published."""
        headers: list[tuple[str, bytes]] = [
            ("ce_specversion", b"1.0"),
            ("ce_id", self.id.encode()),
            ("ce_source", self.source.encode()),
            ("ce_type", self.type.encode()),
            ("ce_subject", self.subject.encode()),
            ("ce_time", _rfc3339(self.time_ms).encode()),
            ("content-type", CONTENT_TYPE),
        ]
        if self.traceparent is not None:
            headers.append((TRACEPARENT, self.traceparent.encode()))
        return Message(topic, self.subject, self.data, tuple(headers), partition)


def with_traces(message: Message, traces: Sequence[str]) -> Message:
    """The message with one header `traceparent` more for each of these contexts: a batch carries on several traces."""
    return replace(message, headers=(*message.headers, *((TRACEPARENT, context.encode()) for context in traces))) if traces else message


def traces_of(records: Sequence[Record]) -> list[str]:
    """The contexts that records brought, in their order."""
    return [value.decode("latin-1") for record in records for name, value in record.headers if name == TRACEPARENT]


def event_type(headers: Headers) -> str:
    """The CloudEvents type in a record's headers.

    Raises:
        NotAnEvent: there is none.
    """
    for name, value in headers:
        if name == "ce_type":
            return value.decode("utf-8", "replace")
    raise NotAnEvent("the record has no header ce_type")


def event_of(record: Record) -> Event:
    """The event in a record.

    Raises:
        NotAnEvent: a header that CloudEvents demands is missing or malformed.
    """
    headers = {name: value.decode("utf-8", "replace") for name, value in record.headers}
    missing = [name for name in ("ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time") if name not in headers]
    if missing:
        raise NotAnEvent(f"the record has no header {', '.join(missing)}")
    if headers["ce_specversion"] != "1.0":
        raise NotAnEvent(f"the event is of CloudEvents {headers['ce_specversion']}, this reader knows 1.0")
    return Event(
        id=headers["ce_id"],
        source=headers["ce_source"],
        type=headers["ce_type"],
        subject=headers.get("ce_subject", record.key),
        time_ms=_from_rfc3339(headers["ce_time"]),
        data=record.value,
        traceparent=headers.get(TRACEPARENT),
    )


def _rfc3339(time_ms: int) -> str:
    moment = datetime.fromtimestamp(time_ms // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{time_ms % 1000:03d}Z"


def _from_rfc3339(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise NotAnEvent(f"ce_time {text!r} is not a time as RFC 3339 has it") from error
    if moment.tzinfo is None:
        raise NotAnEvent(f"ce_time {text!r} has no zone, as RFC 3339 demands")
    return (moment - _EPOCH) // timedelta(milliseconds=1)
