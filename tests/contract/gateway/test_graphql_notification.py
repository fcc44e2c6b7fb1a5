"""Events, rules, topics, webhooks, deliveries and devices by GraphQL: the same questions to the service as by REST."""

from typing import Any

import pytest
from contract.gateway.asking import ask
from contract.gateway.notified import LISTED, NOON, PATTERN, SECRET, last
from contract.gateway.served import CODE_ID, Api
from contract.gateway.test_auth import bearing, enter

from quietzone.notification.v1 import delivery_pb2, rule_service_pb2, webhook_pb2
from quietzone_gateway.graphql.pages import Cursor
from quietzone_kit.errors import FieldViolation, InvalidInput, NotFound, RevisionMismatch

RULE: dict[str, Any] = {
    "pattern": PATTERN,
    "targets": [
        {
            "id": "shop",
            "kind": "WEBHOOK",
            "destination": CODE_ID,
            "input": {"variables": [{"name": "n", "path": "$.detail.n"}], "template": "<n>"},
            "maxAgeS": 60,
        }
    ],
}
PUT_RULE = """mutation ($input: EventRuleInput!, $expected: Count) {
  putEventRule(bus: "orders", name: "paid", input: $input, expectedRevision: $expected) { revision }
}"""


async def test_buses_and_rules_are_listed(notifying: Api) -> None:
    asked = """{
      eventBuses { name createdAt }
      eventRules(bus: "orders", first: 1) { edges { node { name pattern targets { kind input { template } } } } pageInfo { hasNextPage } }
    }"""
    rule = {"name": "paid", "pattern": PATTERN, "targets": [{"kind": "WEBHOOK", "input": None}]}

    assert (await ask(notifying, asked)).data == {
        "eventBuses": [{"name": "default", "createdAt": None}, {"name": "orders", "createdAt": NOON}],
        "eventRules": {"edges": [{"node": rule}], "pageInfo": {"hasNextPage": True}},
    }


async def test_what_a_rule_has_done_is_asked_for_where_it_is_wanted(notifying: Api) -> None:
    alone = await ask(notifying, '{ eventRule(bus: "orders", name: "paid") { numbers { matched lastMatchedAt } } }')
    for_one = len(notifying.services.asked)
    await ask(notifying, '{ eventRules(bus: "orders") { edges { node { numbers { matched } } } } }')

    assert alone.data == {"eventRule": {"numbers": {"matched": 812, "lastMatchedAt": NOON}}}
    assert [type(asked) for asked in notifying.services.asked[for_one:]] == [
        rule_service_pb2.ListRulesRequest,
        rule_service_pb2.GetRuleRequest,
    ]


async def test_a_rule_is_put_as_by_rest(notifying: Api) -> None:
    answer = await ask(notifying, PUT_RULE, {"input": RULE, "expected": 0})
    by_graphql = last(notifying)
    shaped = {"paths": {"n": "$.detail.n"}, "template": "<n>"}
    target = {"id": "shop", "kind": "webhook", "destination": CODE_ID, "input": shaped, "max_age_s": 60}
    await notifying.send("PUT", "/v1/event-buses/orders/rules/paid", {"pattern": PATTERN, "targets": [target]}, if_none_match="*")

    assert answer.data == {"putEventRule": {"revision": 3}}
    assert last(notifying) == by_graphql


@pytest.mark.parametrize(
    ("target", "field"),
    [
        ({"maxAgeS": 59}, "targets.0.maxAgeS"),
        ({"input": {"constant": "1", "path": "$"}}, "targets.0.input"),
    ],
)
async def test_a_target_that_cannot_be_is_refused_with_the_field(notifying: Api, target: dict[str, Any], field: str) -> None:
    given = {"id": "shop", "kind": "WEBHOOK", "destination": CODE_ID} | target

    assert (await ask(notifying, PUT_RULE, {"input": {"pattern": PATTERN, "targets": [given]}})).fields == [field]


async def test_what_the_service_refuses_of_a_rule_is_named_as_callers_know_it(notifying: Api) -> None:
    notifying.services.fail("PutRule", InvalidInput(FieldViolation("targets[0].destination", "no such endpoint")))

    assert (await ask(notifying, PUT_RULE, {"input": RULE})).fields == ["targets.0.destination"]


async def test_a_rule_that_has_moved_on_is_not_overwritten(notifying: Api) -> None:
    notifying.services.fail("PutRule", RevisionMismatch("the rule has revision 3"))

    assert (await ask(notifying, PUT_RULE, {"input": RULE, "expected": 2})).codes == ["ABORTED"]


