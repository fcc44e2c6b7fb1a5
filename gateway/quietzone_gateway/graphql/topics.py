"""Topics: messages, and who gets them."""

import strawberry

from quietzone_gateway.graphql.codes import After, First
from quietzone_gateway.graphql.context import Info
from quietzone_gateway.graphql.destinations import DestinationKind
from quietzone_gateway.graphql.errors import checked, names_of_graphql
from quietzone_gateway.graphql.fields import field, mutation
from quietzone_gateway.graphql.pages import Cursor, PageInfo, cursors_of, place_of
from quietzone_gateway.graphql.scalars import DateTime
from quietzone_gateway.rest.route import known_id
from quietzone_gateway.rest.topics import MessageInput, SubscriptionInput, TopicInput, subscribed
from quietzone_gateway.rpc.notification import FilterScope, Subscription, SubscriptionPage, SubscriptionState, TopicPage
from quietzone_gateway.rpc.notification import Topic as KnownTopic

MAX_LIMIT = 1_000
"""Of the service's pages."""

strawberry.enum(FilterScope, description="What a filter policy looks at: what is said beside a message, or the message, a JSON object")
strawberry.enum(
    SubscriptionState, description="PENDING: whoever reads mail there was asked, and hasn't answered; CONFIRMED: it gets messages"
)


@strawberry.type(description="What messages are published to")
class Topic:
    """A topic."""

    name: str
    display_name: str = strawberry.field(description="What its mails are from")
    created_at: DateTime

    @classmethod
    def of(cls, topic: KnownTopic) -> "Topic":
        """As it is shown."""
        return cls(name=topic.name, display_name=topic.display_name, created_at=DateTime(topic.created_at_ms))


@strawberry.type(description="A topic at its place in the list")
class TopicEdge:
    """An edge."""

    node: Topic
    cursor: str


@strawberry.type(description="A page of topics")
class TopicConnection:
    """A page."""

    edges: list[TopicEdge]
    page_info: PageInfo

    @classmethod
    def of(cls, page: TopicPage, begin: Cursor, after: str | None) -> "TopicConnection":
        """As it is shown."""
        cursors = cursors_of(begin, len(page.items), page.next_cursor)
        return cls(
            edges=[TopicEdge(node=Topic.of(topic), cursor=str(cursor)) for topic, cursor in zip(page.items, cursors, strict=True)],
            page_info=PageInfo.of(cursors, after=after, has_next=page.next_cursor is not None),
        )


@strawberry.type(description="Somebody who gets a topic's messages")
class TopicSubscription:
    """A subscription."""

    id: strawberry.ID
    topic: str
    kind: DestinationKind
    destination: str
    state: SubscriptionState
    filter_policy: str | None = strawberry.field(description="JSON, as it was given; null: all messages")
    filter_scope: FilterScope
    raw: bool = strawberry.field(description="Whether the message alone is sent, without what SNS wraps around it")
    created_at: DateTime

    @classmethod
    def of(cls, subscription: Subscription) -> "TopicSubscription":
        """As it is shown."""
        return cls(
            id=strawberry.ID(subscription.id),
            topic=subscription.topic,
            kind=subscription.kind,
            destination=subscription.destination,
            state=subscription.state,
            filter_policy=subscription.filter_policy,
            filter_scope=subscription.filter_scope,
            raw=subscription.raw,
            created_at=DateTime(subscription.created_at_ms),
        )


@strawberry.type(description="A subscription at its place in the list")
class TopicSubscriptionEdge:
    """An edge."""

    node: TopicSubscription
    cursor: str


@strawberry.type(description="A page of subscriptions")
class TopicSubscriptionConnection:
    """A page."""

    edges: list[TopicSubscriptionEdge]
    page_info: PageInfo

    @classmethod
    def of(cls, page: SubscriptionPage, begin: Cursor, after: str | None) -> "TopicSubscriptionConnection":
        """As it is shown."""
        cursors = cursors_of(begin, len(page.items), page.next_cursor)
        pairs = zip(page.items, cursors, strict=True)
        return cls(
            edges=[TopicSubscriptionEdge(node=TopicSubscription.of(each), cursor=str(cursor)) for each, cursor in pairs],
            page_info=PageInfo.of(cursors, after=after, has_next=page.next_cursor is not None),
        )


