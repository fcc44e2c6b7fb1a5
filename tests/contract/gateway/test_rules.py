"""Buses and rules by REST."""

from typing import Any

import pytest
from contract.gateway.notified import NOON, RULE, last
from contract.gateway.served import CODE_ID, Api, problem
from contract.gateway.test_auth import bearing, enter
from pydantic import BaseModel

from quietzone.notification.v1 import rule_pb2, rule_service_pb2
from quietzone_gateway.rest.rules import (
    BUS,
    NEW_RULE,
    NUMBERS,
    TARGET,
    BusView,
    NumbersView,
    RuleInput,
    RuleWithNumbersView,
    TargetInputShape,
)
from quietzone_gateway.rest.rules import RULE as SHOWN
from quietzone_gateway.rpc.notification import DestinationKind
from quietzone_kit.errors import FailedPrecondition, FieldViolation, InvalidInput, NotFound, ResourceExhausted, RevisionMismatch

RULES = "/v1/event-buses/orders/rules"
ADDRESS = f"{RULES}/paid"


def target(**fields: Any) -> dict[str, Any]:
    return {"pattern": {"source": ["shop.till"]}, "targets": [{"id": "shop", "kind": "webhook", "destination": CODE_ID} | fields]}


async def test_buses_are_listed_made_and_taken_away(notifying: Api) -> None:
    listed = (await notifying.send("GET", "/v1/event-buses")).json()
    assert [(item["name"], item["created_at"]) for item in listed["items"]] == [("default", None), ("orders", NOON)]

    made = await notifying.send("PUT", "/v1/event-buses/orders", {"description": "From the till"})
    assert (made.status_code, made.json()["name"], last(notifying).description) == (200, "orders", "From the till")
    assert (await notifying.send("DELETE", "/v1/event-buses/orders")).status_code == 204
    assert last(notifying) == rule_service_pb2.DeleteBusRequest(name="orders")


async def test_the_default_bus_is_named_as_what_cannot_be_made(notifying: Api) -> None:
    notifying.services.fail("PutBus", InvalidInput(FieldViolation("name", "default is there by itself")))

    assert problem(await notifying.send("PUT", "/v1/event-buses/default", {})) == (400, "invalid-argument", ["bus"])


async def test_a_bus_with_rules_stays(notifying: Api) -> None:
    notifying.services.fail("DeleteBus", FailedPrecondition("bus orders has rules: delete these first"))

    assert problem(await notifying.send("DELETE", "/v1/event-buses/orders"))[0] == 422


async def test_a_rule_is_put_whole(notifying: Api) -> None:
    given = {
        "id": "shop",
        "kind": "webhook",
        "destination": CODE_ID,
        "input": {"paths": {"slug": "$.detail.slug"}, "template": '{"text": "<slug>"}'},
        "max_attempts": 3,
        "max_age_s": 60,
        "dead_letter_topic": "lost",
    }
    body = {"pattern": {"source": ["shop.till"]}, "targets": [given], "description": "paid ones", "enabled": False}
    answer = await notifying.send("PUT", ADDRESS, body)

    assert (answer.status_code, answer.headers["etag"]) == (200, '"3"')
    assert last(notifying) == rule_service_pb2.PutRuleRequest(
        bus="orders",
        name="paid",
        description="paid ones",
        disabled=True,
        pattern='{"source":["shop.till"]}',
        targets=[
            rule_pb2.Target(
                id="shop",
                kind=rule_pb2.DESTINATION_KIND_WEBHOOK,
                destination=CODE_ID,
                transformer=rule_pb2.InputTransformer(paths={"slug": "$.detail.slug"}, template='{"text": "<slug>"}'),
                max_attempts=3,
                max_age_ms=60_000,
                dead_letter_topic="lost",
            )
        ],
    )


