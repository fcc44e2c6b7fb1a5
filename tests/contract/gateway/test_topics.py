"""Topics, their subscriptions and messages by REST."""

from typing import Any

import pytest
from contract.gateway.notified import NOON, SUBSCRIPTION, last
from contract.gateway.served import CODE_ID, Api, problem
from contract.gateway.test_auth import bearing, enter
from pydantic import BaseModel

from quietzone.notification.v1 import rule_pb2, topic_pb2
from quietzone_gateway.rest.topics import (
    MESSAGE,
    NEW_SUBSCRIPTION,
    TOPIC,
    MessageInput,
    SubscriptionInput,
    SubscriptionView,
    TopicView,
)
from quietzone_gateway.rest.topics import SUBSCRIPTION as SHOWN
from quietzone_gateway.rpc.notification import FilterScope, SubscriptionState
from quietzone_kit.errors import FailedPrecondition, FieldViolation, InvalidInput, NotFound, ResourceExhausted

MESSAGES = "/v1/topics/orders/messages"
SUBSCRIPTIONS = "/v1/topics/orders/subscriptions"


async def test_topics_are_made_listed_and_taken_away(notifying: Api) -> None:
    made = await notifying.send("PUT", "/v1/topics/orders", {"display_name": "Orders"})
    assert (made.status_code, made.json()) == (200, {"name": "orders", "display_name": "Orders", "created_at": NOON})

    page = (await notifying.send("GET", "/v1/topics?limit=7&cursor=abc")).json()
    assert ([item["name"] for item in page["items"]], page["next_cursor"]) == (["orders"], "next")
    assert (last(notifying).page_size, last(notifying).page_token) == (7, "abc")
    assert (await notifying.send("DELETE", "/v1/topics/orders")).status_code == 204
    assert last(notifying) == topic_pb2.DeleteTopicRequest(name="orders")


async def test_a_name_that_no_topic_can_have_is_named(notifying: Api) -> None:
    notifying.services.fail("PutTopic", InvalidInput(FieldViolation("name", "use 1 to 100 characters")))

    assert problem(await notifying.send("PUT", "/v1/topics/a.b", {})) == (400, "invalid-argument", ["topic"])


async def test_a_topic_with_subscriptions_stays(notifying: Api) -> None:
    notifying.services.fail("DeleteTopic", FailedPrecondition("topic orders has subscriptions: end these first"))

    assert problem(await notifying.send("DELETE", "/v1/topics/orders"))[0] == 422


async def test_a_subscription_says_who_gets_which_messages(notifying: Api) -> None:
    policy = {"total": [{"numeric": [">", 10]}]}
    body = {"kind": "mail", "destination": "ada@example.com", "filter_policy": policy, "filter_scope": "message_body", "raw": True}
    answer = await notifying.send("POST", SUBSCRIPTIONS, body)

    assert (answer.status_code, answer.json()) == (
        201,
        {
            "id": CODE_ID,
            "topic": "orders",
            "kind": "mail",
            "destination": "ada@example.com",
            "state": "pending",
            "filter_policy": policy,
            "filter_scope": "message_body",
            "raw": False,
            "created_at": NOON,
        },
    )
    assert last(notifying) == topic_pb2.SubscribeRequest(
        topic="orders",
        kind=rule_pb2.DESTINATION_KIND_MAIL,
        destination="ada@example.com",
        filter_policy='{"total":[{"numeric":[">",10]}]}',
        filter_scope=topic_pb2.FILTER_SCOPE_MESSAGE_BODY,
        raw=True,
    )


@pytest.mark.parametrize("policy", [{}, {"filter_policy": None}])
async def test_a_subscription_without_a_policy_gets_all_messages(notifying: Api, policy: dict[str, None]) -> None:
    await notifying.send("POST", SUBSCRIPTIONS, {"kind": "webhook", "destination": CODE_ID} | policy)

    assert last(notifying).filter_policy == ""


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"kind": "fax"}, "kind"),
        ({"filter_policy": [1]}, "filter_policy"),
        ({"filter_scope": "headers"}, "filter_scope"),
        ({"destination": "x" * 255}, "destination"),
    ],
)
async def test_a_subscription_that_cannot_be_is_refused_with_the_field(notifying: Api, fields: dict[str, Any], wrong: str) -> None:
    body = {"kind": "webhook", "destination": CODE_ID} | fields

    assert problem(await notifying.send("POST", SUBSCRIPTIONS, body)) == (400, "invalid-argument", [wrong])


async def test_a_policy_is_refused_in_the_words_of_sns(notifying: Api) -> None:
    words = "Invalid parameter: FilterPolicy: Filter policy is too complex"
    notifying.services.fail("Subscribe", InvalidInput(FieldViolation("filter_policy", words)))

    answer = await notifying.send("POST", SUBSCRIPTIONS, {"kind": "webhook", "destination": CODE_ID, "filter_policy": {"a": ["b"]}})

    assert answer.json()["errors"] == [{"field": "filter_policy", "reason": words}]


