"""Events, rules, topics, endpoints and deliveries: what is sent, what isn't sent twice, and what is made of answers."""

from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import httpx
import pytest
from unit.client.scripted import CODE_ID, Server, ok, problem

from quietzone_client import (
    Attribute,
    Delivery,
    DeliveryState,
    Entry,
    NoAnswer,
    OpenedDelivery,
    Rule,
    Target,
    TargetInput,
)

NOON = "2026-11-21T12:00:00.000Z"
SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"  # noqa: S105 - Standard Webhooks' own example
PUT = {"failed_entry_count": 0, "entries": [{"event_id": CODE_ID, "error_code": None, "error_message": None}]}
TRIED = {"matches": False, "explanation": "doesn't match", "alternatives": []}
TARGET = {
    "id": "shop",
    "kind": "webhook",
    "destination": CODE_ID,
    "input": {"constant": None, "path": "$.detail", "paths": None, "template": None},
    "max_attempts": None,
    "max_age_s": 60,
    "dead_letter_topic": None,
}
RULE = {
    "id": CODE_ID,
    "bus": "orders",
    "name": "paid",
    "description": "",
    "enabled": True,
    "pattern": {"source": ["shop.till"]},
    "targets": [TARGET],
    "revision": 3,
    "created_at": NOON,
    "updated_at": NOON,
}
ENDPOINT = {
    "id": CODE_ID,
    "url": "https://example.com/hook",
    "description": "",
    "header_names": [],
    "state": "enabled",
    "reason": None,
    "disabled_at": None,
    "failing_since": None,
    "revision": 1,
    "created_at": NOON,
    "updated_at": NOON,
}
DELIVERY = {
    "id": CODE_ID,
    "cause": f"rule:{CODE_ID}:shop",
    "event_id": CODE_ID,
    "event_type": "Order Paid",
    "kind": "webhook",
    "destination": CODE_ID,
    "state": "pending",
    "tries": 1,
    "max_attempts": 10,
    "max_age_s": None,
    "created_at": NOON,
    "due_at": NOON,
    "ended_at": None,
    "error": None,
    "content_type": "application/json",
}
OPENED = DELIVERY | {"attempts": [], "body": "{}", "body_form": "text", "headers": [{"name": "X-Topic", "value": "orders"}]}
REDRIVE = {"id": CODE_ID, "state": "running", "begun": 3, "error": None, "created_at": NOON, "finished_at": None}
CUT = httpx.ReadError("reset")


def items(*found: Any, cursor: str | None = None) -> httpx.Response:
    return ok({"items": list(found), "next_cursor": cursor})


def test_an_event_is_put_with_all_that_is_said_of_it() -> None:
    server = Server.of(ok(PUT))
    noon = datetime(2026, 11, 21, 12, tzinfo=UTC)

    [result] = server.client().events.put([Entry("shop.till", "Order Paid", {"total": 18.5}, ["order:17"], "orders", noon, "o-17")])

    assert (result.ok, result.event_id) == (True, CODE_ID)
    entry = {"source": "shop.till", "detail_type": "Order Paid", "detail": {"total": 18.5}, "bus": "orders", "resources": ["order:17"]}
    assert server.body() == {"entries": [entry | {"time": "2026-11-21T12:00:00+00:00", "id": "o-17"}]}


def test_a_detail_in_a_text_stays_one() -> None:
    server = Server.of(ok(PUT))

    server.client().events.put([Entry("shop.till", "Order Paid", '{"n": 1.10, "n": 2}')])

    assert server.body()["entries"][0]["detail"] == '{"n": 1.10, "n": 2}'


def test_a_detail_may_be_any_mapping() -> None:
    server = Server.of(ok(PUT))

    server.client().events.put([Entry("shop.till", "Order Paid", MappingProxyType({"total": 1}))])

    assert server.body()["entries"][0]["detail"] == {"total": 1}


def test_events_whose_answer_was_lost_are_put_again_under_the_same_name() -> None:
    server = Server.of(CUT, ok(PUT))

    server.client().events.put([Entry("shop.till", "Order Paid", {})])

    assert server.keys == ["name-1", "name-1"]


def test_events_may_have_a_name_that_outlives_the_program() -> None:
    server = Server.of(ok(PUT))

    server.client().events.put([Entry("shop.till", "Order Paid", {})], idempotency_key="o-17")

    assert server.keys == ["o-17"]


def test_an_event_that_is_not_taken_says_why() -> None:
    failed = {"event_id": None, "error_code": "ResourceNotFound", "error_message": "no bus 'nowhere'"}
    server = Server.of(ok({"failed_entry_count": 1, "entries": [failed]}))

    [result] = server.client().events.put([Entry("shop.till", "Order Paid", {}, bus="nowhere")])

    assert (result.ok, result.error_code, result.error_message) == (False, "ResourceNotFound", "no bus 'nowhere'")


def test_a_pattern_is_tried_again_without_a_name_since_it_changes_nothing() -> None:
    server = Server.of(CUT, ok(TRIED))

    tried = server.client().events.test_pattern({"source": ["a"]}, '{"source": "b"}')

    assert (tried.matches, tried.explanation, server.keys) == (False, "doesn't match", [None, None])
    assert server.body(1) == {"pattern": {"source": ["a"]}, "event": '{"source": "b"}'}


def test_a_rule_is_put_with_its_targets() -> None:
    server = Server.of(ok(RULE))
    target = Target("shop", "webhook", CODE_ID, TargetInput(path="$.detail"), max_age_s=60)

    rule = server.client().rules.put("paid", {"source": ["shop.till"]}, [target], bus="orders")

    sent = {"id": "shop", "kind": "webhook", "destination": CODE_ID, "input": {"path": "$.detail"}, "max_age_s": 60}
    assert (server.asked[0].method, server.paths) == ("PUT", ["/v1/event-buses/orders/rules/paid"])
    assert server.body() == {"pattern": {"source": ["shop.till"]}, "targets": [sent], "description": "", "enabled": True}
    assert rule.targets == (target,)


