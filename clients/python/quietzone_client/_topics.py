"""Topics: messages, and who gets them."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Self

from quietzone_client._events import JSON, JsonObject, as_taken
from quietzone_client._models import Json, OpenEnum, Page, moment
from quietzone_client._requests import KEY, Call, Request, as_json, dumped, nothing, page, segment
from quietzone_client._rules import DestinationKind


class SubscriptionState(OpenEnum):
    """`PENDING`: whoever reads mail there was asked, and hasn't answered; `CONFIRMED`: it gets messages."""

    PENDING = "pending"
    CONFIRMED = "confirmed"


class FilterScope(OpenEnum):
    """What a filter policy looks at; a body has to be a JSON object then."""

    MESSAGE_ATTRIBUTES = "message_attributes"
    MESSAGE_BODY = "message_body"


@dataclass(frozen=True, slots=True)
class Topic:
    """What messages are published to; its mails are from `display_name`."""

    name: str
    display_name: str
    created_at: datetime

    @classmethod
    def of(cls, item: Json) -> Self:
        """As the API shows it."""
        return cls(name=item["name"], display_name=item["display_name"], created_at=moment(item["created_at"]))


@dataclass(frozen=True, slots=True)
class Subscription:
    """Somebody who gets a topic's messages.

    `filter_policy` is an object, or its text where an object would lose digits or repeated keys; None: all messages. `raw`: a message
    comes alone, without what SNS wraps around it.
    """

    id: str
    topic: str
    kind: DestinationKind
    destination: str
    state: SubscriptionState
    filter_policy: Any
    filter_scope: FilterScope
    raw: bool
    created_at: datetime

    @classmethod
    def of(cls, item: Json) -> Self:
        """As the API shows it."""
        return cls(
            id=item["id"],
            topic=item["topic"],
            kind=DestinationKind(item["kind"]),
            destination=item["destination"],
            state=SubscriptionState(item["state"]),
            filter_policy=item["filter_policy"],
            filter_scope=FilterScope(item["filter_scope"]),
            raw=item["raw"],
            created_at=moment(item["created_at"]),
        )


@dataclass(frozen=True, slots=True)
class NewSubscription:
    """Who is to get which messages."""

    kind: str
    destination: str
    filter_policy: JsonObject | None
    filter_scope: str
    raw: bool

    def body(self) -> dict[str, Any]:
        """As the API takes it."""
        policy = {} if self.filter_policy is None else {"filter_policy": as_taken(self.filter_policy)}
        return policy | {"kind": self.kind, "destination": self.destination, "filter_scope": self.filter_scope, "raw": self.raw}


@dataclass(frozen=True, slots=True)
class Attribute:
    """Something that is said beside a message. `type` is `String`, `String.Array`, `Number` or `Binary`, whose value is in base64."""

    type: str
    value: str


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message to all subscriptions of a topic."""

    message: JsonObject
    subject: str = ""
    attributes: Mapping[str, Attribute] = field(default_factory=dict)

    def body(self) -> dict[str, Any]:
        """As the API takes it."""
        attributes = {name: asdict(each) for name, each in self.attributes.items()}
        return {"message": as_taken(self.message), "subject": self.subject, "attributes": attributes}


def page_of_topics(*, cursor: str | None) -> Call[Page[Topic]]:
    """One page of topics."""
    return page("/v1/topics", Topic.of, {}, limit=200, cursor=cursor)


def put_topic(topic: str, display_name: str) -> Call[Topic]:
    """Make a topic, or give it another display name."""
    return Call(Request("PUT", _path(topic), headers=JSON, content=dumped({"display_name": display_name})), as_json(Topic.of))


def delete_topic(topic: str) -> Call[None]:
    """Take a topic away."""
    return Call(Request("DELETE", _path(topic)), nothing, gone_is_done=True)


def page_of_subscriptions(topic: str, *, cursor: str | None) -> Call[Page[Subscription]]:
    """One page of who gets a topic's messages."""
    return page(f"{_path(topic)}/subscriptions", Subscription.of, {}, limit=200, cursor=cursor)


def subscribe(topic: str, new: NewSubscription) -> Call[Subscription]:
    """Have messages sent somewhere."""
    return Call(Request("POST", f"{_path(topic)}/subscriptions", headers=JSON, content=dumped(new.body())), as_json(Subscription.of))


def unsubscribe(subscription_id: str) -> Call[None]:
    """End a subscription."""
    return Call(Request("DELETE", f"/v1/subscriptions/{segment(subscription_id)}"), nothing, gone_is_done=True)


def publish(topic: str, new: NewMessage, *, idempotency_key: str | None) -> Call[str]:
    """Send a message; its id."""
    headers = JSON | ({} if idempotency_key is None else {KEY: idempotency_key})
    request = Request("POST", f"{_path(topic)}/messages", headers=headers, content=dumped(new.body()))
    return Call(request, as_json(lambda item: str(item["message_id"])))


def _path(topic: str) -> str:
    return f"/v1/topics/{segment(topic)}"
