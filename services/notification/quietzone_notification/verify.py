"""What the role `verify` looks at: all that a release of this service stands on."""

from collections.abc import Sequence
from functools import partial

from quietzone_kit.bus import Bus, Record, Topic
from quietzone_kit.documents import Collection, Documents
from quietzone_kit.events import event_of
from quietzone_kit.tasks import TASKS, task_of
from quietzone_kit.verify import Checks, documents_are_readable, last_events, store_is_ready, topics_are_there
from quietzone_notification.buses.repository import BUSES, bus_of
from quietzone_notification.delivery.deliveries.repository import DELIVERIES
from quietzone_notification.delivery.deliveries.repository import held_of as delivery_of
from quietzone_notification.delivery.endpoints.repository import ENDPOINTS
from quietzone_notification.delivery.endpoints.repository import held_of as endpoint_of
from quietzone_notification.delivery.sender.shares import SHARES, lease_of
from quietzone_notification.events.domain import Event
from quietzone_notification.events.house import events_of, knows
from quietzone_notification.migrations import MIGRATIONS
from quietzone_notification.people.consumers import account_in, told_in
from quietzone_notification.people.repository import ACCOUNTS, PEOPLE, account_of, person_of
from quietzone_notification.push.repository import DEVICES
from quietzone_notification.push.repository import held_of as device_of
from quietzone_notification.rules.domain import Rule
from quietzone_notification.rules.events import rule_in
from quietzone_notification.rules.repository import NUMBERS, RULES, numbers_of, rule_of
from quietzone_notification.streams.repository import STREAMS, stream_of
from quietzone_notification.topics.repository import SUBSCRIPTIONS, TOPICS, subscription_of, topic_of
from quietzone_topics import (
    GATEWAY_ACCOUNT_V1,
    NOTIFICATION_RULE_V1,
    NOTIFICATION_TASK_V1,
    TYPE_GATEWAY_ACCOUNT,
    TYPE_GATEWAY_PERSON,
    TYPE_NOTIFICATION_RULE,
)


async def verify(checks: Checks, documents: Documents, bus: Bus, collections: Sequence[Collection], read: Sequence[Topic]) -> None:
    """Make the checks; `read` are the topics whose events are held against rules."""
    if await checks.see("store", partial(store_is_ready, documents, collections, MIGRATIONS)):
        await checks.see("rules", partial(documents_are_readable, documents, RULES, rule_of))
        await checks.see("rules' numbers", partial(documents_are_readable, documents, NUMBERS, numbers_of))
        await checks.see("buses", partial(documents_are_readable, documents, BUSES, bus_of))
        await checks.see("topics", partial(documents_are_readable, documents, TOPICS, topic_of))
        await checks.see("subscriptions", partial(documents_are_readable, documents, SUBSCRIPTIONS, subscription_of))
        await checks.see("endpoints", partial(documents_are_readable, documents, ENDPOINTS, endpoint_of))
        await checks.see("deliveries", partial(documents_are_readable, documents, DELIVERIES, delivery_of))
        await checks.see("push devices", partial(documents_are_readable, documents, DEVICES, device_of))
        await checks.see("streams", partial(documents_are_readable, documents, STREAMS, stream_of))
        await checks.see("senders", partial(documents_are_readable, documents, SHARES, lease_of))
        await checks.see("accounts", partial(documents_are_readable, documents, ACCOUNTS, account_of))
        await checks.see("people", partial(documents_are_readable, documents, PEOPLE, person_of))
        await checks.see("tasks", partial(documents_are_readable, documents, TASKS, task_of))
    if await checks.see("bus", partial(topics_are_there, bus, (*read, NOTIFICATION_RULE_V1, NOTIFICATION_TASK_V1, GATEWAY_ACCOUNT_V1))):
        await checks.see(f"events of {NOTIFICATION_RULE_V1.name}", partial(last_events, bus, NOTIFICATION_RULE_V1, _rule))
        await checks.see(f"events of {GATEWAY_ACCOUNT_V1.name}", partial(last_events, bus, GATEWAY_ACCOUNT_V1, _told_of))
        for topic in read:
            await checks.see(f"events of {topic.name}", partial(last_events, bus, topic, _heard))


def _rule(record: Record) -> Rule | None:
    event = event_of(record)
    return rule_in(event.data) if event.type == TYPE_NOTIFICATION_RULE else None


def _told_of(record: Record) -> object | None:
    event = event_of(record)
    if event.type == TYPE_GATEWAY_ACCOUNT:
        return account_in(event.data)
    return told_in(event.data) if event.type == TYPE_GATEWAY_PERSON else None


def _heard(record: Record) -> list[Event] | None:
    event = event_of(record)
    return list(events_of(event, lambda _account_id, _code_id: True)) if knows(event.type) else None
