"""What notification answers in tests: an event that was put, a rule, a topic, an endpoint, a delivery and a device."""

from typing import Any

from contract.gateway.served import CODE_ID, NOON_MS, Api

from quietzone.notification.v1 import (
    delivery_pb2,
    event_service_pb2,
    mail_pb2,
    push_pb2,
    rule_pb2,
    rule_service_pb2,
    topic_pb2,
    webhook_pb2,
)

NOON = "2026-11-21T12:00:00.000Z"
SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"  # noqa: S105 - Standard Webhooks' own example
PATTERN = '{"source":["shop.till"]}'

BUS = rule_pb2.Bus(name="orders", description="From the till", created_at_ms=NOON_MS)
DEFAULT_BUS = rule_pb2.Bus(name="default", description="events of Quietzone itself")
TARGET = rule_pb2.Target(id="shop", kind=rule_pb2.DESTINATION_KIND_WEBHOOK, destination=CODE_ID)
RULE = rule_pb2.Rule(
    id=CODE_ID,
    account_id="first",
    bus="orders",
    name="paid",
    enabled=True,
    pattern=PATTERN,
    targets=[TARGET],
    revision=3,
    created_at_ms=NOON_MS,
    updated_at_ms=NOON_MS,
)
NUMBERS = rule_service_pb2.RuleNumbers(matched=812, last_matched_at_ms=NOON_MS, delivered=809, given_up=2)
TOPIC = topic_pb2.Topic(name="orders", display_name="Orders", created_at_ms=NOON_MS)
SUBSCRIPTION = topic_pb2.Subscription(
    id=CODE_ID,
    topic="orders",
    kind=rule_pb2.DESTINATION_KIND_MAIL,
    destination="ada@example.com",
    state=topic_pb2.SUBSCRIPTION_STATE_PENDING,
    filter_policy='{"total":[{"numeric":[">",10]}]}',
    filter_scope=topic_pb2.FILTER_SCOPE_MESSAGE_BODY,
    created_at_ms=NOON_MS,
)
WEBHOOK = webhook_pb2.Endpoint(
    id=CODE_ID,
    url="https://example.com/hook",
    description="The shop",
    header_names=["X-Shop"],
    state=webhook_pb2.ENDPOINT_STATE_DISABLED,
    reason=webhook_pb2.DISABLED_REASON_GONE,
    disabled_at_ms=NOON_MS,
    revision=2,
    created_at_ms=NOON_MS,
    updated_at_ms=NOON_MS,
)
ATTEMPT = delivery_pb2.Attempt(at_ms=NOON_MS, took_ms=120, url="https://example.com/hook", status=500, answer="no")
LISTED = delivery_pb2.Delivery(
    id=CODE_ID,
    cause=f"rule:{CODE_ID}:shop",
    event_id=CODE_ID,
    event_type="Order Paid",
    kind=rule_pb2.DESTINATION_KIND_WEBHOOK,
    destination=CODE_ID,
    state=delivery_pb2.DELIVERY_STATE_PENDING,
    tries=1,
    max_attempts=10,
    max_age_ms=3_600_000,
    created_at_ms=NOON_MS,
    due_at_ms=NOON_MS,
    error="answered 500",
    content_type="application/json",
)
REDRIVE = delivery_pb2.Redrive(id=CODE_ID, state=delivery_pb2.REDRIVE_STATE_RUNNING, begun=300, created_at_ms=NOON_MS)
DEVICE = push_pb2.Device(
    id=CODE_ID,
    person="ada",
    platform=push_pb2.PUSH_PLATFORM_APNS,
    token_end="ee00",  # noqa: S106 - what is told of one
    topics=["orders"],
    created_at_ms=NOON_MS,
    seen_at_ms=NOON_MS,
)
BRANDING = mail_pb2.Branding(name="North & Sons", colour="#1f2937", revision=1, updated_at_ms=NOON_MS)
TEMPLATE = mail_pb2.Template(name="event", subject="s", text="t", html="h", revision=2, updated_at_ms=NOON_MS)
SUPPRESSED = mail_pb2.SUPPRESSION_REASON_BY_HAND
SUPPRESSION = mail_pb2.Suppression(address="bob@example.com", kind="milestone", reason=SUPPRESSED, at_ms=NOON_MS, detail="by phone")
PREFERENCES = mail_pb2.Preferences(address="ada@example.com", wanted={"milestone": True, "created": False})
TRIED = event_service_pb2.TestEventPatternResponse(
    matches=True,
    explanation="matches",
    alternatives=[
        event_service_pb2.PatternAlternative(
            matched=True,
            paths=[event_service_pb2.PathMatch(path="source", wanted=['"shop.till"'], found=['"shop.till"'], matched=True)],
        )
    ],
)


def attempted() -> delivery_pb2.Delivery:
    """The delivery with its attempts."""
    delivery = delivery_pb2.Delivery(attempts=[ATTEMPT])
    delivery.MergeFrom(LISTED)
    return delivery


