"""Topics, their subscriptions and messages."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from quietzone.notification.v1 import topic_pb2, topic_pb2_grpc
from quietzone_gateway.rpc.notification.rules import KINDS, KINDS_BY_NUMBER, DestinationKind
from quietzone_gateway.rpc.notification.service import Service
from quietzone_kit.rpc import CODES_WRITE, Caller


class SubscriptionState(StrEnum):
    """Where a subscription stands."""

    PENDING = "pending"
    CONFIRMED = "confirmed"


class FilterScope(StrEnum):
    """What a filter policy looks at."""

    MESSAGE_ATTRIBUTES = "message_attributes"
    MESSAGE_BODY = "message_body"


@dataclass(frozen=True, slots=True)
class Topic:
    """What messages are published to; fields as in `quietzone.notification.v1.Topic`."""

    name: str
    display_name: str
    created_at_ms: int


@dataclass(frozen=True, slots=True)
class TopicPage:
    """Topics, by name."""

    items: tuple[Topic, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Subscription:
    """Who gets a topic's messages; fields as in `quietzone.notification.v1.Subscription`. `filter_policy` is JSON, None: all messages."""

    id: str
    topic: str
    kind: DestinationKind
    destination: str
    state: SubscriptionState
    filter_policy: str | None
    filter_scope: FilterScope
    raw: bool
    created_at_ms: int


@dataclass(frozen=True, slots=True)
class SubscriptionPage:
    """Subscriptions of a topic, oldest first."""

    items: tuple[Subscription, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class NewSubscription:
    """Who is to get a topic's messages; `filter_policy` is JSON, None: all messages."""

    topic: str
    kind: DestinationKind
    destination: str
    filter_policy: str | None
    filter_scope: FilterScope
    raw: bool


@dataclass(frozen=True, slots=True)
class MessageAttribute:
    """Something that is said beside a message; of Binary the value is base64."""

    type: str
    value: str


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message. Those of an account with the same `request_id` are one."""

    topic: str
    text: str
    subject: str
    attributes: Mapping[str, MessageAttribute]
    request_id: str | None


_STATES = {topic_pb2.SubscriptionState.Value(f"SUBSCRIPTION_STATE_{state.name}"): state for state in SubscriptionState}
_SCOPES = {scope: topic_pb2.FilterScope.Value(f"FILTER_SCOPE_{scope.name}") for scope in FilterScope}
_SCOPES_BY_NUMBER = {number: scope for scope, number in _SCOPES.items()}


class Topics:
    """A client of the service's topics; what each call raises stands in `topic.proto`."""

    def __init__(self, service: Service) -> None:
        self._service = service

    @cached_property
    def _stub(self) -> "topic_pb2_grpc.TopicServiceAsyncStub":
        return topic_pb2_grpc.TopicServiceStub(self._service.channel)

    async def put(self, caller: Caller, name: str, display_name: str) -> Topic:
        """A topic, made or with another display name."""
        request = topic_pb2.PutTopicRequest(name=name, display_name=display_name)
        return _topic((await self._service.peer.call(self._stub.PutTopic, request, caller=caller, idempotent=True)).topic)

    async def page(self, caller: Caller, *, limit: int, cursor: str | None) -> TopicPage:
        """One page of the account's topics."""
        request = topic_pb2.ListTopicsRequest(page_size=limit, page_token=cursor or "")
        response = await self._service.peer.call(self._stub.ListTopics, request, caller=caller, idempotent=True)
        return TopicPage(tuple(map(_topic, response.topics)), response.next_page_token or None)

    async def delete(self, caller: Caller, name: str) -> None:
        """Take a topic without subscriptions away."""
        await self._service.peer.call(self._stub.DeleteTopic, topic_pb2.DeleteTopicRequest(name=name), caller=caller)

    async def subscribe(self, caller: Caller, new: NewSubscription, *, is_verified: bool) -> Subscription:
        """A subscription, made or changed; `is_verified`: the address is that of a verified member of the account."""
        request = topic_pb2.SubscribeRequest(
            topic=new.topic,
            kind=KINDS[new.kind],
            destination=new.destination,
            filter_policy=new.filter_policy or "",
            filter_scope=_SCOPES[new.filter_scope],
            raw=new.raw,
            address_is_verified=is_verified,
        )
        response = await self._service.peer.call(self._stub.Subscribe, request, caller=caller, idempotent=True)
        return _subscription(response.subscription)

    async def subscriptions(self, caller: Caller, topic: str, *, limit: int, cursor: str | None) -> SubscriptionPage:
        """One page of a topic's subscriptions."""
        request = topic_pb2.ListSubscriptionsRequest(topic=topic, page_size=limit, page_token=cursor or "")
        response = await self._service.peer.call(self._stub.ListSubscriptions, request, caller=caller, idempotent=True)
        return SubscriptionPage(tuple(map(_subscription, response.subscriptions)), response.next_page_token or None)

    async def unsubscribe(self, caller: Caller, subscription_id: str) -> None:
        """End a subscription."""
        request = topic_pb2.UnsubscribeRequest(subscription_id=subscription_id)
        await self._service.peer.call(self._stub.Unsubscribe, request, caller=caller)

    async def confirm(self, account_id: str, token: str) -> Subscription:
        """Take the word of whoever was sent a token, which is all that he shows; again changes nothing."""
        caller, request = Caller(account_id, frozenset({CODES_WRITE})), topic_pb2.ConfirmSubscriptionRequest(token=token)
        response = await self._service.peer.call(self._stub.ConfirmSubscription, request, caller=caller, idempotent=True)
        return _subscription(response.subscription)

    async def publish(self, caller: Caller, new: NewMessage) -> str:
        """Send a message to all who want it; its id."""
        request = topic_pb2.PublishMessageRequest(
            topic=new.topic,
            message=new.text,
            subject=new.subject,
            attributes={name: topic_pb2.MessageAttribute(type=each.type, value=each.value) for name, each in new.attributes.items()},
            request_id=new.request_id,
        )
        named = new.request_id is not None
        return (await self._service.peer.call(self._stub.PublishMessage, request, caller=caller, idempotent=named)).message_id


def _topic(message: topic_pb2.Topic) -> Topic:
    return Topic(message.name, message.display_name, message.created_at_ms)


def _subscription(message: topic_pb2.Subscription) -> Subscription:
    return Subscription(
        id=message.id,
        topic=message.topic,
        kind=KINDS_BY_NUMBER[message.kind],
        destination=message.destination,
        state=_STATES[message.state],
        filter_policy=message.filter_policy or None,
        filter_scope=_SCOPES_BY_NUMBER[message.filter_scope],
        raw=message.raw,
        created_at_ms=message.created_at_ms,
    )