async def test_a_verified_members_address_needs_no_confirmation_however_it_is_written(notifying: Api) -> None:
    entered = bearing((await enter(notifying))["access_token"])
    email = (await notifying.http.get("/v1/me", headers=entered)).json()["email"]

    told = []
    for address in (email, email.upper(), f"x{email}"):
        await notifying.http.post(SUBSCRIPTIONS, json={"kind": "mail", "destination": address}, headers=entered)
        told.append(last(notifying).address_is_verified)

    assert told == [True, True, False]


async def test_an_address_that_was_asked_too_often_is_a_limit_that_was_reached(notifying: Api) -> None:
    notifying.services.fail("Subscribe", ResourceExhausted("ada@example.com was asked 3 times within two days"))

    answer = await notifying.send("POST", SUBSCRIPTIONS, {"kind": "mail", "destination": "ada@example.com"})

    assert problem(answer)[:2] == (429, "resource-exhausted")


async def test_subscriptions_are_listed_and_ended(notifying: Api) -> None:
    page = (await notifying.send("GET", f"{SUBSCRIPTIONS}?limit=7")).json()
    assert ([item["state"] for item in page["items"]], page["next_cursor"]) == (["pending"], None)
    assert (last(notifying).topic, last(notifying).page_size) == ("orders", 7)

    assert (await notifying.send("DELETE", f"/v1/subscriptions/{SUBSCRIPTION.id}")).status_code == 204
    assert last(notifying) == topic_pb2.UnsubscribeRequest(subscription_id=SUBSCRIPTION.id)


async def test_a_message_is_taken_with_its_attributes(notifying: Api) -> None:
    body = {"message": "paid", "subject": "Paid", "attributes": {"total": {"type": "Number", "value": "18.5"}}}
    answer = await notifying.send("POST", MESSAGES, body)

    assert (answer.status_code, answer.json()) == (202, {"message_id": CODE_ID})
    assert last(notifying) == topic_pb2.PublishMessageRequest(
        topic="orders", message="paid", subject="Paid", attributes={"total": topic_pb2.MessageAttribute(type="Number", value="18.5")}
    )


async def test_a_message_that_is_an_object_goes_as_its_text(notifying: Api) -> None:
    await notifying.send("POST", MESSAGES, {"message": {"order": "o-17"}})

    assert last(notifying).message == '{"order":"o-17"}'


async def test_the_same_message_asked_for_twice_is_one(notifying: Api) -> None:
    first, second = [await notifying.send("POST", MESSAGES, {"message": "paid"}, idempotency_key="o-17") for _ in range(2)]

    assert (first.json(), second.headers["idempotent-replayed"]) == (second.json(), "true")
    assert len(notifying.services.asked) == 1
    assert last(notifying).request_id


async def test_a_message_may_be_as_long_as_messages_may(notifying: Api) -> None:
    await notifying.send("POST", MESSAGES, {"message": "ü" * 131_000})

    assert len(last(notifying).message) == 131_000


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "message"),
        ({"message": None}, "message"),
        ({"message": "x", "attributes": {f"a{number}": {"type": "String", "value": "x"} for number in range(11)}}, "attributes"),
        ({"message": "x", "attributes": {"a": {"type": "String"}}}, "attributes.a.value"),
    ],
)
async def test_what_can_be_no_message_is_named(notifying: Api, body: dict[str, Any], field: str) -> None:
    assert problem(await notifying.send("POST", MESSAGES, body)) == (400, "invalid-argument", [field])


@pytest.mark.parametrize(
    ("method", "path", "body", "rpc"),
    [
        ("DELETE", "/v1/topics/orders", None, "DeleteTopic"),
        ("POST", SUBSCRIPTIONS, {"kind": "webhook", "destination": CODE_ID}, "Subscribe"),
        ("POST", MESSAGES, {"message": "x"}, "PublishMessage"),
        ("DELETE", f"/v1/subscriptions/{CODE_ID}", None, "Unsubscribe"),
        ("DELETE", "/v1/subscriptions/mine", None, "Unsubscribe"),
    ],
)
async def test_what_the_account_has_not_is_not_found(notifying: Api, method: str, path: str, body: Any, rpc: str) -> None:
    notifying.services.fail(rpc, NotFound("no such thing"))

    assert problem(await notifying.send(method, path, body))[:2] == (404, "not-found")


def test_each_state_and_each_scope_is_known() -> None:
    states = {value.name.removeprefix("SUBSCRIPTION_STATE_").lower() for value in topic_pb2.SubscriptionState.DESCRIPTOR.values}
    scopes = {value.name.removeprefix("FILTER_SCOPE_").lower() for value in topic_pb2.FilterScope.DESCRIPTOR.values}

    assert states - {"unspecified"} == {state.value for state in SubscriptionState}
    assert scopes - {"unspecified"} == {scope.value for scope in FilterScope}


@pytest.mark.parametrize(
    ("model", "example"),
    [(TopicView, TOPIC), (SubscriptionInput, NEW_SUBSCRIPTION), (SubscriptionView, SHOWN), (MessageInput, MESSAGE)],
    ids=str,
)
def test_examples_are_such(model: type[BaseModel], example: dict[str, Any]) -> None:
    shown = model.model_validate(example).model_dump(mode="json")

    assert {name: shown[name] for name in example} == example
