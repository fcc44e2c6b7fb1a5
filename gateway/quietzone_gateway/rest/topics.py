"""Topics: messages, and who gets them."""

from typing import Annotated, Self

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from quietzone_gateway.identity.accounts.use_cases import verified_addresses
from quietzone_gateway.identity.domain import CODES_READ, CODES_WRITE
from quietzone_gateway.rest.description import problems, scoped
from quietzone_gateway.rest.json_text import ObjectOrText, ObjectTextOrNull, as_text, as_value
from quietzone_gateway.rest.route import (
    DESCRIBED_SECURITY,
    ApiRoute,
    CallerNow,
    Parts,
    RequestName,
    Services,
    known_id,
    names_of_the_api,
)
from quietzone_gateway.rest.shapes import CODE_ID, Input, Text, Time
from quietzone_gateway.rest.times import rfc3339
from quietzone_gateway.rpc.notification import (
    DestinationKind,
    FilterScope,
    MessageAttribute,
    NewMessage,
    NewSubscription,
    Subscription,
    SubscriptionPage,
    SubscriptionState,
    Topic,
    TopicPage,
)
from quietzone_kit.rpc import Caller

MAX_DISPLAY_NAME = 100
MAX_ATTRIBUTES = 10

TOPIC: dict[str, JsonValue] = {"name": "orders", "display_name": "Orders", "created_at": "2026-11-21T09:30:00.125Z"}
NEW_SUBSCRIPTION: dict[str, JsonValue] = {
    "kind": "mail",
    "destination": "ada@example.com",
    "filter_policy": {"total": [{"numeric": [">", 10]}]},
}
SUBSCRIPTION: dict[str, JsonValue] = {
    "id": CODE_ID,
    "topic": "orders",
    "state": "confirmed",
    "filter_scope": "message_attributes",
    "raw": False,
    "created_at": "2026-11-21T09:30:00.125Z",
    **NEW_SUBSCRIPTION,
}
MESSAGE: dict[str, JsonValue] = {
    "message": "Order o-17 was paid",
    "subject": "Paid",
    "attributes": {"total": {"type": "Number", "value": "18.5"}},
}
"""Examples; tests hold them against the models."""


class TopicInput(Input):
    """What a topic is."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"display_name": "Orders"}]})

    display_name: Text = Field("", description="What its mails are from", max_length=MAX_DISPLAY_NAME)


class TopicView(BaseModel):
    """What messages are published to."""

    model_config = ConfigDict(json_schema_extra={"examples": [TOPIC]})

    name: str
    display_name: str
    created_at: Time

    @classmethod
    def of(cls, topic: Topic) -> Self:
        """As it is shown."""
        return cls(name=topic.name, display_name=topic.display_name, created_at=rfc3339(topic.created_at_ms))


class TopicPageView(BaseModel):
    """One page of topics."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [TOPIC], "next_cursor": None}]})

    items: list[TopicView] = Field(description="By name")
    next_cursor: str | None = Field(description="Give it back as `cursor` for the next page; null when there is none")

    @classmethod
    def of(cls, page: TopicPage) -> Self:
        """As it is shown."""
        return cls(items=list(map(TopicView.of, page.items)), next_cursor=page.next_cursor)


class SubscriptionInput(Input):
    """Who is to get a topic's messages."""

    model_config = ConfigDict(json_schema_extra={"examples": [NEW_SUBSCRIPTION]})

    kind: DestinationKind = Field(description="`webhook`, `mail`, `push` or `kafka`")
    destination: Text = Field(
        description="A webhook's id; a mail address; `person:<person>` or `topic:<topic>` of devices; a topic on Kafka", max_length=254
    )
    filter_policy: ObjectTextOrNull = Field(
        None, description="Which messages, as SNS has it: a JSON object, or a text that holds one; null: all of them"
    )
    filter_scope: FilterScope = Field(
        FilterScope.MESSAGE_ATTRIBUTES,
        description="What the policy looks at: `message_attributes`, or `message_body`, which has to be a JSON object",
    )
    raw: bool = Field(False, description="Whether the message alone is sent, without what SNS wraps around it")

    def asked(self, topic: str) -> NewSubscription:
        """What the service is asked for; raises InvalidInput."""
        policy = None if self.filter_policy is None else as_text(self.filter_policy, "filter_policy")
        return NewSubscription(topic, self.kind, self.destination, policy, self.filter_scope, self.raw)


