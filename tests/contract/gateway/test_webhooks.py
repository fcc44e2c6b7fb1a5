"""Endpoints of webhooks by REST: secrets are shown once, and headers never."""

from typing import Any

import pytest
from contract.gateway.notified import NOON, SECRET, last
from contract.gateway.served import CODE_ID, NOON_MS, Api, problem
from pydantic import BaseModel

from quietzone.notification.v1 import delivery_pb2, webhook_pb2
from quietzone_gateway.rest.webhooks import (
    MAX_OVERLAP_S,
    NEW_WEBHOOK,
    OPENED,
    WEBHOOK,
    NewWebhookInput,
    WebhookView,
    WebhookWithSecretView,
)
from quietzone_gateway.rpc.notification import DisabledReason, Header, NewWebhook, OpenedWebhook, Webhook, WebhookEdit, WebhookState
from quietzone_kit.errors import FailedPrecondition, FieldViolation, InvalidInput, NotFound, RevisionMismatch
from quietzone_notification.delivery.signing import MAX_OVERLAP_MS

ADDRESS = f"/v1/webhooks/{CODE_ID}"
NEW = {"url": "https://example.com/hook"}


async def test_an_endpoint_is_made_and_its_secret_shown_this_once(notifying: Api) -> None:
    body = NEW | {"description": "The shop", "headers": {"X-Shop": "17"}, "secret": SECRET}
    answer = await notifying.send("POST", "/v1/webhooks", body)

    assert (answer.status_code, answer.headers["location"], answer.headers["etag"]) == (201, ADDRESS, '"2"')
    assert (answer.json()["secret"], answer.headers["cache-control"]) == (SECRET, "no-store")
    assert last(notifying) == webhook_pb2.CreateEndpointRequest(
        url="https://example.com/hook",
        description="The shop",
        headers=[delivery_pb2.Header(name="X-Shop", value="17")],
        secret=SECRET,
    )


async def test_a_secret_that_nobody_has_chosen_is_left_to_the_service(notifying: Api) -> None:
    await notifying.send("POST", "/v1/webhooks", NEW)

    assert not last(notifying).HasField("secret")


@pytest.mark.parametrize("path", ["/v1/webhooks", f"{ADDRESS}/secret"])
async def test_an_answer_with_a_secret_is_kept_for_no_repetition(notifying: Api, path: str) -> None:
    answer = await notifying.send("POST", path, NEW if path == "/v1/webhooks" else {}, idempotency_key="once")

    assert problem(answer) == (400, "invalid-argument", ["Idempotency-Key"])
    assert notifying.services.asked == []


async def test_an_endpoint_is_shown_without_what_is_secret(notifying: Api) -> None:
    answer = await notifying.send("GET", ADDRESS)

    assert answer.headers["etag"] == '"2"'
    assert answer.json() == {
        "id": CODE_ID,
        "url": "https://example.com/hook",
        "description": "The shop",
        "header_names": ["X-Shop"],
        "state": "disabled",
        "reason": "gone",
        "disabled_at": NOON,
        "failing_since": None,
        "revision": 2,
        "created_at": NOON,
        "updated_at": NOON,
    }


async def test_endpoints_are_listed(notifying: Api) -> None:
    assert [item["id"] for item in (await notifying.send("GET", "/v1/webhooks")).json()["items"]] == [CODE_ID]


async def test_only_what_is_given_is_changed(notifying: Api) -> None:
    await notifying.send("PATCH", ADDRESS, {"state": "enabled"}, if_match='"2"')
    enabled = last(notifying)
    await notifying.send("PATCH", ADDRESS, {"headers": {}})

    assert enabled == webhook_pb2.ChangeEndpointRequest(endpoint_id=CODE_ID, state=webhook_pb2.ENDPOINT_STATE_ENABLED, expected_revision=2)
    assert last(notifying) == webhook_pb2.ChangeEndpointRequest(endpoint_id=CODE_ID, headers=webhook_pb2.HeadersChange())


@pytest.mark.parametrize(
    ("body", "field"), [({}, "body"), ({"url": None}, "url"), ({"state": "gone"}, "state"), ({"secret": SECRET}, "secret")]
)
async def test_a_change_that_cannot_be_is_refused_with_the_field(notifying: Api, body: dict[str, Any], field: str) -> None:
    assert problem(await notifying.send("PATCH", ADDRESS, body)) == (400, "invalid-argument", [field])


