"""Deliveries by REST: listed, looked at, sent again."""

from typing import Any

import pytest
from contract.gateway.notified import NOON, REDRIVE, last, opened
from contract.gateway.served import CODE_ID, NOON_MS, Api, problem
from pydantic import BaseModel

from quietzone.notification.v1 import delivery_pb2
from quietzone_gateway.rest.deliveries import (
    ATTEMPTED,
    DELIVERY,
    OPENED,
    DeliveryView,
    DeliveryWithAttemptsView,
    DeliveryWithBodyView,
    RedriveView,
)
from quietzone_gateway.rest.deliveries import REDRIVE as SHOWN
from quietzone_gateway.rpc.notification import DeliveryState, RedriveState
from quietzone_kit.errors import FailedPrecondition, FieldViolation, InvalidInput, NotFound

ADDRESS = f"/v1/deliveries/{CODE_ID}"
REDRIVES = "/v1/deliveries/redrive"


async def test_deliveries_are_listed_without_what_is_in_them(notifying: Api) -> None:
    page = (await notifying.send("GET", "/v1/deliveries")).json()

    assert (page["next_cursor"], last(notifying).page_size) == ("next", 50)
    assert page["items"] == [
        {
            "id": CODE_ID,
            "cause": f"rule:{CODE_ID}:shop",
            "event_id": CODE_ID,
            "event_type": "Order Paid",
            "kind": "webhook",
            "destination": CODE_ID,
            "state": "pending",
            "tries": 1,
            "max_attempts": 10,
            "max_age_s": 3600,
            "created_at": NOON,
            "due_at": NOON,
            "ended_at": None,
            "error": "answered 500",
            "content_type": "application/json",
        }
    ]


async def test_deliveries_are_found_by_where_they_go_how_they_stand_why_and_when(notifying: Api) -> None:
    query = "destination=ada@example.com&state=dead&cause=rule&since=2026-11-20&until=2026-11-21T12:00:00Z&limit=7&cursor=abc"
    await notifying.send("GET", f"/v1/deliveries?{query}")

    assert last(notifying) == delivery_pb2.ListDeliveriesRequest(
        filter=delivery_pb2.DeliveryFilter(
            destination="ada@example.com",
            state=delivery_pb2.DELIVERY_STATE_DEAD,
            cause="rule",
            since_ms=NOON_MS - 36 * 3_600_000,
            until_ms=NOON_MS,
        ),
        page_size=7,
        page_token="abc",  # noqa: S106 - no password
    )


@pytest.mark.parametrize("query", ["state=gone", "limit=101", "limit=0", "since=yesterday", "until=1.1.2026"])
async def test_a_question_that_cannot_be_is_refused_with_the_field(notifying: Api, query: str) -> None:
    assert problem(await notifying.send("GET", f"/v1/deliveries?{query}")) == (400, "invalid-argument", [query.partition("=")[0]])


async def test_what_the_service_refuses_of_a_filter_is_named_as_callers_know_it(notifying: Api) -> None:
    notifying.services.fail(
        "ListDeliveries", InvalidInput(FieldViolation("filter.cause", "ASCII"), FieldViolation("page_token", "none of ours"))
    )

    assert problem(await notifying.send("GET", "/v1/deliveries?cause=%20"))[2] == ["cause", "cursor"]


async def test_a_delivery_is_shown_with_its_body_and_its_attempts(notifying: Api) -> None:
    shown = (await notifying.send("GET", ADDRESS)).json()

    assert (shown["body"], shown["body_form"], shown["headers"]) == ('{"paid":true}', "text", [{"name": "X-Topic", "value": "orders"}])
    assert shown["attempts"] == [
        {"at": NOON, "took_ms": 120, "url": "https://example.com/hook", "status": 500, "error": None, "answer": "no"}
    ]


@pytest.mark.parametrize(("body", "shown"), [("grün".encode(), ("grün", "text")), (b"\xff\x00", ("/wA=", "base64")), (b"", (None, None))])
async def test_a_body_is_a_text_or_base64_or_is_not_told(notifying: Api, body: bytes, shown: tuple[str, str]) -> None:
    notifying.services.answer("GetDelivery", delivery_pb2.GetDeliveryResponse(delivery=opened(body)))

    told = (await notifying.send("GET", ADDRESS)).json()

    assert (told["body"], told["body_form"]) == shown


async def test_a_delivery_is_sent_again(notifying: Api) -> None:
    answer = await notifying.send("POST", f"{ADDRESS}/retry")

    assert (answer.status_code, answer.json()["state"], len(answer.json()["attempts"])) == (202, "pending", 1)
    assert last(notifying) == delivery_pb2.RetryDeliveryRequest(delivery_id=CODE_ID)