async def test_rules_that_mail_have_verified_addresses_from_the_gateway(notifying: Api) -> None:
    entered = bearing((await enter(notifying))["access_token"])
    email = (await notifying.http.get("/v1/me", headers=entered)).json()["email"]
    given = {"pattern": PATTERN, "targets": [{"id": "me", "kind": "MAIL", "destination": email}]}
    await notifying.http.post("/graphql", json={"query": PUT_RULE, "variables": {"input": given}}, headers=entered)

    assert list(last(notifying).verified_addresses) == [email]


async def test_buses_and_rules_are_made_and_taken_away(notifying: Api) -> None:
    asked = """mutation {
      putEventBus(name: "orders", description: "From the till") { name }
      deleteEventRule(bus: "orders", name: "paid", expectedRevision: 3)
      deleteEventBus(name: "orders")
    }"""

    assert (await ask(notifying, asked)).data == {"putEventBus": {"name": "orders"}, "deleteEventRule": "paid", "deleteEventBus": "orders"}


async def test_events_are_put_and_named_by_the_request(notifying: Api) -> None:
    entry = """{ source: "shop.till", detailType: "Order Paid", detail: "{\\"n\\":1.10}" }"""
    asked = f"mutation {{ putEvents(entries: [{entry}]) {{ failedEntryCount entries {{ eventId errorCode }} }} }}"
    answer = await ask(notifying, asked)
    unnamed = last(notifying).entries[0]
    await ask(notifying, asked, idempotency_key="o-17")

    assert answer.data == {"putEvents": {"failedEntryCount": 0, "entries": [{"eventId": CODE_ID, "errorCode": None}]}}
    assert (unnamed.detail, unnamed.HasField("id"), last(notifying).entries[0].HasField("id")) == ('{"n":1.10}', False, True)


async def test_a_pattern_is_tried(notifying: Api) -> None:
    asked = 'query ($p: String!) { testEventPattern(pattern: $p, event: "{}") { matches alternatives { paths { wanted found } } } }'

    assert (await ask(notifying, asked, {"p": PATTERN})).data == {
        "testEventPattern": {"matches": True, "alternatives": [{"paths": [{"wanted": ['"shop.till"'], "found": ['"shop.till"']}]}]}
    }
    assert last(notifying).pattern == PATTERN


async def test_topics_and_subscriptions_are_listed(notifying: Api) -> None:
    asked = """{
      topics(first: 1) { edges { node { name } cursor } pageInfo { endCursor } }
      subscriptions(topic: "orders") { edges { node { state filterPolicy filterScope } } pageInfo { hasNextPage } }
    }"""
    cursor = str(Cursor("next"))
    subscription = {"state": "PENDING", "filterPolicy": '{"total":[{"numeric":[">",10]}]}', "filterScope": "MESSAGE_BODY"}

    assert (await ask(notifying, asked)).data == {
        "topics": {"edges": [{"node": {"name": "orders"}, "cursor": cursor}], "pageInfo": {"endCursor": cursor}},
        "subscriptions": {"edges": [{"node": subscription}], "pageInfo": {"hasNextPage": False}},
    }


async def test_a_subscription_is_made_as_by_rest(notifying: Api) -> None:
    given = {"kind": "MAIL", "destination": "ada@example.com", "filterPolicy": '{"a":["b"]}', "filterScope": "MESSAGE_BODY", "raw": True}
    await ask(notifying, 'mutation ($i: NewSubscription!) { subscribe(topic: "orders", input: $i) { id } }', {"i": given})
    by_graphql = last(notifying)
    in_rest = {
        "kind": "mail",
        "destination": "ada@example.com",
        "filter_policy": {"a": ["b"]},
        "filter_scope": "message_body",
        "raw": True,
    }
    await notifying.send("POST", "/v1/topics/orders/subscriptions", in_rest)

    assert last(notifying) == by_graphql


async def test_a_message_is_published_as_by_rest(notifying: Api) -> None:
    given = {"message": "paid", "subject": "Paid", "attributes": [{"name": "total", "type": "Number", "value": "18.5"}]}
    answer = await ask(notifying, 'mutation ($i: NewMessage!) { publishMessage(topic: "orders", input: $i) }', {"i": given})
    by_graphql = last(notifying)
    in_rest = {"message": "paid", "subject": "Paid", "attributes": {"total": {"type": "Number", "value": "18.5"}}}
    await notifying.send("POST", "/v1/topics/orders/messages", in_rest)

    assert answer.data == {"publishMessage": CODE_ID}
    assert last(notifying) == by_graphql


