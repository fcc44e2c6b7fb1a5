"""Topics as others meet them, by gRPC, on every store."""

import asyncio
import json

import pytest
from contract.notification.world import World
from unit.notification.world import ENDPOINT

from quietzone.notification.v1 import rule_pb2, topic_pb2
from quietzone_kit.errors import InvalidInput


@pytest.fixture(autouse=True)
async def orders(world: World) -> topic_pb2.Topic:
    topic: topic_pb2.Topic = (await world.call(world.topics.PutTopic, topic_pb2.PutTopicRequest(name="orders"))).topic
    return topic


def subscribe(destination: str, kind: "rule_pb2.DestinationKind.ValueType", **fields: object) -> topic_pb2.SubscribeRequest:
    return topic_pb2.SubscribeRequest(topic="orders", kind=kind, destination=destination, **fields)  # type: ignore[arg-type]


async def test_a_message_reaches_those_whose_filter_lets_it_through(world: World) -> None:
    policy, scope = '{"sum": [{"numeric": [">", 10]}]}', topic_pb2.FILTER_SCOPE_MESSAGE_BODY
    await world.call(
        world.topics.Subscribe, subscribe(ENDPOINT, rule_pb2.DESTINATION_KIND_WEBHOOK, filter_policy=policy, filter_scope=scope)
    )
    await world.call(world.topics.Subscribe, subscribe("all", rule_pb2.DESTINATION_KIND_KAFKA))
    attributes = {"n": topic_pb2.MessageAttribute(type="Number", value="7")}

    for text in ('{"sum": 12}', '{"sum": 9}'):
        request = topic_pb2.PublishMessageRequest(topic="orders", message=text, attributes=attributes)
        await world.call(world.topics.PublishMessage, request)

    got = [(each.kind, json.loads(each.body)["Message"]) for each in world.outbound.kept.values()]
    assert sorted(got) == [("kafka", '{"sum": 12}'), ("kafka", '{"sum": 9}'), ("webhook", '{"sum": 12}')]


async def test_two_who_subscribe_a_place_at_once_subscribe_it_once(world: World) -> None:
    request = subscribe("all", rule_pb2.DESTINATION_KIND_KAFKA)

    await asyncio.gather(*(world.call(world.topics.Subscribe, request) for _ in range(4)))

    told = await world.call(world.topics.ListSubscriptions, topic_pb2.ListSubscriptionsRequest(topic="orders"))
    assert [each.destination for each in told.subscriptions] == ["all"]


async def test_a_subscription_is_confirmed_by_the_token_of_its_mail(world: World) -> None:
    asked = (await world.call(world.topics.Subscribe, subscribe("ada@example.com", rule_pb2.DESTINATION_KIND_MAIL))).subscription
    (mail,) = world.outbound.kept.values()
    token = mail.body.decode().partition("token=")[2].partition("\n")[0]

    told = (await world.call(world.topics.ConfirmSubscription, topic_pb2.ConfirmSubscriptionRequest(token=token))).subscription

    assert (asked.state, told.state) == (topic_pb2.SUBSCRIPTION_STATE_PENDING, topic_pb2.SUBSCRIPTION_STATE_CONFIRMED)
    listed = await world.call(world.topics.ListSubscriptions, topic_pb2.ListSubscriptionsRequest(topic="orders"))
    assert list(listed.subscriptions) == [told]


@pytest.mark.parametrize("wrong", [{"kind": 0}, {"filter_scope": 9}])
async def test_what_the_contract_has_not_is_named(world: World, wrong: dict[str, int]) -> None:
    request = subscribe("all", rule_pb2.DESTINATION_KIND_KAFKA)
    for name, value in wrong.items():
        setattr(request, name, value)

    with pytest.raises(InvalidInput, match=next(iter(wrong))):
        await world.call(world.topics.Subscribe, request)