class SubscriptionView(BaseModel):
    """Somebody who gets a topic's messages."""

    model_config = ConfigDict(json_schema_extra={"examples": [SUBSCRIPTION]})

    id: str
    topic: str
    kind: DestinationKind
    destination: str
    state: SubscriptionState = Field(
        description="`pending`: whoever reads mail there was asked, and hasn't answered; `confirmed`: it gets messages"
    )
    filter_policy: JsonValue = Field(
        description="An object; or its text, where an object would lose digits or repeated keys; null: all messages"
    )
    filter_scope: FilterScope
    raw: bool
    created_at: Time

    @classmethod
    def of(cls, subscription: Subscription) -> Self:
        """As it is shown."""
        return cls(
            id=subscription.id,
            topic=subscription.topic,
            kind=subscription.kind,
            destination=subscription.destination,
            state=subscription.state,
            filter_policy=None if subscription.filter_policy is None else as_value(subscription.filter_policy),
            filter_scope=subscription.filter_scope,
            raw=subscription.raw,
            created_at=rfc3339(subscription.created_at_ms),
        )


class SubscriptionPageView(BaseModel):
    """One page of subscriptions."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [SUBSCRIPTION], "next_cursor": None}]})

    items: list[SubscriptionView] = Field(description="Oldest first")
    next_cursor: str | None = Field(description="Give it back as `cursor` for the next page; null when there is none")

    @classmethod
    def of(cls, page: SubscriptionPage) -> Self:
        """As it is shown."""
        return cls(items=list(map(SubscriptionView.of, page.items)), next_cursor=page.next_cursor)


class AttributeInput(Input):
    """Something that is said beside a message."""

    type: Text = Field(description="`String`, `String.Array`, `Number` or `Binary`, also with a label such as `Number.int`")
    value: Text = Field(description="Of `Binary` in base64")


class MessageInput(Input):
    """A message to all subscriptions of a topic."""

    model_config = ConfigDict(json_schema_extra={"examples": [MESSAGE]})

    message: ObjectOrText = Field(description="A text, or a JSON object, which is sent as its text; 256 KB at most, with its attributes")
    subject: Text = Field("", description="A line for mails: at most 100 printable characters of ASCII")
    attributes: dict[Text, AttributeInput] = Field(
        {}, description="What filter policies look at, by names of `[0-9A-Za-z_.-]`", max_length=MAX_ATTRIBUTES
    )

    def asked(self, topic: str, request_id: str | None) -> NewMessage:
        """What the service is asked for; raises InvalidInput."""
        attributes = {name: MessageAttribute(each.type, each.value) for name, each in self.attributes.items()}
        return NewMessage(topic, as_text(self.message, "message"), self.subject, attributes, request_id)


class PublishedView(BaseModel):
    """A message that was taken."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"message_id": CODE_ID}]})

    message_id: str


class TopicListQuery(Input):
    """Which page."""

    limit: int = Field(50, description="How many at most", ge=1, le=1000)
    cursor: str | None = Field(None, description="`next_cursor` of the page before", max_length=2000)


router = APIRouter(prefix="/v1/topics", route_class=ApiRoute, dependencies=DESCRIBED_SECURITY, tags=["topics"])
subscriptions = APIRouter(prefix="/v1/subscriptions", route_class=ApiRoute, dependencies=DESCRIBED_SECURITY, tags=["topics"])

ROUTERS = (router, subscriptions)

TopicName = Annotated[str, Path(description="The topic's name: 1 to 100 characters of `[0-9A-Za-z_-]`", examples=["orders"])]
SubscriptionId = Annotated[str, Path(description="The subscription's id", examples=[CODE_ID])]

