"""An example of a request for each method of each service, and what it is about. A method without one fails the matrix."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto

from google.protobuf.message import Message

from quietzone.analytics.v1 import analytics_pb2 as counts
from quietzone.analytics.v1 import exports_pb2 as exports
from quietzone.notification.v1 import delivery_pb2 as deliveries
from quietzone.notification.v1 import event_service_pb2 as events
from quietzone.notification.v1 import mail_pb2 as mails
from quietzone.notification.v1 import push_pb2 as push
from quietzone.notification.v1 import rule_pb2
from quietzone.notification.v1 import rule_service_pb2 as rules
from quietzone.notification.v1 import topic_pb2 as topics
from quietzone.notification.v1 import webhook_pb2 as webhooks
from quietzone.qr.v1 import code_service_pb2 as codes
from quietzone.qr.v1 import health_pb2 as health
from quietzone.storage.v1 import storage_service_pb2 as storage
from quietzone.storage.v1.asset_pb2 import STORAGE_TIER_WARM
from quietzone.tasks.v1 import tasks_pb2 as tasks

FROM_MS, TO_MS = 1_772_409_600_000, 1_772_496_000_000  # 2026-03-02, the day of the scans that are counted


class About(Enum):
    """What a request is about, and so what it may bring whoever asks for another account's."""

    THING = auto()
    """A thing that it names: not found."""
    ACCOUNT = auto()
    """What the account has of what it names, or all that it has: what an account gets that has nothing."""
    NEW = auto()
    """Something that it makes: one of the caller's own."""
    PLATFORM = auto()
    """All accounts together, by a scope that no account gives."""


@dataclass(frozen=True, slots=True)
class Things:
    """What an account has; `request` names the request that has made all of it."""

    code_id: str
    slug: str
    export_id: str
    asset_id: str
    operation_id: str
    rule: str
    """Of a rule, and of the bus that it is on."""
    topic: str
    subscription_id: str
    token: str
    endpoint_id: str
    delivery_id: str
    person: str
    device_id: str
    template: str
    address: str
    """One that gets no mail."""
    mail_token: str
    request: str


@dataclass(frozen=True, slots=True)
class Example:
    """A request that the owner of `Things` can make, and what it is about."""

    about: About
    of: Callable[[Things], Message]


def _new_code(things: Things) -> codes.CreateCodeRequest:
    return codes.CreateCodeRequest(destination="https://example.com/", request_id=things.request)


def _change(things: Things) -> codes.UpdateCodeRequest:
    return codes.UpdateCodeRequest(code_id=things.code_id, title="taken over")


_QUESTION = exports.ExportQuestion(from_ms=FROM_MS, to_ms=TO_MS)

_QR: Mapping[str, Example] = {
    "CreateCode": Example(About.NEW, _new_code),
    "GetCode": Example(About.THING, lambda things: codes.GetCodeRequest(code_id=things.code_id)),
    "ListCodes": Example(About.ACCOUNT, lambda _: codes.ListCodesRequest(filter=codes.CodeFilter(tag="secret"))),
    "UpdateCode": Example(About.THING, _change),
    "DeleteCode": Example(About.THING, lambda things: codes.DeleteCodeRequest(code_id=things.code_id)),
    "GetSymbol": Example(About.THING, lambda things: codes.GetSymbolRequest(code_id=things.code_id)),
    "RenderCode": Example(About.THING, lambda things: codes.RenderCodeRequest(code_id=things.code_id, format=codes.IMAGE_FORMAT_PNG)),
    "GetDestinationHealth": Example(About.THING, lambda things: health.GetDestinationHealthRequest(code_id=things.code_id)),
    "ResolveSlug": Example(About.PLATFORM, lambda things: codes.ResolveSlugRequest(slug=things.slug)),
    "BatchGetCodes": Example(About.ACCOUNT, lambda things: codes.BatchGetCodesRequest(code_ids=[things.code_id])),
    "BatchCreateCodes": Example(About.NEW, lambda things: codes.BatchCreateCodesRequest(items=[_new_code(things)])),
    "BatchUpdateCodes": Example(About.ACCOUNT, lambda things: codes.BatchUpdateCodesRequest(items=[_change(things)])),
    "BatchDeleteCodes": Example(
        About.ACCOUNT, lambda things: codes.BatchDeleteCodesRequest(items=[codes.DeleteCodeRequest(code_id=things.code_id)])
    ),
    "GetFacets": Example(About.ACCOUNT, lambda _: codes.GetFacetsRequest()),
    "BlockCode": Example(About.PLATFORM, lambda things: codes.BlockCodeRequest(code_id=things.code_id, reason="phishing")),
    "UnblockCode": Example(About.PLATFORM, lambda things: codes.UnblockCodeRequest(slug=things.slug, reason="appeal")),
}