@strawberry.input(description="Who is to get a topic's messages")
class NewSubscription:
    """As `SubscriptionInput` of REST, which checks it."""

    kind: DestinationKind
    destination: str = strawberry.field(
        description="A webhook's id; a mail address; `person:<person>` or `topic:<topic>` of devices; a topic on Kafka"
    )
    filter_policy: str | None = strawberry.field(default=None, description="A JSON object, as SNS has it; null: all messages")
    filter_scope: FilterScope = FilterScope.MESSAGE_ATTRIBUTES
    raw: bool = False


@strawberry.input(description="Something that is said beside a message")
class MessageAttributeInput:
    """As `AttributeInput` of REST."""

    name: str
    type: str = strawberry.field(description="`String`, `String.Array`, `Number` or `Binary`, also with a label such as `Number.int`")
    value: str = strawberry.field(description="Of `Binary` in base64")


@strawberry.input(description="A message to all subscriptions of a topic")
class NewMessage:
    """As `MessageInput` of REST, which checks it."""

    message: str
    subject: str = strawberry.field(default="", description="A line for mails: at most 100 printable characters of ASCII")
    attributes: list[MessageAttributeInput] = strawberry.field(
        default_factory=list, description="What filter policies look at, ten at most"
    )

    def given(self) -> dict[str, object]:
        """As REST has it."""
        attributes = {each.name: {"type": each.type, "value": each.value} for each in self.attributes}
        return {"message": self.message, "subject": self.subject, "attributes": attributes}


@strawberry.type
class TopicQueries:
    """Part of Query."""

    @field(description="The account's topics, by name")
    async def topics(self, info: Info, first: First = 20, after: After = None) -> TopicConnection | None:
        """A page."""
        begin, context = place_of(first, after), info.context
        limit = min(begin.skip + first, MAX_LIMIT)  # the service passes nothing over: what is asked for after a page's middle is read again
        with names_of_graphql():
            page = await context.parts.notification.topics.page(context.caller, limit=limit, cursor=begin.token or None)
        return TopicConnection.of(TopicPage(page.items[begin.skip :], page.next_cursor), begin, after)

    @field(description="Who gets a topic's messages, oldest first")
    async def subscriptions(self, info: Info, topic: str, first: First = 20, after: After = None) -> TopicSubscriptionConnection | None:
        """A page."""
        begin, context = place_of(first, after), info.context
        limit = min(begin.skip + first, MAX_LIMIT)
        with names_of_graphql():
            page = await context.parts.notification.topics.subscriptions(context.caller, topic, limit=limit, cursor=begin.token or None)
        return TopicSubscriptionConnection.of(SubscriptionPage(page.items[begin.skip :], page.next_cursor), begin, after)


@strawberry.type
class TopicMutations:
    """Part of Mutation."""

    @mutation(description="Make a topic, or give the one that is there another display name")
    async def put_topic(self, info: Info, name: str, display_name: str = "") -> Topic | None:
        """As REST's."""
        given = checked(TopicInput, {"display_name": display_name})
        with names_of_graphql():
            return Topic.of(await info.context.parts.notification.topics.put(info.context.caller, name, given.display_name))

    @mutation(description="Take a topic away that has no subscriptions; answers with its name")
    async def delete_topic(self, info: Info, name: str) -> str | None:
        """As REST's."""
        await info.context.parts.notification.topics.delete(info.context.caller, name)
        return name

    @mutation(description="Have a topic's messages sent somewhere. An address that isn't a verified member's is asked by mail first")
    async def subscribe(self, info: Info, topic: str, input: NewSubscription) -> TopicSubscription | None:  # noqa: A002 - as callers know it
        """As REST's."""
        given = checked(SubscriptionInput, vars(input)).asked(topic)
        with names_of_graphql():
            return TopicSubscription.of(await subscribed(info.context.parts, info.context.caller, given))

    @mutation(description="End a subscription; answers with its id")
    async def unsubscribe(self, info: Info, id: strawberry.ID) -> strawberry.ID | None:  # noqa: A002 - as callers know it
        """As REST's."""
        await info.context.parts.notification.topics.unsubscribe(info.context.caller, known_id(id, "subscription"))
        return id

    @mutation(description="Send a message to all confirmed subscriptions whose policy lets it through; answers with its id")
    async def publish_message(self, info: Info, topic: str, input: NewMessage) -> strawberry.ID | None:  # noqa: A002 - as callers know it
        """As REST's."""
        context = info.context
        new = checked(MessageInput, input.given()).asked(topic, context.name_of(*info.path.as_list()))
        with names_of_graphql():
            return strawberry.ID(await context.parts.notification.topics.publish(context.caller, new))