@pytest.mark.parametrize(
    ("given", "field"),
    [({"constant": '{"a":1}'}, "constant"), ({"path": "$.detail"}, "input_path"), ({"template": "1"}, "transformer"), (None, None)],
)
async def test_a_target_gets_a_constant_a_part_what_a_template_makes_or_all(
    notifying: Api, given: dict[str, str] | None, field: str | None
) -> None:
    await notifying.send("PUT", ADDRESS, target(input=given))

    assert last(notifying).targets[0].WhichOneof("input") == field


@pytest.mark.parametrize("given", [{}, {"constant": "1", "path": "$"}, {"paths": {"a": "$"}}, {"path": "$", "paths": {"a": "$"}}])
async def test_an_input_that_is_nothing_or_two_things_is_refused(notifying: Api, given: dict[str, Any]) -> None:
    assert problem(await notifying.send("PUT", ADDRESS, target(input=given))) == (400, "invalid-argument", ["targets.0.input"])


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"kind": "fax"}, "targets.0.kind"),
        ({"max_attempts": 11}, "targets.0.max_attempts"),
        ({"max_age_s": 59}, "targets.0.max_age_s"),
        ({"max_age_s": 345_601}, "targets.0.max_age_s"),
    ],
)
async def test_a_target_that_cannot_be_is_refused_with_the_field(notifying: Api, fields: dict[str, Any], wrong: str) -> None:
    assert problem(await notifying.send("PUT", ADDRESS, target(**fields))) == (400, "invalid-argument", [wrong])


async def test_what_the_service_refuses_of_a_target_is_named_as_callers_know_it(notifying: Api) -> None:
    refused = [FieldViolation("targets[1].max_age_ms", "use 60000 ms"), FieldViolation("targets[0].destination", "no such endpoint")]
    notifying.services.fail("PutRule", InvalidInput(*refused))

    assert problem(await notifying.send("PUT", ADDRESS, target()))[2] == ["targets.1.max_age_s", "targets.0.destination"]


async def test_the_patterns_own_path_and_reason_are_told(notifying: Api) -> None:
    notifying.services.fail("PutRule", InvalidInput(FieldViolation("pattern", "detail.n[0]: Unrecognized match type nummeric")))

    answer = await notifying.send("PUT", ADDRESS, target())

    assert answer.json()["errors"] == [{"field": "pattern", "reason": "detail.n[0]: Unrecognized match type nummeric"}]


@pytest.mark.parametrize(
    ("headers", "expected"),
    [({}, None), ({"if_match": '"2"'}, 2), ({"if_none_match": "*"}, 0)],
)
async def test_a_put_demands_a_revision_or_that_there_is_none(notifying: Api, headers: dict[str, str], expected: int | None) -> None:
    await notifying.send("PUT", ADDRESS, target(), **headers)

    asked = last(notifying)
    assert (asked.expected_revision if asked.HasField("expected_revision") else None) == expected


@pytest.mark.parametrize("headers", [{"if_none_match": '"2"'}, {"if_none_match": "*", "if_match": '"2"'}])
async def test_other_demands_are_refused(notifying: Api, headers: dict[str, str]) -> None:
    assert problem(await notifying.send("PUT", ADDRESS, target(), **headers)) == (400, "invalid-argument", ["If-None-Match"])


async def test_a_rule_that_has_moved_on_is_not_overwritten(notifying: Api) -> None:
    notifying.services.fail("PutRule", RevisionMismatch("the rule has revision 3"))

    assert problem(await notifying.send("PUT", ADDRESS, target(), if_match='"2"'))[:2] == (412, "aborted")


async def test_a_bus_that_is_full_says_so_and_names_no_time(notifying: Api) -> None:
    notifying.services.fail("PutRule", ResourceExhausted("a bus has at most 300 rules"))

    answer = await notifying.send("PUT", ADDRESS, target())

    assert (answer.status_code, "retry-after" in answer.headers) == (429, False)