_ANALYTICS: Mapping[str, Example] = {
    "GetCodeAnalytics": Example(
        About.ACCOUNT, lambda things: counts.GetCodeAnalyticsRequest(code_id=things.code_id, from_ms=FROM_MS, to_ms=TO_MS)
    ),
    "BatchGetTotals": Example(About.ACCOUNT, lambda things: counts.BatchGetTotalsRequest(code_ids=[things.code_id])),
    "GetAccountUsage": Example(About.ACCOUNT, lambda _: counts.GetAccountUsageRequest(from_ms=FROM_MS, to_ms=TO_MS)),
    "ListCodeScans": Example(About.ACCOUNT, lambda _: counts.ListCodeScansRequest(from_ms=FROM_MS, to_ms=FROM_MS + 1)),
    "ListCreations": Example(About.ACCOUNT, lambda _: counts.ListCreationsRequest()),
    "Reconcile": Example(About.PLATFORM, lambda _: counts.ReconcileRequest()),
}

_EXPORTS: Mapping[str, Example] = {
    "CreateExport": Example(About.NEW, lambda things: exports.CreateExportRequest(question=_QUESTION, request_id=things.request)),
    "GetExport": Example(About.THING, lambda things: exports.GetExportRequest(export_id=things.export_id)),
    "ListExports": Example(About.ACCOUNT, lambda _: exports.ListExportsRequest()),
    "CancelExport": Example(About.THING, lambda things: exports.CancelExportRequest(export_id=things.export_id)),
    "ReadExport": Example(About.THING, lambda things: exports.ReadExportRequest(export_id=things.export_id)),
}

_STORAGE: Mapping[str, Example] = {
    "CreatePrint": Example(About.NEW, lambda things: storage.CreatePrintRequest(labels=[storage.Label(code_id=things.code_id)])),
    "CreateUpload": Example(About.NEW, lambda _: storage.CreateUploadRequest(name="logo.png", media_type="image/png", size=10)),
    "GetAsset": Example(About.THING, lambda things: storage.GetAssetRequest(asset_id=things.asset_id)),
    "ListAssets": Example(About.ACCOUNT, lambda _: storage.ListAssetsRequest()),
    "SignUrl": Example(About.THING, lambda things: storage.SignUrlRequest(asset_id=things.asset_id, variant="_thumb")),
    "DeleteAsset": Example(About.THING, lambda things: storage.DeleteAssetRequest(asset_id=things.asset_id)),
    "GetUsage": Example(About.ACCOUNT, lambda _: storage.GetUsageRequest()),
    "PurgeCopies": Example(About.THING, lambda things: storage.PurgeCopiesRequest(asset_ids=[things.asset_id])),
    "WarmUp": Example(About.THING, lambda things: storage.WarmUpRequest(asset_ids=[things.asset_id])),
    "MoveAsset": Example(About.THING, lambda things: storage.MoveAssetRequest(asset_id=things.asset_id, tier=STORAGE_TIER_WARM)),
    "StartCleanUp": Example(About.NEW, lambda things: storage.StartCleanUpRequest(dry_run=True, request_id=things.request)),
    "GetOperation": Example(About.THING, lambda things: storage.GetOperationRequest(operation_id=things.operation_id)),
    "ListOperations": Example(About.ACCOUNT, lambda _: storage.ListOperationsRequest()),
    "CancelOperation": Example(About.THING, lambda things: storage.CancelOperationRequest(operation_id=things.operation_id)),
}

