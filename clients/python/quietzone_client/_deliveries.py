"""Deliveries: what rules, topics and tests send, and what became of it."""

import base64
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from quietzone_client._events import JSON
from quietzone_client._inputs import When, written
from quietzone_client._models import Json, OpenEnum, Page, moment, unless_absent
from quietzone_client._operations import OperationState
from quietzone_client._requests import KEY, Call, Request, as_json, dumped, page, segment
from quietzone_client._rules import DestinationKind


class DeliveryState(OpenEnum):
    """Where a delivery stands; the last three are final until somebody has it sent again.

    `DEAD`: all attempts have failed, or it became too old; `DROPPED`: nobody tries it.
    """

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to send: where it went, what the receiver answered (as HTTP or SMTP has it; None when it didn't), how that begins."""

    at: datetime
    took_ms: int
    url: str
    status: int | None
    error: str | None
    answer: str

    @classmethod
    def of(cls, item: Json) -> Self:
        """As the API shows it."""
        return cls(
            at=moment(item["at"]),
            took_ms=item["took_ms"],
            url=item["url"],
            status=item["status"],
            error=item["error"],
            answer=item["answer"],
        )


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message to one destination.

    Attributes:
        id: Its receiver gets it as `webhook-id`; the same again is the same delivery.
        cause: Why: `rule:<id>:<target>`, `subscription:<id>`, `test:<id>`, `mail:<kind>` or `reaction:<name>`.
        event_id: The event or message that it tells of.
        event_type: Its type.
        kind: How it is sent.
        destination: A webhook's id, an address, a topic on Kafka, or whose devices.
        state: Where it stands.
        tries: Attempts since it was taken, or last begun anew.
        max_attempts: How many there are at most.
        max_age_s: How old it may become; None: as at the last attempt.
        created_at: When it was taken.
        due_at: When it is tried next.
        ended_at: When it was delivered or given up.
        error: What went wrong last.
        content_type: Of what is sent.
        attempts: The latest 20, oldest first; None in lists, which leave them out.
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
    max_age_s: int | None
    created_at: datetime
    due_at: datetime | None
    ended_at: datetime | None
    error: str | None
    content_type: str
    attempts: tuple[Attempt, ...] | None

    @property
    def has_ended(self) -> bool:
        """Whether nobody tries it any more."""
        return self.state in (DeliveryState.DELIVERED, DeliveryState.DEAD, DeliveryState.DROPPED)

    @classmethod
    def of(cls, item: Json) -> Self:
        """As the API shows it."""
        return cls(**_fields(item))


@dataclass(frozen=True, slots=True)
class OpenedDelivery(Delivery):
    """A delivery with what is sent: its body, None of a mail that asks for a confirmation, and headers of its own by name and value."""

    body: bytes | None
    headers: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, item: Json) -> Self:
        """As the API shows it."""
        headers = tuple((each["name"], each["value"]) for each in item["headers"])
        return cls(body=_body(item["body"], item["body_form"]), headers=headers, **_fields(item))


@dataclass(frozen=True, slots=True)
class Redrive:
    """How far sending many again is: `begun` counts those that are sent again so far, `error` says why it failed, or fails for now."""

    id: str
    state: OperationState
    begun: int
    error: str | None
    created_at: datetime
    finished_at: datetime | None

    @classmethod
    def of(cls, item: Json) -> Self:
        """As the API shows it."""
        return cls(
            id=item["id"],
            state=OperationState(item["state"]),
            begun=item["begun"],
            error=item["error"],
            created_at=moment(item["created_at"]),
            finished_at=unless_absent(moment, item["finished_at"]),
        )


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """Which deliveries: those that fit all that is given; made from `since` to before `until`."""

    destination: str | None = None
    state: str | None = None
    cause: str | None = None
    since: When | None = None
    until: When | None = None

    def query(self) -> dict[str, str]:
        """As the API is asked."""
        texts = {"destination": self.destination, "state": self.state, "cause": self.cause}
        times = {name: written(value) for name, value in (("since", self.since), ("until", self.until)) if value is not None}
        return {name: value for name, value in texts.items() if value is not None} | times


def page_of_deliveries(where: DeliveryFilter, *, cursor: str | None) -> Call[Page[Delivery]]:
    """One page of deliveries."""
    return page("/v1/deliveries", Delivery.of, where.query(), limit=100, cursor=cursor)


def get_delivery(delivery_id: str) -> Call[OpenedDelivery]:
    """One delivery with its body and its attempts."""
    return Call(Request("GET", _path(delivery_id)), as_json(OpenedDelivery.of))


def retry_delivery(delivery_id: str) -> Call[Delivery]:
    """Have a delivery sent again."""
    return Call(Request("POST", f"{_path(delivery_id)}/retry"), as_json(Delivery.of))


def redrive(where: DeliveryFilter, *, idempotency_key: str | None) -> Call[Redrive]:
    """Have all that fit sent again."""
    headers = JSON | ({} if idempotency_key is None else {KEY: idempotency_key})
    return Call(Request("POST", "/v1/deliveries/redrive", headers=headers, content=dumped(where.query())), as_json(Redrive.of))


def _path(delivery_id: str) -> str:
    return f"/v1/deliveries/{segment(delivery_id)}"


def _body(shown: str | None, form: str | None) -> bytes | None:
    if shown is None:
        return None
    return base64.b64decode(shown, validate=True) if form == "base64" else shown.encode()


def _fields(item: Json) -> dict[str, Any]:
    attempts = item.get("attempts")
    return {
        "id": item["id"],
        "cause": item["cause"],
        "event_id": item["event_id"],
        "event_type": item["event_type"],
        "kind": DestinationKind(item["kind"]),
        "destination": item["destination"],
        "state": DeliveryState(item["state"]),
        "tries": item["tries"],
        "max_attempts": item["max_attempts"],
        "max_age_s": item["max_age_s"],
        "created_at": moment(item["created_at"]),
        "due_at": unless_absent(moment, item["due_at"]),
        "ended_at": unless_absent(moment, item["ended_at"]),
        "error": item["error"],
        "content_type": item["content_type"],
        "attempts": None if attempts is None else tuple(map(Attempt.of, attempts)),
    }
