"""TopicService: messages to use cases and back."""

# ruff: noqa: N802, ARG002 - the contract names the methods, gRPC their parameters

from collections.abc import Mapping

from quietzone.notification.v1 import topic_pb2, topic_pb2_grpc
from quietzone_kit.errors import FieldViolation, InvalidInput
from quietzone_notification.rpc.callers import account
from quietzone_notification.rules.events import KIND_OF, KINDS
from quietzone_notification.topics.domain import Attribute, Options, Scope, State, Subscription, Topic
from quietzone_notification.topics.use_cases import NewMessage, NewSubscription, TopicDesk

_STATES: Mapping[State, "topic_pb2.SubscriptionState.ValueType"] = {
    State.PENDING: topic_pb2.SUBSCRIPTION_STATE_PENDING,
    State.CONFIRMED: topic_pb2.SUBSCRIPTION_STATE_CONFIRMED,
}
_SCOPES: Mapping[Scope, "topic_pb2.FilterScope.ValueType"] = {
    Scope.ATTRIBUTES: topic_pb2.FILTER_SCOPE_MESSAGE_ATTRIBUTES,
    Scope.BODY: topic_pb2.FILTER_SCOPE_MESSAGE_BODY,
}
_SCOPE_OF: Mapping[int, Scope] = {0: Scope.ATTRIBUTES, **{number: scope for scope, number in _SCOPES.items()}}


class TopicService(topic_pb2_grpc.TopicServiceServicer):
    """The errors of each method stand in the contract."""

    def __init__(self, desk: TopicDesk) -> None:
        self._desk = desk

    async def PutTopic(self, request: topic_pb2.PutTopicRequest, context: object) -> topic_pb2.PutTopicResponse:
        """See the contract."""
        topic = await self._desk.put(account(), request.name, request.display_name)
        return topic_pb2.PutTopicResponse(topic=_topic_message(topic))

    async def ListTopics(self, request: topic_pb2.ListTopicsRequest, context: object) -> topic_pb2.ListTopicsResponse:
        """See the contract."""
        page = await self._desk.list(account(), page_size=request.page_size, page_token=request.page_token)
        return topic_pb2.ListTopicsResponse(topics=map(_topic_message, page.topics), next_page_token=page.next_token or "")

    async def DeleteTopic(self, request: topic_pb2.DeleteTopicRequest, context: object) -> topic_pb2.DeleteTopicResponse:
        """See the contract."""
        await self._desk.delete(account(), request.name)
        return topic_pb2.DeleteTopicResponse()

    async def Subscribe(self, request: topic_pb2.SubscribeRequest, context: object) -> topic_pb2.SubscribeResponse:
        """See the contract."""
        kind, scope = KIND_OF.get(request.kind), _SCOPE_OF.get(request.filter_scope)
        if kind is None:
            raise InvalidInput(FieldViolation("kind", "use WEBHOOK, MAIL, PUSH or KAFKA"))
        if scope is None:
            raise InvalidInput(FieldViolation("filter_scope", "use MESSAGE_ATTRIBUTES or MESSAGE_BODY"))
        options = Options(request.filter_policy, scope, request.raw)
        new = NewSubscription(request.topic, kind, request.destination, options, verified=request.address_is_verified)
        return topic_pb2.SubscribeResponse(subscription=_message(await self._desk.subscribe(account(), new)))

    async def ConfirmSubscription(
        self, request: topic_pb2.ConfirmSubscriptionRequest, context: object
    ) -> topic_pb2.ConfirmSubscriptionResponse:
        """See the contract."""
        confirmed = await self._desk.confirm(account(), request.token)
        return topic_pb2.ConfirmSubscriptionResponse(subscription=_message(confirmed))

    async def ListSubscriptions(self, request: topic_pb2.ListSubscriptionsRequest, context: object) -> topic_pb2.ListSubscriptionsResponse:
        """See the contract."""
        page = await self._desk.subscriptions(account(), request.topic, page_size=request.page_size, page_token=request.page_token)
        return topic_pb2.ListSubscriptionsResponse(subscriptions=map(_message, page.subscriptions), next_page_token=page.next_token or "")

    async def Unsubscribe(self, request: topic_pb2.UnsubscribeRequest, context: object) -> topic_pb2.UnsubscribeResponse:
        """See the contract."""
        await self._desk.unsubscribe(account(), request.subscription_id)
        return topic_pb2.UnsubscribeResponse()

    async def PublishMessage(self, request: topic_pb2.PublishMessageRequest, context: object) -> topic_pb2.PublishMessageResponse:
        """See the contract."""
        attributes = {name: Attribute(each.type, each.value) for name, each in request.attributes.items()}
        request_id = request.request_id if request.HasField("request_id") else None
        new = NewMessage(request.topic, request.message, request.subject, attributes, request_id)
        return topic_pb2.PublishMessageResponse(message_id=await self._desk.publish(account(), new))


def _topic_message(topic: Topic) -> topic_pb2.Topic:
    return topic_pb2.Topic(name=topic.name, display_name=topic.display_name, created_at_ms=topic.created_at_ms)


def _message(subscription: Subscription) -> topic_pb2.Subscription:
    return topic_pb2.Subscription(
        id=subscription.subscription_id,
        topic=subscription.topic,
        kind=KINDS[subscription.kind],
        destination=subscription.destination,
        state=_STATES[subscription.state],
        filter_policy=subscription.options.filter_policy,
        filter_scope=_SCOPES[subscription.options.filter_scope],
        raw=subscription.options.raw,
        created_at_ms=subscription.created_at_ms,
    )