async def test_topics_are_made_and_taken_away_and_subscriptions_ended(notifying: Api) -> None:
    asked = f"""mutation {{
      putTopic(name: "orders", displayName: "Orders") {{ displayName }}
      unsubscribe(id: "{CODE_ID}")
      deleteTopic(name: "orders")
    }}"""

    assert (await ask(notifying, asked)).data == {"putTopic": {"displayName": "Orders"}, "unsubscribe": CODE_ID, "deleteTopic": "orders"}


async def test_endpoints_are_shown_without_what_is_secret(notifying: Api) -> None:
    answer = await ask(
        notifying, f'{{ webhooks {{ id }} webhook(id: "{CODE_ID}") {{ headerNames state reason disabledAt failingSince }} }}'
    )

    shown = {"headerNames": ["X-Shop"], "state": "DISABLED", "reason": "GONE", "disabledAt": NOON, "failingSince": None}
    assert answer.data == {"webhooks": [{"id": CODE_ID}], "webhook": shown}


async def test_a_secret_is_shown_once(notifying: Api) -> None:
    asked = f"""mutation {{
      createWebhook(input: {{ url: "https://example.com/", headers: [{{ name: "X-Shop", value: "17" }}] }}) {{ secret webhook {{ id }} }}
      rotateWebhookSecret(id: "{CODE_ID}", overlapS: 60) {{ secret }}
    }}"""
    answer = await ask(notifying, asked)

    assert answer.data == {"createWebhook": {"secret": SECRET, "webhook": {"id": CODE_ID}}, "rotateWebhookSecret": {"secret": SECRET}}
    assert last(notifying) == webhook_pb2.RotateSecretRequest(endpoint_id=CODE_ID, overlap_ms=60_000)


@pytest.mark.parametrize(
    ("given", "change"),
    [
        ({"state": "ENABLED"}, webhook_pb2.ChangeEndpointRequest(state=webhook_pb2.ENDPOINT_STATE_ENABLED)),
        ({"headers": []}, webhook_pb2.ChangeEndpointRequest(headers=webhook_pb2.HeadersChange())),
    ],
)
async def test_only_what_is_given_of_an_endpoint_is_changed(
    notifying: Api, given: dict[str, Any], change: webhook_pb2.ChangeEndpointRequest
) -> None:
    asked = "mutation ($id: ID!, $i: WebhookChange!) { changeWebhook(id: $id, input: $i, expectedRevision: 2) { revision } }"
    await ask(notifying, asked, {"id": CODE_ID, "i": given})

    change.MergeFrom(webhook_pb2.ChangeEndpointRequest(endpoint_id=CODE_ID, expected_revision=2))
    assert last(notifying) == change


@pytest.mark.parametrize(("given", "field"), [({}, "input"), ({"url": None}, "url"), ({"headers": None}, "headers")])
async def test_a_change_that_is_none_is_refused(notifying: Api, given: dict[str, Any], field: str) -> None:
    asked = "mutation ($id: ID!, $i: WebhookChange!) { changeWebhook(id: $id, input: $i) { revision } }"

    assert (await ask(notifying, asked, {"id": CODE_ID, "i": given})).fields == [field]


async def test_endpoints_are_tested_and_taken_away(notifying: Api) -> None:
    answer = await ask(notifying, f'mutation {{ testWebhook(id: "{CODE_ID}") {{ state }} deleteWebhook(id: "{CODE_ID}") }}')

    assert answer.data == {"testWebhook": {"state": "PENDING"}, "deleteWebhook": CODE_ID}


async def test_deliveries_are_found_as_by_rest(notifying: Api) -> None:
    asked = """{ deliveries(first: 7, filter: { destination: "a", state: DEAD, cause: "rule", since: "2026-11-20", until: "2026-11-21" }) {
      edges { node { id state maxAgeS } }
    } }"""
    answer = await ask(notifying, asked)
    by_graphql = last(notifying)
    await notifying.send("GET", "/v1/deliveries?limit=7&destination=a&state=dead&cause=rule&since=2026-11-20&until=2026-11-21")

    assert answer.data == {"deliveries": {"edges": [{"node": {"id": CODE_ID, "state": "PENDING", "maxAgeS": 3600}}]}}
    assert last(notifying) == by_graphql