async def test_mail_goes_to_verified_members_alone_and_the_gateway_says_who_they_are(notifying: Api) -> None:
    entered = bearing((await enter(notifying))["access_token"])
    email = (await notifying.http.get("/v1/me", headers=entered)).json()["email"]
    mail = target(kind="mail", destination=email)

    assert (await notifying.http.put(ADDRESS, json=mail, headers=entered)).status_code == 200
    theirs = list(last(notifying).verified_addresses)
    await notifying.send("PUT", ADDRESS, mail)  # of an account in which nobody is a member

    assert (theirs, list(last(notifying).verified_addresses)) == ([email], [])


async def test_a_rule_is_shown_with_what_it_has_done(notifying: Api) -> None:
    answer = await notifying.send("GET", ADDRESS)

    assert answer.headers["etag"] == '"3"'
    assert answer.json() == {
        "id": CODE_ID,
        "bus": "orders",
        "name": "paid",
        "description": "",
        "enabled": True,
        "pattern": {"source": ["shop.till"]},
        "targets": [
            {
                "id": "shop",
                "kind": "webhook",
                "destination": CODE_ID,
                "input": None,
                "max_attempts": None,
                "max_age_s": None,
                "dead_letter_topic": None,
            }
        ],
        "revision": 3,
        "created_at": NOON,
        "updated_at": NOON,
        "numbers": {"matched": 812, "failed": 0, "last_matched_at": NOON, "delivered": 809, "given_up": 2},
    }


async def test_a_pattern_that_no_object_can_be_is_shown_as_its_text(notifying: Api) -> None:
    twice = rule_pb2.Rule()
    twice.CopyFrom(RULE)
    twice.pattern = '{"source":["a"],"source":["b"]}'
    notifying.services.answer("GetRule", rule_service_pb2.GetRuleResponse(rule=twice))

    assert (await notifying.send("GET", ADDRESS)).json()["pattern"] == twice.pattern


async def test_rules_are_listed_page_by_page(notifying: Api) -> None:
    page = (await notifying.send("GET", f"{RULES}?limit=7&cursor=abc")).json()

    assert ([item["name"] for item in page["items"]], page["next_cursor"]) == (["paid"], "next")
    assert last(notifying) == rule_service_pb2.ListRulesRequest(bus="orders", page_size=7, page_token="abc")  # noqa: S106 - no password


async def test_a_rule_is_deleted_as_it_was_seen(notifying: Api) -> None:
    assert (await notifying.send("DELETE", ADDRESS, if_match='"3"')).status_code == 204
    assert last(notifying) == rule_service_pb2.DeleteRuleRequest(bus="orders", name="paid", expected_revision=3)


@pytest.mark.parametrize(("method", "rpc"), [("GET", "GetRule"), ("DELETE", "DeleteRule"), ("PUT", "PutRule")])
async def test_what_the_account_has_not_is_not_found(notifying: Api, method: str, rpc: str) -> None:
    notifying.services.fail(rpc, NotFound("no rule 'paid' on bus 'orders'"))

    assert problem(await notifying.send(method, ADDRESS, target() if method == "PUT" else None))[:2] == (404, "not-found")


def test_each_kind_of_destination_is_known() -> None:
    named = {value.name.removeprefix("DESTINATION_KIND_").lower() for value in rule_pb2.DestinationKind.DESCRIPTOR.values}

    assert named - {"unspecified"} == {kind.value for kind in DestinationKind}


@pytest.mark.parametrize(
    ("model", "example"),
    [
        (BusView, BUS),
        (TargetInputShape, TARGET),
        (RuleInput, NEW_RULE),
        (RuleWithNumbersView, {**SHOWN, "numbers": NUMBERS}),
        (NumbersView, NUMBERS),
    ],
    ids=str,
)
def test_examples_are_such(model: type[BaseModel], example: dict[str, Any]) -> None:
    shown = model.model_validate(example).model_dump(mode="json")

    assert {name: without_defaults(shown[name], example[name]) for name in example} == example


def without_defaults(shown: Any, example: Any) -> Any:
    """What an example says of it."""
    if isinstance(example, dict):
        return {name: without_defaults(shown[name], each) for name, each in example.items()}
    if isinstance(example, list):
        return [without_defaults(*pair) for pair in zip(shown, example, strict=True)]
    return shown
