"""The API over the real notification service: what REST and GraphQL are told is what was put, as it was put."""

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
from contract.access.services import CLOCK, NOTIFICATION_COLLECTIONS, RANDOMNESS, serve_notification
from contract.gateway.served import Api, Servicers, problem, running

from quietzone_kit.documents import open_documents
from quietzone_kit.runtime import ThreadExecutor
from quietzone_notification.delivery.deliveries.repository import Deliveries

RULES = "/v1/event-buses/orders/rules"


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    executor = ThreadExecutor("notification", 2)
    documents = open_documents("sqlite://:memory:", executor=executor, randomness=RANDOMNESS)
    await documents.ensure(*NOTIFICATION_COLLECTIONS)
    notification = partial(serve_notification, documents=documents, sent=Deliveries(documents, CLOCK))
    async with running(tmp_path, Servicers(notification=notification)) as api:
        yield api
    await documents.close()
    executor.close()


async def endpoint(api: Api) -> str:
    made = await api.send("POST", "/v1/webhooks", {"url": "https://example.com/hook", "headers": {"X-Shop": "17"}})
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


async def rule(api: Api, **fields: object) -> None:
    await api.send("PUT", "/v1/event-buses/orders", {})
    put = await api.send("PUT", f"{RULES}/paid", {"pattern": {"source": ["shop.till"]}} | fields)
    assert put.status_code == 200, put.text


async def test_a_rule_is_shown_as_it_was_put(api: Api) -> None:
    given = {
        "id": "shop",
        "kind": "webhook",
        "destination": await endpoint(api),
        "input": {"paths": {"n": "$.detail.n"}, "template": '{"n": <n>}'},
        "max_attempts": 3,
        "max_age_s": 3600,
        "dead_letter_topic": "lost",
    }
    await rule(api, targets=[given], description="paid ones")

    shown = (await api.send("GET", f"{RULES}/paid")).json()

    assert shown["pattern"] == {"source": ["shop.till"]}
    assert shown["targets"] == [given | {"input": {"constant": None, "path": None, **given["input"]}}]  # type: ignore[dict-item]
    assert (shown["description"], shown["numbers"]["matched"]) == ("paid ones", 0)


async def test_a_rule_is_made_once_and_changed_only_as_it_was_seen(api: Api) -> None:
    body = {"pattern": {"source": ["shop.till"]}}
    await api.send("PUT", "/v1/event-buses/orders", {})
    made = await api.send("PUT", f"{RULES}/paid", body, if_none_match="*")
    again = await api.send("PUT", f"{RULES}/paid", body, if_none_match="*")
    changed = await api.send("PUT", f"{RULES}/paid", body | {"enabled": False}, if_match=made.headers["etag"])
    late = await api.send("PUT", f"{RULES}/paid", body, if_match=made.headers["etag"])

    assert [each.status_code for each in (made, again, changed, late)] == [200, 412, 200, 412]


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"pattern": {"source": []}}, "pattern"),
        ({"targets": [{"id": "a", "kind": "webhook", "destination": "nowhere"}]}, "targets.0.destination"),
        ({"targets": [{"id": "a", "kind": "mail", "destination": "eve@example.com"}]}, "targets.0.destination"),
        ({"targets": [{"id": "a", "kind": "kafka", "destination": "lost", "input": {"path": "detail"}}]}, "targets.0.input"),
        ({"targets": [{"id": "a b", "kind": "kafka", "destination": "lost"}]}, "targets.0.id"),
    ],
)
async def test_what_a_rule_cannot_be_is_refused_with_the_field(api: Api, fields: dict[str, object], wrong: str) -> None:
    await api.send("PUT", "/v1/event-buses/orders", {})

    answer = await api.send("PUT", f"{RULES}/paid", {"pattern": {"source": ["shop.till"]}} | fields)

    assert problem(answer) == (400, "invalid-argument", [wrong])


async def test_an_event_of_a_bus_that_is_not_there_is_the_only_one_that_is_not_taken(api: Api) -> None:
    entry = {"source": "shop.till", "detail_type": "Order Paid", "detail": {"total": 18.5}}
    body = {"entries": [entry, entry | {"bus": "nowhere"}, entry | {"detail": "[1]"}, entry | {"source": "quietzone.qr"}]}

    told = (await api.send("POST", "/v1/events", body)).json()

    codes = [each["error_code"] for each in told["entries"]]
    assert (told["failed_entry_count"], codes) == (3, [None, "ResourceNotFound", "MalformedDetail", "NotAuthorizedForSource"])