@pytest.mark.parametrize(("revision", "header"), [(None, {}), (0, {"if-none-match": "*"}), (2, {"if-match": '"2"'})])
def test_a_rule_can_be_demanded_to_be_as_it_was_or_not_there(revision: int | None, header: dict[str, str]) -> None:
    server = Server.of(ok(RULE))

    server.client().rules.put("paid", {}, revision=revision)

    sent = server.asked[0].headers
    assert {name: sent[name] for name in ("if-match", "if-none-match") if name in sent} == header


def test_a_rule_that_was_read_can_be_put_as_it_is() -> None:
    server = Server.of(ok(RULE))
    rule = Rule.of(RULE)

    server.client().rules.put(rule.name, rule.pattern, rule.targets)

    assert server.body()["targets"][0]["input"] == {"path": "$.detail"}


@pytest.mark.parametrize("name", ["../default", "a/b", "a?b"])
def test_a_name_with_signs_of_its_own_stays_one_part_of_the_path(name: str) -> None:
    server = Server.of(httpx.Response(204))

    server.client().rules.delete(name)

    assert not set("/?#") & set(server.paths[0].removeprefix("/v1/event-buses/default/rules/"))


def test_rules_of_all_pages_are_listed() -> None:
    server = Server.of(items(RULE, cursor="next"), items(RULE))

    assert [rule.name for rule in server.client().rules.list(bus="orders")] == ["paid", "paid"]
    assert server.paths[1] == "/v1/event-buses/orders/rules?limit=300&cursor=next"


def test_a_deletion_whose_answer_was_lost_is_done_when_nothing_is_there() -> None:
    server = Server.of(CUT, problem(404, "not-found"))

    server.client().rules.delete("paid")

    assert len(server.asked) == 2


def test_a_message_is_published_with_what_policies_look_at() -> None:
    server = Server.of(ok({"message_id": CODE_ID}, 202))

    found = server.client().topics.publish("orders", "paid", subject="Paid", attributes={"total": Attribute("Number", "18.5")})

    assert (found, server.paths) == (CODE_ID, ["/v1/topics/orders/messages"])
    assert server.body() == {"message": "paid", "subject": "Paid", "attributes": {"total": {"type": "Number", "value": "18.5"}}}


def test_a_secret_is_told_but_not_printed() -> None:
    server = Server.of(ok(ENDPOINT | {"secret": SECRET}, 201))

    made = server.client().webhooks.create("https://example.com/hook")

    assert made.secret == SECRET
    assert SECRET not in repr(made)
    assert server.body() == {"url": "https://example.com/hook", "description": "", "headers": {}}


def test_a_secret_whose_answer_was_lost_is_not_made_twice() -> None:
    server = Server.of(CUT)
    client = server.client()

    with pytest.raises(NoAnswer):
        client.webhooks.create("https://example.com/hook")
    with pytest.raises(NoAnswer):
        client.webhooks.rotate_secret(CODE_ID)

    assert server.keys == [None, None]


def test_a_change_of_an_endpoint_sends_what_is_given_only() -> None:
    server = Server.of(ok(ENDPOINT))

    server.client().webhooks.change(CODE_ID, headers={}, revision=1)

    assert (server.asked[0].method, server.body(), server.asked[0].headers["if-match"]) == ("PATCH", {"headers": {}}, '"1"')


def test_deliveries_are_asked_for_by_where_they_go_and_how_they_stand() -> None:
    server = Server.of(items(DELIVERY, cursor="next"), items(DELIVERY))
    since = datetime(2026, 11, 20, tzinfo=UTC)

    found = list(server.client().deliveries.list(destination=CODE_ID, state="dead", since=since))

    assert [each.attempts for each in found] == [None, None]
    asked = dict(server.asked[1].url.params)
    assert asked == {"limit": "100", "destination": CODE_ID, "state": "dead", "since": "2026-11-20T00:00:00+00:00", "cursor": "next"}


@pytest.mark.parametrize(
    ("shown", "body"),
    [
        ({"body": "grün", "body_form": "text"}, "grün".encode()),
        ({"body": "/wA=", "body_form": "base64"}, b"\xff\x00"),
        ({"body": None, "body_form": None}, None),
    ],
)
def test_a_body_comes_as_it_was_sent(shown: dict[str, str | None], body: bytes | None) -> None:
    assert OpenedDelivery.of(OPENED | shown).body == body


@pytest.mark.parametrize(("state", "ended"), [("pending", False), ("delivered", True), ("dead", True), ("dropped", True), ("new", False)])
def test_a_delivery_has_ended_when_nobody_tries_it(state: str, ended: bool) -> None:
    delivery = Delivery.of(DELIVERY | {"state": state})

    assert (delivery.has_ended, isinstance(delivery.state, DeliveryState)) == (ended, True)


def test_a_redrive_is_asked_for_again_by_its_name() -> None:
    server = Server.of(ok(REDRIVE, 202), ok(REDRIVE | {"state": "done", "finished_at": NOON}, 202))
    client = server.client()

    client.deliveries.redrive("dead", cause="rule", idempotency_key="outage-1")
    done = client.deliveries.redrive("dead", cause="rule", idempotency_key="outage-1")

    assert (server.keys, server.body(1)) == (["outage-1"] * 2, {"state": "dead", "cause": "rule"})
    assert (done.state, done.begun) == ("done", 3)
