"""The notification service as the gateway sees it: events, rules, topics, webhooks, deliveries, devices and mails."""

from dataclasses import dataclass

from quietzone_gateway.rpc.notification.deliveries import (
    Attempt,
    Deliveries,
    Delivery,
    DeliveryFilter,
    DeliveryPage,
    DeliveryState,
    Header,
    Redrive,
    RedriveState,
)
from quietzone_gateway.rpc.notification.devices import Device, DevicePage, Devices, NewDevice, PushPlatform
from quietzone_gateway.rpc.notification.events import Alternative, Entry, Events, MissedEvents, PathMatch, PutResult, Tailed, Tried
from quietzone_gateway.rpc.notification.looks import Branding, Looks, Rendered, Template
from quietzone_gateway.rpc.notification.mails import Left, MailKind, Mails, NewMail
from quietzone_gateway.rpc.notification.readers import Readers, Suppression, SuppressionPage, SuppressionReason
from quietzone_gateway.rpc.notification.rules import (
    Constant,
    DestinationKind,
    EventBus,
    InputPath,
    NewRule,
    Rule,
    RuleNumbers,
    RulePage,
    Rules,
    Target,
    TargetInput,
    Transformer,
)
from quietzone_gateway.rpc.notification.service import Service
from quietzone_gateway.rpc.notification.topics import (
    FilterScope,
    MessageAttribute,
    NewMessage,
    NewSubscription,
    Subscription,
    SubscriptionPage,
    SubscriptionState,
    Topic,
    TopicPage,
    Topics,
)
from quietzone_gateway.rpc.notification.webhooks import (
    DisabledReason,
    NewWebhook,
    OpenedWebhook,
    Webhook,
    WebhookEdit,
    Webhooks,
    WebhookState,
)
from quietzone_kit.rpc import Peer


@dataclass(frozen=True, slots=True)
class Notification:
    """All that the gateway asks of the notification service."""

    events: Events
    rules: Rules
    topics: Topics
    webhooks: Webhooks
    deliveries: Deliveries
    devices: Devices
    mails: Mails
    looks: Looks
    readers: Readers

    @classmethod
    def of(cls, known: Peer | None) -> "Notification":
        """Clients of one service; None: the installation has none, and each call raises Unavailable."""
        service = Service(known)
        asked = Events(service), Rules(service), Topics(service), Webhooks(service), Deliveries(service), Devices(service)
        return cls(*asked, Mails(service), Looks(service), Readers(service))


__all__ = [
    "Alternative",
    "Attempt",
    "Branding",
    "Constant",
    "Deliveries",
    "Delivery",
    "DeliveryFilter",
    "DeliveryPage",
    "DeliveryState",
    "DestinationKind",
    "Device",
    "DevicePage",
    "Devices",
    "DisabledReason",
    "Entry",
    "EventBus",
    "Events",
    "FilterScope",
    "Header",
    "InputPath",
    "Left",
    "Looks",
    "MailKind",
    "Mails",
    "MessageAttribute",
    "MissedEvents",
    "NewDevice",
    "NewMail",
    "NewMessage",
    "NewRule",
    "NewSubscription",
    "NewWebhook",
    "Notification",
    "OpenedWebhook",
    "PathMatch",
    "PushPlatform",
    "PutResult",
    "Readers",
    "Redrive",
    "RedriveState",
    "Rendered",
    "Rule",
    "RuleNumbers",
    "RulePage",
    "Rules",
    "Service",
    "Subscription",
    "SubscriptionPage",
    "SubscriptionState",
    "Suppression",
    "SuppressionPage",
    "SuppressionReason",
    "Tailed",
    "Target",
    "TargetInput",
    "Template",
    "Topic",
    "TopicPage",
    "Topics",
    "Transformer",
    "Tried",
    "Webhook",
    "WebhookEdit",
    "WebhookState",
    "Webhooks",
]