_TASKS: Mapping[str, Example] = {
    "GetTask": Example(About.THING, lambda things: tasks.GetTaskRequest(task_id=things.operation_id)),
    "ListTasks": Example(About.ACCOUNT, lambda _: tasks.ListTasksRequest()),
    "CancelTask": Example(About.THING, lambda things: tasks.CancelTaskRequest(task_id=things.operation_id)),
    "RetryTask": Example(About.THING, lambda things: tasks.RetryTaskRequest(task_id=things.operation_id)),
}

_EVENTS: Mapping[str, Example] = {
    "PutEvents": Example(
        About.NEW, lambda _: events.PutEventsRequest(entries=[events.EventEntry(source="shop", detail_type="Order", detail="{}")])
    ),
    "TailEvents": Example(About.NEW, lambda _: events.TailEventsRequest(pattern='{"source": ["shop"]}')),
    "TestEventPattern": Example(About.NEW, lambda _: events.TestEventPatternRequest(pattern='{"a": [1]}', event='{"a": 1}')),
}

_RULES: Mapping[str, Example] = {
    "PutBus": Example(About.NEW, lambda things: rules.PutBusRequest(name=f"{things.request}-bus")),
    "ListBuses": Example(About.ACCOUNT, lambda _: rules.ListBusesRequest()),
    "DeleteBus": Example(About.THING, lambda things: rules.DeleteBusRequest(name=things.rule)),
    "PutRule": Example(
        About.NEW,
        lambda _: rules.PutRuleRequest(
            name="orders",
            pattern='{"source": ["shop"]}',
            targets=[rule_pb2.Target(id="t", kind=rule_pb2.DESTINATION_KIND_KAFKA, destination="orders")],
        ),
    ),
    "GetRule": Example(About.THING, lambda things: rules.GetRuleRequest(bus=things.rule, name=things.rule)),
    "ListRules": Example(About.ACCOUNT, lambda things: rules.ListRulesRequest(bus=things.rule)),
    "DeleteRule": Example(About.THING, lambda things: rules.DeleteRuleRequest(bus=things.rule, name=things.rule)),
}

_TOPICS: Mapping[str, Example] = {
    "PutTopic": Example(About.NEW, lambda things: topics.PutTopicRequest(name=f"{things.request}-topic")),
    "ListTopics": Example(About.ACCOUNT, lambda _: topics.ListTopicsRequest()),
    "DeleteTopic": Example(About.THING, lambda things: topics.DeleteTopicRequest(name=things.topic)),
    "Subscribe": Example(
        About.THING,
        lambda things: topics.SubscribeRequest(topic=things.topic, kind=rule_pb2.DESTINATION_KIND_KAFKA, destination="orders"),
    ),
    "ConfirmSubscription": Example(About.THING, lambda things: topics.ConfirmSubscriptionRequest(token=things.token)),
    "ListSubscriptions": Example(About.ACCOUNT, lambda things: topics.ListSubscriptionsRequest(topic=things.topic)),
    "Unsubscribe": Example(About.THING, lambda things: topics.UnsubscribeRequest(subscription_id=things.subscription_id)),
    "PublishMessage": Example(About.THING, lambda things: topics.PublishMessageRequest(topic=things.topic, message="hello")),
}

_WEBHOOKS: Mapping[str, Example] = {
    "CreateEndpoint": Example(About.NEW, lambda _: webhooks.CreateEndpointRequest(url="https://example.com/hook")),
    "ListEndpoints": Example(About.ACCOUNT, lambda _: webhooks.ListEndpointsRequest()),
    "GetEndpoint": Example(About.THING, lambda things: webhooks.GetEndpointRequest(endpoint_id=things.endpoint_id)),
    "ChangeEndpoint": Example(
        About.THING, lambda things: webhooks.ChangeEndpointRequest(endpoint_id=things.endpoint_id, url="https://example.com/elsewhere")
    ),
    "RotateSecret": Example(About.THING, lambda things: webhooks.RotateSecretRequest(endpoint_id=things.endpoint_id)),
    "DeleteEndpoint": Example(About.THING, lambda things: webhooks.DeleteEndpointRequest(endpoint_id=things.endpoint_id)),
    "TestEndpoint": Example(About.THING, lambda things: webhooks.TestEndpointRequest(endpoint_id=things.endpoint_id)),
}

