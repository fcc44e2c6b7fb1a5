"""What a message becomes for each who gets it. Pure."""

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache

from quietzone_notification.delivery.domain import CONFIRM_CAUSE, NewDelivery
from quietzone_notification.filters import Filter, Readable, compile_filter
from quietzone_notification.rules.domain import Kind, kafka_topic
from quietzone_notification.topics.domain import CONFIRM_WITHIN_MS, Message, State, Subscription, Topic

MAX_FILTERS = 1_000  # compiled ones in memory, some 10 kB each; of others each message compiles them anew
MAX_PART = 100
MAX_PART_BYTES = 8_000_000
"""What of a message is handed on at once: as many deliveries, or bytes of them."""

JSON, TEXT = "application/json", "text/plain; charset=utf-8"

DeriveId = Callable[..., str]
"""An id that is the same for the same texts."""


def wants(subscription: Subscription, message: Readable) -> bool:
    """Whether a subscription gets a message; reading it takes longer than a policy does, so that all subscriptions have one `Readable`."""
    if subscription.state is not State.CONFIRMED:
        return False
    if not subscription.options.filter_policy:
        return True
    policy = _filter(subscription.options.filter_policy, subscription.options.filter_scope.value)
    return policy.takes(message)


def delivery_of(derive: DeriveId, topic: Topic, subscription: Subscription, message: Message) -> NewDelivery:
    """The delivery of a message to a subscription; its id follows from both."""
    kind = subscription.kind
    is_raw = subscription.options.raw or kind in (Kind.MAIL, Kind.PUSH)  # a phone shows what it gets
    is_kafka = kind is Kind.KAFKA
    return NewDelivery(
        id=derive("subscription delivery", message.message_id, subscription.subscription_id),
        account_id=subscription.account_id,
        cause=f"subscription:{subscription.subscription_id}",
        event_id=message.message_id,
        event_type="Notification",
        kind=kind.word,
        destination=kafka_topic(subscription.account_id, subscription.destination) if is_kafka else subscription.destination,
        body=(message.text if is_raw else message.wrapped(subscription.subscription_id)).encode(),
        content_type=TEXT if is_raw else JSON,
        headers=(("x-subject", _subject(topic, message)),) if kind is Kind.MAIL else (),
        max_attempts=None,
        max_age_ms=None,
        created_ms=message.at_ms,
    )


def asking(derive: DeriveId, topic: Topic, subscription: Subscription, link: str) -> NewDelivery:
    """The mail that asks whoever is at an address whether he wants a topic's messages."""
    text = (
        f"Somebody wants messages of {topic.display_name or topic.name} to be sent to this address.\n\n"
        f"If you want them, confirm it within two days:\n{link}\n\nIf not, do nothing: you will get none.\n"
    )
    return NewDelivery(
        id=derive("confirmation", subscription.subscription_id, subscription.token_digest),
        account_id=subscription.account_id,
        cause=CONFIRM_CAUSE,
        event_id=subscription.subscription_id,
        event_type="SubscriptionConfirmation",
        kind="mail",
        destination=subscription.destination,
        body=text.encode(),
        content_type=TEXT,
        headers=(("x-subject", "Confirm that you want these messages"),),
        max_attempts=None,
        max_age_ms=CONFIRM_WITHIN_MS,
        created_ms=subscription.created_at_ms,
    )


def in_parts(deliveries: Iterable[NewDelivery]) -> Iterator[list[NewDelivery]]:
    """Deliveries as they are handed on."""
    part: list[NewDelivery] = []
    size = 0
    for delivery in deliveries:
        if part and (len(part) >= MAX_PART or size + len(delivery.body) > MAX_PART_BYTES):
            yield part
            part, size = [], 0
        part.append(delivery)
        size += len(delivery.body)
    if part:
        yield part


@lru_cache(MAX_FILTERS)
def _filter(policy: str, scope: str) -> Filter:
    return compile_filter(policy, scope)


def _subject(topic: Topic, message: Message) -> str:
    """In ASCII, as headers are."""
    name = topic.display_name.strip() if topic.display_name.isascii() else ""
    return message.subject.strip() or f"Message of {name or topic.name}"