async def test_a_page_without_a_delivery_leads_on_to_those_behind_it(notifying: Api) -> None:
    notifying.services.answer("ListDeliveries", delivery_pb2.ListDeliveriesResponse(next_page_token="next"))  # noqa: S106 - no password
    page = (await ask(notifying, "{ deliveries { pageInfo { hasNextPage endCursor } } }")).data["deliveries"]["pageInfo"]
    await ask(notifying, "query ($after: String) { deliveries(after: $after) { edges { cursor } } }", {"after": page["endCursor"]})

    assert (page["hasNextPage"], last(notifying).page_token) == (True, "next")


@pytest.mark.parametrize(
    ("asked", "calls"),
    [
        (f'{{ delivery(id: "{CODE_ID}") {{ details {{ body }} }} }}', 1),
        ("{ deliveries { edges { node { details { body } } } } }", 2),
        ("{ deliveries { edges { node { state } } } }", 1),
    ],
)
async def test_what_is_in_a_delivery_is_asked_for_where_it_is_wanted(notifying: Api, asked: str, calls: int) -> None:
    await ask(notifying, asked)

    assert len(notifying.services.asked) == calls


async def test_a_delivery_is_shown_with_what_is_in_it(notifying: Api) -> None:
    asked = f'{{ delivery(id: "{CODE_ID}") {{ details {{ body bodyForm headers {{ name value }} attempts {{ at status answer }} }} }} }}'
    details = {
        "body": '{"paid":true}',
        "bodyForm": "TEXT",
        "headers": [{"name": "X-Topic", "value": "orders"}],
        "attempts": [{"at": NOON, "status": 500, "answer": "no"}],
    }

    assert (await ask(notifying, asked)).data == {"delivery": {"details": details}}


async def test_deliveries_are_sent_again_one_or_all_that_fit(notifying: Api) -> None:
    asked = f'mutation {{ retryDelivery(id: "{CODE_ID}") {{ state }} redriveDeliveries(filter: {{ state: DEAD }}) {{ state begun }} }}'
    answer = await ask(notifying, asked, idempotency_key="again")

    assert answer.data == {"retryDelivery": {"state": "PENDING"}, "redriveDeliveries": {"state": "RUNNING", "begun": 300}}
    assert last(notifying).request_id


@pytest.mark.parametrize("given", ["{}", "{ state: PENDING }"])
async def test_nobody_sends_everything_again_by_leaving_the_state_out(notifying: Api, given: str) -> None:
    assert (await ask(notifying, f"mutation {{ redriveDeliveries(filter: {given}) {{ id }} }}")).fields == ["state"]


async def test_devices_are_registered_listed_and_forgotten(notifying: Api) -> None:
    given = {"person": "ada", "platform": "APNS", "token": "c0ffee00" * 8, "topics": ["orders"]}
    made = await ask(notifying, "mutation ($i: NewPushDevice!) { registerPushDevice(input: $i) { platform tokenEnd } }", {"i": given})
    listed = await ask(notifying, '{ pushDevices(person: "ada") { edges { node { person topics } } } }')
    whose = last(notifying).person
    gone = await ask(notifying, f'mutation {{ deletePushDevice(id: "{CODE_ID}") }}')

    assert (made.data, gone.data) == ({"registerPushDevice": {"platform": "APNS", "tokenEnd": "ee00"}}, {"deletePushDevice": CODE_ID})
    assert (listed.data, whose) == ({"pushDevices": {"edges": [{"node": {"person": "ada", "topics": ["orders"]}}]}}, "ada")


@pytest.mark.parametrize(
    ("rpc", "asked"),
    [
        ("GetRule", 'eventRule(name: "paid")'),
        ("GetEndpoint", f'webhook(id: "{CODE_ID}")'),
        ("GetEndpoint", 'webhook(id: "mine")'),
        ("GetDelivery", f'delivery(id: "{CODE_ID}")'),
        ("GetDelivery", 'delivery(id: "a b")'),
    ],
)
async def test_what_the_account_has_not_is_null(notifying: Api, rpc: str, asked: str) -> None:
    notifying.services.fail(rpc, NotFound("no such thing"))
    answer = await ask(notifying, f"{{ found: {asked} {{ id }} }}")

    assert (answer.data, answer.errors) == ({"found": None}, [])


async def test_a_part_that_is_away_leaves_the_others_results(notifying: Api) -> None:
    notifying.services.fail("ListDeliveries", InvalidInput(FieldViolation("filter.cause", "ASCII")))
    answer = await ask(notifying, '{ webhooks { id } deliveries(filter: { cause: " " }) { edges { cursor } } }')

    assert (answer.data, answer.fields) == ({"webhooks": [{"id": LISTED.id}], "deliveries": None}, ["filter.cause"])