async def test_an_endpoint_that_has_moved_on_is_not_changed(notifying: Api) -> None:
    notifying.services.fail("ChangeEndpoint", RevisionMismatch("the endpoint has revision 3, not 2"))

    assert problem(await notifying.send("PATCH", ADDRESS, {"state": "enabled"}, if_match='"2"'))[0] == 412


@pytest.mark.parametrize(("body", "overlap_ms"), [({}, 86_400_000), ({"overlap_s": 0}, 0), ({"overlap_s": MAX_OVERLAP_S}, MAX_OVERLAP_MS)])
async def test_a_secret_is_changed_and_those_before_sign_for_a_while(notifying: Api, body: dict[str, int], overlap_ms: int) -> None:
    answer = await notifying.send("POST", f"{ADDRESS}/secret", body)

    assert (answer.status_code, answer.json()["secret"], last(notifying).overlap_ms) == (200, SECRET, overlap_ms)


async def test_an_overlap_beyond_a_week_is_refused(notifying: Api) -> None:
    assert problem(await notifying.send("POST", f"{ADDRESS}/secret", {"overlap_s": MAX_OVERLAP_S + 1}))[2] == ["overlap_s"]


async def test_a_test_event_is_sent_and_location_says_where_to_look(notifying: Api) -> None:
    answer = await notifying.send("POST", f"{ADDRESS}/test")

    assert (answer.status_code, answer.headers["location"]) == (202, f"/v1/deliveries/{CODE_ID}")
    assert (answer.json()["state"], [attempt["status"] for attempt in answer.json()["attempts"]]) == ("pending", [500])


async def test_an_endpoint_that_is_disabled_is_not_tested(notifying: Api) -> None:
    notifying.services.fail("TestEndpoint", FailedPrecondition("the endpoint is disabled: enable it first"))

    assert problem(await notifying.send("POST", f"{ADDRESS}/test"))[0] == 422


async def test_an_endpoint_is_taken_away(notifying: Api) -> None:
    assert (await notifying.send("DELETE", ADDRESS)).status_code == 204
    assert last(notifying) == webhook_pb2.DeleteEndpointRequest(endpoint_id=CODE_ID)


async def test_what_the_service_refuses_is_named(notifying: Api) -> None:
    notifying.services.fail(
        "CreateEndpoint", InvalidInput(FieldViolation("url", "not of the public internet"), FieldViolation("secret", "short"))
    )

    assert problem(await notifying.send("POST", "/v1/webhooks", NEW)) == (400, "invalid-argument", ["url", "secret"])


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [("GET", "", None), ("PATCH", "", {"state": "enabled"}), ("DELETE", "", None), ("POST", "/secret", {}), ("POST", "/test", None)],
)
async def test_what_the_account_has_not_is_not_found(notifying: Api, method: str, path: str, body: Any) -> None:
    for rpc in ("GetEndpoint", "ChangeEndpoint", "DeleteEndpoint", "RotateSecret", "TestEndpoint"):
        notifying.services.fail(rpc, NotFound("no webhook endpoint"))

    answers = [await notifying.send(method, f"/v1/webhooks/{webhook_id}{path}", body) for webhook_id in (CODE_ID, "mine")]

    assert [problem(answer)[:2] for answer in answers] == [(404, "not-found")] * 2


def test_nothing_secret_is_printed() -> None:
    headers = (Header("Authorization", "hunter2"),)
    webhook = Webhook(CODE_ID, "https://example.com/", "", (), WebhookState.ENABLED, None, None, None, 1, NOON_MS, NOON_MS)
    asked = NewWebhook("https://example.com/", "", headers, "hunter2"), WebhookEdit(None, None, headers, None, None)

    assert "hunter2" not in repr((*asked, OpenedWebhook(webhook, "hunter2")))


def test_each_state_and_each_reason_is_known() -> None:
    states = {value.name.removeprefix("ENDPOINT_STATE_").lower() for value in webhook_pb2.EndpointState.DESCRIPTOR.values}
    reasons = {value.name.removeprefix("DISABLED_REASON_").lower() for value in webhook_pb2.DisabledReason.DESCRIPTOR.values}

    assert states - {"unspecified"} == {state.value for state in WebhookState}
    assert reasons - {"unspecified"} == {reason.value for reason in DisabledReason}


@pytest.mark.parametrize(
    ("model", "example"), [(NewWebhookInput, NEW_WEBHOOK), (WebhookView, WEBHOOK), (WebhookWithSecretView, OPENED)], ids=str
)
def test_examples_are_such(model: type[BaseModel], example: dict[str, Any]) -> None:
    shown = model.model_validate(example).model_dump(mode="json")

    assert {name: shown[name] for name in example} == example