async def test_events_of_the_same_request_are_the_same_events(api: Api) -> None:
    body = {"entries": [{"source": "shop.till", "detail_type": "Order Paid", "detail": {}}]}

    first, second = [(await api.send("POST", "/v1/events", body, idempotency_key="o-17")).json() for _ in range(2)]

    assert first == second


async def test_a_pattern_says_why_it_does_not_match(api: Api) -> None:
    pattern = {"detail": {"total": [{"numeric": [">", 100]}]}}
    told = (await api.send("POST", "/v1/events/test-pattern", {"pattern": pattern, "event": {"detail": {"total": 18.5}}})).json()

    assert told["matches"] is False
    assert [path["found"] for path in told["alternatives"][0]["paths"]] == [["18.5"]]


async def test_a_message_becomes_a_delivery_that_is_found_looked_at_and_sent_again(api: Api) -> None:
    webhook_id = await endpoint(api)
    await api.send("PUT", "/v1/topics/orders", {"display_name": "Orders"})
    subscription = {"kind": "webhook", "destination": webhook_id, "filter_policy": {"total": [{"numeric": [">", 10]}]}, "raw": True}
    await api.send("POST", "/v1/topics/orders/subscriptions", subscription)
    for total in ("5", "18.5"):
        attributes = {"total": {"type": "Number", "value": total}}
        published = await api.send("POST", "/v1/topics/orders/messages", {"message": f"paid {total}", "attributes": attributes})
        assert published.status_code == 202, published.text

    found = (await api.send("GET", f"/v1/deliveries?destination={webhook_id}&state=pending&cause=subscription")).json()["items"]
    shown = (await api.send("GET", f"/v1/deliveries/{found[0]['id']}")).json()
    again = await api.send("POST", f"/v1/deliveries/{found[0]['id']}/retry")

    assert [(each["id"], each["event_type"]) for each in found] == [(shown["id"], "Notification")]
    assert (shown["body"], shown["body_form"], again.status_code) == ("paid 18.5", "text", 202)


async def test_a_stranger_is_asked_before_he_gets_anything(api: Api) -> None:
    await api.send("PUT", "/v1/topics/orders", {})

    asked = await api.send("POST", "/v1/topics/orders/subscriptions", {"kind": "mail", "destination": "eve@example.com"})
    mail = (await api.send("GET", "/v1/deliveries?destination=eve@example.com")).json()["items"][0]
    shown = (await api.send("GET", f"/v1/deliveries/{mail['id']}")).json()

    assert (asked.json()["state"], shown["body"]) == ("pending", None)
    assert problem(await api.send("POST", f"/v1/deliveries/{mail['id']}/retry"))[0] == 422


async def test_secrets_are_shown_once_and_headers_never(api: Api) -> None:
    made = (await api.send("POST", "/v1/webhooks", {"url": "https://example.com/hook", "headers": {"Authorization": "hunter2"}})).json()
    rotated = (await api.send("POST", f"/v1/webhooks/{made['id']}/secret", {"overlap_s": 60})).json()
    shown = await api.send("GET", f"/v1/webhooks/{made['id']}")

    assert made["secret"] != rotated["secret"]
    assert [secret for secret in (made["secret"], rotated["secret"], "hunter2") if secret in shown.text] == []
    assert shown.json()["header_names"] == ["Authorization"]


async def test_a_redrive_asked_for_twice_is_one(api: Api) -> None:
    first, second = [await api.send("POST", "/v1/deliveries/redrive", {"state": "dead"}, idempotency_key="again") for _ in range(2)]
    other = await api.send("POST", "/v1/deliveries/redrive", {"state": "dead"})

    assert first.json()["id"] == second.json()["id"] != other.json()["id"]


async def test_a_test_event_is_a_delivery(api: Api) -> None:
    sent = await api.send("POST", f"/v1/webhooks/{await endpoint(api)}/test")

    shown = (await api.send("GET", sent.headers["location"])).json()

    assert (shown["event_type"], shown["max_attempts"]) == ("Webhook Test", 1)


async def test_a_device_is_registered_once_whoever_has_it(api: Api) -> None:
    body = {"person": "ada", "platform": "apns", "token": "c0ffee00" * 8}
    first = (await api.send("POST", "/v1/push-devices", body)).json()
    second = (await api.send("POST", "/v1/push-devices", body | {"person": "bob", "topics": ["orders"]})).json()
    listed = (await api.send("GET", "/v1/push-devices?person=bob")).json()["items"]

    assert (first["id"], second["token_end"], listed) == (second["id"], "ee00", [second])