async def test_what_asks_a_stranger_is_not_sent_again(notifying: Api) -> None:
    notifying.services.fail("RetryDelivery", FailedPrecondition("a mail that asks for a confirmation is sent once"))

    assert problem(await notifying.send("POST", f"{ADDRESS}/retry"))[0] == 422


async def test_all_that_fit_are_sent_again(notifying: Api) -> None:
    body = {"state": "dead", "destination": CODE_ID, "since": "2026-11-21T12:00:00Z"}
    answer = await notifying.send("POST", REDRIVES, body)

    assert (answer.status_code, answer.json()) == (
        202,
        {"id": CODE_ID, "state": "running", "begun": 300, "error": None, "created_at": NOON, "finished_at": None},
    )
    chosen = delivery_pb2.DeliveryFilter(state=delivery_pb2.DELIVERY_STATE_DEAD, destination=CODE_ID, since_ms=NOON_MS)
    assert last(notifying) == delivery_pb2.RedriveDeliveriesRequest(filter=chosen)


async def test_the_same_redrive_again_says_how_far_it_is(notifying: Api) -> None:
    await notifying.send("POST", REDRIVES, {"state": "dead"}, idempotency_key="after-the-outage")
    done = delivery_pb2.Redrive(id=CODE_ID, state=delivery_pb2.REDRIVE_STATE_DONE, begun=812, created_at_ms=NOON_MS, finished_at_ms=NOON_MS)
    notifying.services.answer("RedriveDeliveries", delivery_pb2.RedriveDeliveriesResponse(redrive=done))
    again = await notifying.send("POST", REDRIVES, {"state": "dead"}, idempotency_key="after-the-outage")

    assert (again.json()["state"], again.json()["begun"], again.json()["finished_at"]) == ("done", 812, NOON)
    first, second = [asked.request_id for asked in notifying.services.asked]
    assert first == second != ""


async def test_a_key_of_another_redrive_is_refused(notifying: Api) -> None:
    await notifying.send("POST", REDRIVES, {"state": "dead"}, idempotency_key="after-the-outage")

    answer = await notifying.send("POST", REDRIVES, {"state": "dropped"}, idempotency_key="after-the-outage")

    assert problem(answer)[:2] == (422, "idempotency-key-reused")


@pytest.mark.parametrize("body", [{}, {"state": "pending"}, {"state": None}])
async def test_nobody_sends_everything_again_by_leaving_the_state_out(notifying: Api, body: dict[str, Any]) -> None:
    assert problem(await notifying.send("POST", REDRIVES, body)) == (400, "invalid-argument", ["state"])


@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/deliveries/{}"), ("POST", "/v1/deliveries/{}/retry")])
async def test_what_the_account_has_not_is_not_found(notifying: Api, method: str, path: str) -> None:
    for rpc in ("GetDelivery", "RetryDelivery"):
        notifying.services.fail(rpc, NotFound("no delivery"))

    answers = [await notifying.send(method, path.format(delivery_id)) for delivery_id in (CODE_ID, "a%20b", "x" * 129)]

    assert [problem(answer)[:2] for answer in answers] == [(404, "not-found")] * 3


async def test_an_id_that_is_no_uuid_is_one_all_the_same(notifying: Api) -> None:
    assert (await notifying.send("GET", f"/v1/deliveries/test_{CODE_ID}")).status_code == 200
    assert last(notifying).delivery_id == f"test_{CODE_ID}"


def test_each_state_is_known() -> None:
    states = {value.name.removeprefix("DELIVERY_STATE_").lower() for value in delivery_pb2.DeliveryState.DESCRIPTOR.values}
    redrives = {value.name.removeprefix("REDRIVE_STATE_").lower() for value in delivery_pb2.RedriveState.DESCRIPTOR.values}

    assert states - {"unspecified"} == {state.value for state in DeliveryState}
    assert redrives - {"unspecified"} == {state.value for state in RedriveState}
    assert REDRIVE.state in delivery_pb2.RedriveState.values()


@pytest.mark.parametrize(
    ("model", "example"),
    [(DeliveryView, DELIVERY), (DeliveryWithAttemptsView, ATTEMPTED), (DeliveryWithBodyView, OPENED), (RedriveView, SHOWN)],
    ids=str,
)
def test_examples_are_such(model: type[BaseModel], example: dict[str, Any]) -> None:
    shown = model.model_validate(example).model_dump(mode="json")

    assert {name: shown[name] for name in example} == example