def opened(body: bytes = b'{"paid":true}') -> delivery_pb2.Delivery:
    """The delivery with all that is known of it."""
    delivery = attempted()
    delivery.body = body
    delivery.headers.add(name="X-Topic", value="orders")
    return delivery


def last(api: Api) -> Any:
    """What was asked last."""
    return api.services.asked[-1]


def answer_notification(api: Api) -> None:
    """Have notification answer each question."""
    put = event_service_pb2.PutEventsResponse(results=[event_service_pb2.PutEventsResult(event_id=CODE_ID)])
    for method, message in {
        "PutEvents": put,
        "TestEventPattern": TRIED,
        "PutBus": rule_service_pb2.PutBusResponse(bus=BUS),
        "ListBuses": rule_service_pb2.ListBusesResponse(buses=[DEFAULT_BUS, BUS]),
        "DeleteBus": rule_service_pb2.DeleteBusResponse(),
        "PutRule": rule_service_pb2.PutRuleResponse(rule=RULE),
        "GetRule": rule_service_pb2.GetRuleResponse(rule=RULE, numbers=NUMBERS),
        "ListRules": rule_service_pb2.ListRulesResponse(rules=[RULE], next_page_token="next"),  # noqa: S106 - no password
        "DeleteRule": rule_service_pb2.DeleteRuleResponse(),
        "PutTopic": topic_pb2.PutTopicResponse(topic=TOPIC),
        "ListTopics": topic_pb2.ListTopicsResponse(topics=[TOPIC], next_page_token="next"),  # noqa: S106 - no password
        "DeleteTopic": topic_pb2.DeleteTopicResponse(),
        "Subscribe": topic_pb2.SubscribeResponse(subscription=SUBSCRIPTION),
        "ListSubscriptions": topic_pb2.ListSubscriptionsResponse(subscriptions=[SUBSCRIPTION]),
        "Unsubscribe": topic_pb2.UnsubscribeResponse(),
        "PublishMessage": topic_pb2.PublishMessageResponse(message_id=CODE_ID),
        "CreateEndpoint": webhook_pb2.CreateEndpointResponse(endpoint=WEBHOOK, secret=SECRET),
        "ListEndpoints": webhook_pb2.ListEndpointsResponse(endpoints=[WEBHOOK]),
        "GetEndpoint": webhook_pb2.GetEndpointResponse(endpoint=WEBHOOK),
        "ChangeEndpoint": webhook_pb2.ChangeEndpointResponse(endpoint=WEBHOOK),
        "RotateSecret": webhook_pb2.RotateSecretResponse(endpoint=WEBHOOK, secret=SECRET),
        "DeleteEndpoint": webhook_pb2.DeleteEndpointResponse(),
        "TestEndpoint": webhook_pb2.TestEndpointResponse(delivery=attempted()),
        "GetDelivery": delivery_pb2.GetDeliveryResponse(delivery=opened()),
        "ListDeliveries": delivery_pb2.ListDeliveriesResponse(deliveries=[LISTED], next_page_token="next"),  # noqa: S106 - no password
        "RetryDelivery": delivery_pb2.RetryDeliveryResponse(delivery=attempted()),
        "RedriveDeliveries": delivery_pb2.RedriveDeliveriesResponse(redrive=REDRIVE),
        "RegisterDevice": push_pb2.RegisterDeviceResponse(device=DEVICE),
        "ListDevices": push_pb2.ListDevicesResponse(devices=[DEVICE], next_page_token="next"),  # noqa: S106 - no password
        "DeleteDevice": push_pb2.DeleteDeviceResponse(),
        "GetBranding": mail_pb2.GetBrandingResponse(branding=BRANDING),
        "PutBranding": mail_pb2.PutBrandingResponse(branding=BRANDING),
        "ListTemplates": mail_pb2.ListTemplatesResponse(templates=[mail_pb2.Template(name="event", revision=2, updated_at_ms=NOON_MS)]),
        "GetTemplate": mail_pb2.GetTemplateResponse(template=TEMPLATE),
        "PutTemplate": mail_pb2.PutTemplateResponse(template=TEMPLATE),
        "DeleteTemplate": mail_pb2.DeleteTemplateResponse(),
        "RenderTemplate": mail_pb2.RenderTemplateResponse(subject="Paid", text="Paid\n", html="<p>Paid</p>"),
        "ListSuppressions": mail_pb2.ListSuppressionsResponse(suppressions=[SUPPRESSION], next_page_token="next"),  # noqa: S106 - no password
        "PutSuppression": mail_pb2.PutSuppressionResponse(suppression=SUPPRESSION),
        "DeleteSuppression": mail_pb2.DeleteSuppressionResponse(),
        "GetPreferences": mail_pb2.GetPreferencesResponse(preferences=PREFERENCES),
        "PutPreferences": mail_pb2.PutPreferencesResponse(preferences=PREFERENCES),
    }.items():
        api.services.answer(method, message)