# The service's fields by the names that callers of the API know.
_NAMES = {"page_size": "limit", "page_token": "cursor", "name": "topic"}


@router.get("", responses=problems(400, 401, 403), openapi_extra=scoped(CODES_READ))
async def list_topics(query: Annotated[TopicListQuery, Query()], parts: Services, caller: CallerNow) -> TopicPageView:
    """The account's topics."""
    with names_of_the_api(_NAMES):
        return TopicPageView.of(await parts.notification.topics.page(caller, limit=query.limit, cursor=query.cursor))


@router.put("/{topic}", responses=problems(400, 401, 403, 413, 415, 422), openapi_extra=scoped(CODES_WRITE))
async def put_topic(topic: TopicName, body: TopicInput, parts: Services, caller: CallerNow) -> TopicView:
    """Make a topic, or give the one that is there another display name. An account has at most 1,000."""
    with names_of_the_api(_NAMES):
        return TopicView.of(await parts.notification.topics.put(caller, topic, body.display_name))


@router.delete("/{topic}", status_code=204, responses=problems(401, 403, 404, 422), openapi_extra=scoped(CODES_WRITE))
async def delete_topic(topic: TopicName, parts: Services, caller: CallerNow) -> None:
    """Take a topic away that has no subscriptions."""
    await parts.notification.topics.delete(caller, topic)


@router.get("/{topic}/subscriptions", responses=problems(400, 401, 403), openapi_extra=scoped(CODES_READ))
async def list_subscriptions(
    topic: TopicName, query: Annotated[TopicListQuery, Query()], parts: Services, caller: CallerNow
) -> SubscriptionPageView:
    """Who gets a topic's messages."""
    with names_of_the_api(_NAMES):
        page = await parts.notification.topics.subscriptions(caller, topic, limit=query.limit, cursor=query.cursor)
    return SubscriptionPageView.of(page)


@router.post(
    "/{topic}/subscriptions", status_code=201, responses=problems(400, 401, 403, 404, 413, 415, 422), openapi_extra=scoped(CODES_WRITE)
)
async def subscribe(topic: TopicName, body: SubscriptionInput, parts: Services, caller: CallerNow) -> SubscriptionView:
    """Have a topic's messages sent somewhere; the same destination again gets these options. An address that isn't a verified member's is
    asked by mail first, and gets nothing until it confirms, within two days.
    """
    return SubscriptionView.of(await subscribed(parts, caller, body.asked(topic)))


@router.post("/{topic}/messages", status_code=202, responses=problems(400, 401, 403, 404, 413, 415, 422), openapi_extra=scoped(CODES_WRITE))
async def publish_message(topic: TopicName, body: MessageInput, parts: Services, caller: CallerNow, name: RequestName) -> PublishedView:
    """Send a message to all confirmed subscriptions whose policy lets it through: deliveries to all of them are stored when this answers.
    With an Idempotency-Key the same request again is the same message.
    """
    with names_of_the_api(_NAMES):
        return PublishedView(message_id=await parts.notification.topics.publish(caller, body.asked(topic, name)))


@subscriptions.delete("/{subscription_id}", status_code=204, responses=problems(401, 403, 404), openapi_extra=scoped(CODES_WRITE))
async def unsubscribe(subscription_id: SubscriptionId, parts: Services, caller: CallerNow) -> None:
    """End a subscription."""
    await parts.notification.topics.unsubscribe(caller, known_id(subscription_id, "subscription"))


async def subscribed(parts: Parts, caller: Caller, new: NewSubscription) -> Subscription:
    """A subscription, made or changed: a verified member's address needs no confirmation. Raises as the service."""
    is_verified = False
    if new.kind is DestinationKind.MAIL:
        known = await verified_addresses(parts.identity.people, caller.account_id)
        is_verified = new.destination.lower() in {each.lower() for each in known}
    return await parts.notification.topics.subscribe(caller, new, is_verified=is_verified)
