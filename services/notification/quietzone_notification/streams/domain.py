"""Streams: an account's own topics on the bus, and what a delivery is there. Pure."""

import re
from dataclasses import dataclass

from quietzone_notification.delivery.domain import OF_RULES, Delivery
from quietzone_notification.events.domain import rfc3339

MAX_STREAMS = 100
"""Of an account. Each partition costs every broker that has it open files and memory, and nobody may take them all: brokers are good
for some 4,000 partitions each, so that a cluster of three has room for 40 accounts that use all of theirs. A name stays taken, since the
topic stays: who took it away could take away what somebody hasn't read."""
PARTITIONS = 3
"""Of each: as many readers can share the work, and one lane sends no more than what one partition takes. It can't change afterwards."""
RETENTION_MS = 7 * 86_400_000
"""As long as ended deliveries are kept by default: what a reader missed for longer can't be sent again either."""

KEY_HEADER = "x-key"
"""The header of a delivery that says by which key its record is known; without it that is the event's id."""

SOURCE = "/quietzone/notification"

_KEY = re.compile(r"[!-~]{1,300}")
DLQ = "dlq_"
"""What headers of dead letters begin with."""

Headers = tuple[tuple[str, bytes], ...]


class NoRoom(Exception):
    """The account has as many streams as it may."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no topic {name}: the account writes to {MAX_STREAMS} already, which is the most; name one of these")


@dataclass(frozen=True, slots=True)
class Stream:
    """A topic of an account on the bus, by its whole name; `slot` is its place among those of the account, from 0."""

    stream_id: str
    account_id: str
    created_at_ms: int
    slot: int


def is_of(account_id: str, name: str) -> bool:
    """Whether a topic is one of this account's."""
    return name.startswith(f"out.{account_id}.") and "." not in name.removeprefix(f"out.{account_id}.")


def key_from(text: str) -> str | None:
    """What a text can be as a key; None when it can't be one."""
    return text if _KEY.fullmatch(text) else None


def key_of(delivery: Delivery) -> str:
    """The key of a delivery's record."""
    return next((value for name, value in delivery.headers if name == KEY_HEADER), delivery.event_id)


def headers_of(delivery: Delivery) -> Headers:
    """The headers of a delivery's record: CloudEvents in binary mode, as all topics have them; its id is the delivery's."""
    return cloud_event(delivery, record_id=delivery.delivery_id, time_ms=delivery.created_ms)


def cloud_event(delivery: Delivery, *, record_id: str, time_ms: int) -> Headers:
    """Headers of a record that is about a delivery. `ce_cause` and `ce_eventid` are extensions: why it was sent, and what it tells of."""
    texts = {
        "ce_specversion": "1.0",
        "ce_id": record_id,
        "ce_source": SOURCE,
        "ce_type": delivery.event_type,
        "ce_subject": key_of(delivery),
        "ce_time": rfc3339(time_ms),
        "ce_cause": delivery.cause,
        "ce_eventid": delivery.event_id,
        "content-type": delivery.content_type,
    }
    return tuple((name, text.encode()) for name, text in texts.items())


def end_of(delivery: Delivery) -> tuple[str, ...]:
    """What names one end of a delivery: one that is sent again, and is given up again, has another."""
    return (delivery.delivery_id, str(delivery.since_ms), str(delivery.ended_ms))


def letter_headers(delivery: Delivery, *, letter_id: str) -> Headers:
    """The headers of a dead letter: those of a record, and why there is one. Times are Unix milliseconds, absent without an attempt."""
    rule_id, _, target_id = delivery.cause.removeprefix(OF_RULES).partition(":")
    ended_ms = delivery.ended_ms or delivery.letter_ms or delivery.created_ms
    tried = delivery.attempts[-delivery.tries :] if delivery.tries else ()  # more are kept than there may be
    texts = {
        "reason": delivery.state.value,
        "error": delivery.error or "",
        "attempts": str(delivery.tries),
        "rule": rule_id,
        "target": target_id,
        "kind": delivery.kind,
        "destination": delivery.destination,
        "delivery": delivery.delivery_id,
        "time_ms": str(ended_ms),
    }
    if tried:
        texts |= {"first_attempt_ms": str(tried[0].at_ms), "last_attempt_ms": str(tried[-1].at_ms)}
    why = tuple((f"{DLQ}{name}", text.encode()) for name, text in texts.items())
    return cloud_event(delivery, record_id=letter_id, time_ms=ended_ms) + why