_DELIVERIES: Mapping[str, Example] = {
    "GetDelivery": Example(About.THING, lambda things: deliveries.GetDeliveryRequest(delivery_id=things.delivery_id)),
    "ListDeliveries": Example(
        About.ACCOUNT,
        lambda things: deliveries.ListDeliveriesRequest(filter=deliveries.DeliveryFilter(destination=things.endpoint_id)),
    ),
    "RetryDelivery": Example(About.THING, lambda things: deliveries.RetryDeliveryRequest(delivery_id=things.delivery_id)),
    "RedriveDeliveries": Example(
        About.NEW,
        lambda things: deliveries.RedriveDeliveriesRequest(
            filter=deliveries.DeliveryFilter(state=deliveries.DELIVERY_STATE_DEAD), request_id=things.request
        ),
    ),
}

_PUSH: Mapping[str, Example] = {
    "RegisterDevice": Example(
        About.NEW, lambda _: push.RegisterDeviceRequest(person="anna", platform=push.PUSH_PLATFORM_FCM, token="f" * 140, topics=["offers"])
    ),
    "ListDevices": Example(About.ACCOUNT, lambda things: push.ListDevicesRequest(person=things.person)),
    "DeleteDevice": Example(About.THING, lambda things: push.DeleteDeviceRequest(device_id=things.device_id)),
}
_MAILS: Mapping[str, Example] = {
    "SendMail": Example(
        About.PLATFORM,
        lambda things: mails.SendMailRequest(
            to="ada@example.com",
            kind="security",
            template="notice",
            data='{"subject": "s", "paragraphs": []}',
            idempotency_key=things.request,
        ),
    ),
    "Unsubscribe": Example(About.PLATFORM, lambda things: mails.MailServiceUnsubscribeRequest(token=things.mail_token)),
    "GetBranding": Example(About.ACCOUNT, lambda _: mails.GetBrandingRequest()),
    "PutBranding": Example(About.NEW, lambda _: mails.PutBrandingRequest(branding=mails.Branding(name="Menus"))),
    "ListTemplates": Example(About.ACCOUNT, lambda _: mails.ListTemplatesRequest()),
    "GetTemplate": Example(About.THING, lambda things: mails.GetTemplateRequest(name=things.template)),
    "PutTemplate": Example(
        About.NEW, lambda _: mails.PutTemplateRequest(template=mails.Template(name="event", subject="s", text="t", html="h"))
    ),
    "DeleteTemplate": Example(About.THING, lambda things: mails.DeleteTemplateRequest(name=things.template)),
    "RenderTemplate": Example(About.THING, lambda things: mails.RenderTemplateRequest(name=things.template)),
    "ListSuppressions": Example(About.ACCOUNT, lambda _: mails.ListSuppressionsRequest()),
    "PutSuppression": Example(About.NEW, lambda _: mails.PutSuppressionRequest(address="ada@example.com")),
    "DeleteSuppression": Example(About.THING, lambda things: mails.DeleteSuppressionRequest(address=things.address)),
    "GetPreferences": Example(About.ACCOUNT, lambda _: mails.GetPreferencesRequest(address="left@example.com")),
    "PutPreferences": Example(
        About.NEW,
        lambda _: mails.PutPreferencesRequest(preferences=mails.Preferences(address="ada@example.com", wanted={"created": False})),
    ),
}

EXAMPLES: Mapping[str, Example] = {
    f"{service}/{method}": example
    for service, examples in (
        ("quietzone.qr.v1.CodeService", _QR),
        ("quietzone.analytics.v1.AnalyticsService", _ANALYTICS),
        ("quietzone.analytics.v1.ExportService", _EXPORTS),
        ("quietzone.storage.v1.StorageService", _STORAGE),
        ("quietzone.tasks.v1.TaskService", _TASKS),
        ("quietzone.notification.v1.EventService", _EVENTS),
        ("quietzone.notification.v1.RuleService", _RULES),
        ("quietzone.notification.v1.TopicService", _TOPICS),
        ("quietzone.notification.v1.WebhookService", _WEBHOOKS),
        ("quietzone.notification.v1.DeliveryService", _DELIVERIES),
        ("quietzone.notification.v1.PushService", _PUSH),
        ("quietzone.notification.v1.MailService", _MAILS),
    )
    for method, example in examples.items()
}
