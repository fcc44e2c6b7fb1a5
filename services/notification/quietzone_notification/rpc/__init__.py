"""The services over gRPC: messages to use cases and back."""

from quietzone_notification.rpc.deliveries import DeliveryService
from quietzone_notification.rpc.events import EventService
from quietzone_notification.rpc.mail import MailService
from quietzone_notification.rpc.push import PushService
from quietzone_notification.rpc.rules import RuleService
from quietzone_notification.rpc.tasks import SHOWN
from quietzone_notification.rpc.topics import TopicService
from quietzone_notification.rpc.webhooks import WebhookService

__all__ = ["SHOWN", "DeliveryService", "EventService", "MailService", "PushService", "RuleService", "TopicService", "WebhookService"]
