"""Where topics and subscriptions are kept: one document each."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import msgspec

from quietzone_kit.documents import Collection, Documents, DuplicateKey, Index, Query, Stored, Value, VersionConflict
from quietzone_kit.documents.damaged import readable
from quietzone_notification.deadlines import store_answers
from quietzone_notification.slots import taken_slots
from quietzone_notification.topics.domain import MAX_SUBSCRIPTIONS, MAX_TOPICS, Asking, Subscription, Topic, is_name

TOPICS = Collection(
    "topics",
    key="topic_id",
    indexes=(
        Index("by_name", ("account_id", "name"), unique=True),
        Index("by_slot", ("account_id", "slot"), unique=True),  # the store itself refuses one more than there may be
    ),
)
SUBSCRIPTIONS = Collection(
    "subscriptions",
    key="subscription_id",
    indexes=(
        Index("by_topic", ("account_id", "topic")),  # then by id, which is by age
        Index("by_slot", ("account_id", "topic", "slot"), unique=True),
        Index("by_destination", ("account_id", "topic", "kind", "destination"), unique=True),
        Index("by_expiry", ("expires_at_ms",), sparse=True),
    ),
)
ASKINGS = Collection("askings", key="account_id")
COLLECTIONS = (TOPICS, SUBSCRIPTIONS, ASKINGS)

PAGE = 100
"""Subscriptions that a message is held against at once: with the longest policies 2 MB."""


class Taken(Exception):
    """Another one has this name, destination or slot: look again."""


@dataclass(frozen=True, slots=True)
class Held:
    """A subscription as it was read, with what the store needs to replace it."""

    subscription: Subscription
    stored: Stored


@dataclass(frozen=True, slots=True)
class HeldTopic:
    """A topic as it was read, likewise."""

    topic: Topic
    stored: Stored


@dataclass(frozen=True, slots=True)
class TopicPage:
    """Some topics; `next_token` brings those after them, None when there are none."""

    topics: tuple[Topic, ...]
    next_token: str | None


@dataclass(frozen=True, slots=True)
class SubscriptionPage:
    """Some subscriptions, likewise."""

    subscriptions: tuple[Subscription, ...]
    next_token: str | None


class Topics:
    """Topics and subscriptions of all accounts. Every method can raise Unavailable: the store doesn't answer."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    async def get(self, account_id: str, name: str) -> HeldTopic | None:
        """A topic of this account, by key; None when there is none."""
        if not is_name(name):
            return None
        async with store_answers():
            stored = await self._documents.get(TOPICS, _key(account_id, name))
        return None if stored is None or stored.body["account_id"] != account_id else HeldTopic(topic_of(stored), stored)

    async def page(self, account_id: str, *, limit: int, after: str | None = None) -> TopicPage:
        """An account's topics by name (index `by_name`); raises InvalidCursor."""
        async with store_answers():
            page = await self._documents.query(TOPICS, Query("by_name", (account_id,), limit=limit, after=after))
        return TopicPage(tuple(readable(TOPICS, page.items, topic_of)), page.cursor)

    async def slots(self, account_id: str) -> set[int]:
        """The slots that an account's topics have (index `by_slot`)."""
        return await taken_slots(self._documents, TOPICS, account_id, most=MAX_TOPICS)

    async def insert(self, topic: Topic) -> None:
        """Add a topic; raises Taken."""
        body: dict[str, Value] = msgspec.to_builtins(topic)
        try:
            async with store_answers():
                await self._documents.insert(TOPICS, {"topic_id": _key(topic.account_id, topic.name), **body})
        except DuplicateKey as error:
            raise Taken(str(error)) from error

    async def replace(self, held: HeldTopic, after: Topic) -> None:
        """Put `after` in its place; raises VersionConflict."""
        body: dict[str, Value] = msgspec.to_builtins(after)
        async with store_answers():
            await self._documents.replace(TOPICS, {**held.stored.body, **body}, if_version=held.stored.version)

    async def delete(self, held: HeldTopic) -> None:
        """Take it away; raises VersionConflict."""
        async with store_answers():
            await self._documents.delete(TOPICS, _key(held.topic.account_id, held.topic.name), if_version=held.stored.version)

    # Subscriptions

    async def subscription(self, account_id: str, subscription_id: str) -> Held | None:
        """A subscription of this account, by key; None when there is none, or it is another account's."""
        if not 1 <= len(subscription_id) <= 36 or not subscription_id.isprintable():
            return None
        async with store_answers():
            stored = await self._documents.get(SUBSCRIPTIONS, subscription_id)
        return None if stored is None or stored.body["account_id"] != account_id else Held(subscription_of(stored), stored)

    async def by_destination(self, account_id: str, topic: str, kind: str, destination: str) -> Held | None:
        """What sends a topic's messages there (index `by_destination`)."""
        async with store_answers():
            page = await self._documents.query(SUBSCRIPTIONS, Query("by_destination", (account_id, topic, kind, destination), limit=1))
        return Held(subscription_of(page.items[0]), page.items[0]) if page.items else None

    async def subscriptions(self, account_id: str, topic: str, *, limit: int, after: str | None = None) -> SubscriptionPage:
        """A topic's subscriptions, oldest first (index `by_topic`); raises InvalidCursor."""
        async with store_answers():
            page = await self._documents.query(SUBSCRIPTIONS, Query("by_topic", (account_id, topic), limit=limit, after=after))
        return SubscriptionPage(tuple(readable(SUBSCRIPTIONS, page.items, subscription_of)), page.cursor)

    async def has_subscriptions(self, account_id: str, topic: str) -> bool:
        """Whether a topic has subscriptions, be they damaged (index `by_topic`)."""
        async with store_answers():
            return bool((await self._documents.query(SUBSCRIPTIONS, Query("by_topic", (account_id, topic), limit=1))).items)

    async def subscription_slots(self, account_id: str, topic: str) -> set[int]:
        """The slots that a topic's subscriptions have (index `by_slot`)."""
        return await taken_slots(self._documents, SUBSCRIPTIONS, account_id, topic, most=MAX_SUBSCRIPTIONS)

    async def all_subscriptions(self, account_id: str, topic: str) -> AsyncIterator[tuple[Subscription, ...]]:
        """All of a topic's subscriptions, page by page."""
        page = await self.subscriptions(account_id, topic, limit=PAGE)
        while True:
            yield page.subscriptions
            if page.next_token is None:
                return
            page = await self.subscriptions(account_id, topic, limit=PAGE, after=page.next_token)

    async def subscribe(self, subscription: Subscription) -> None:
        """Add a subscription; raises Taken."""
        try:
            async with store_answers():
                await self._documents.insert(SUBSCRIPTIONS, _body(subscription))
        except DuplicateKey as error:
            raise Taken(str(error)) from error

    async def count_asking(self, account_id: str, at_ms: int) -> bool:
        """Count one more mail that asks an address; whether there may be one. Raises Taken, VersionConflict: look again."""
        async with store_answers():
            stored = await self._documents.get(ASKINGS, account_id)
        before = Asking(account_id, at_ms, 0) if stored is None else msgspec.convert(stored.body, Asking)
        after = before.once_more(at_ms)
        if after is None:
            return False
        body: dict[str, Value] = msgspec.to_builtins(after)
        try:
            async with store_answers():
                if stored is None:
                    await self._documents.insert(ASKINGS, body)
                else:
                    await self._documents.replace(ASKINGS, {**stored.body, **body}, if_version=stored.version)
        except DuplicateKey as error:
            raise Taken(str(error)) from error
        return True

    async def change(self, held: Held, after: Subscription) -> None:
        """Put `after` in its place; raises VersionConflict."""
        body = {**held.stored.body, **_body(after)}
        if after.expires_at_ms is None:
            body.pop("expires_at_ms", None)
        async with store_answers():
            await self._documents.replace(SUBSCRIPTIONS, body, if_version=held.stored.version)

    async def unsubscribe(self, held: Held) -> None:
        """Take it away; raises VersionConflict."""
        async with store_answers():
            await self._documents.delete(SUBSCRIPTIONS, held.subscription.subscription_id, if_version=held.stored.version)

    async def forget_expired(self, at_ms: int) -> int:
        """Remove what nobody has confirmed in time: a page of it (index `by_expiry`)."""
        async with store_answers():
            page = await self._documents.query(SUBSCRIPTIONS, Query("by_expiry", at_least=0, below=at_ms, limit=PAGE))
        forgotten = 0
        for stored in page.items:
            try:
                async with store_answers():
                    await self._documents.delete(SUBSCRIPTIONS, str(stored.body["subscription_id"]), if_version=stored.version)
            except VersionConflict:
                continue  # it was confirmed in the last moment
            forgotten += 1
        return forgotten


def topic_of(stored: Stored) -> Topic:
    """The topic in a document; msgspec.ValidationError names the field that something else wrote or that was damaged."""
    return msgspec.convert(stored.body, Topic)


def subscription_of(stored: Stored) -> Subscription:
    """The subscription in a document; errors as `topic_of`."""
    return msgspec.convert(stored.body, Subscription)


def _key(account_id: str, name: str) -> str:
    return f"{account_id}/{name}"


def _body(subscription: Subscription) -> dict[str, Value]:
    body: dict[str, Value] = msgspec.to_builtins(subscription)
    if subscription.expires_at_ms is None:
        del body["expires_at_ms"]
    return body
