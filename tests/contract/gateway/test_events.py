"""Events by REST: put on buses, and tried on patterns."""

import json
from typing import Any

import pytest
from contract.gateway.notified import answer_notification, last
from contract.gateway.served import CODE_ID, KEY, NOON_MS, Api, problem
from pydantic import BaseModel

from quietzone.notification.v1 import event_service_pb2
from quietzone_gateway.rest.bounds import DEFAULT, bounds_of
from quietzone_gateway.rest.events import ENTRY, PUT, TRIAL, TRIED, EntryInput, PutView, TrialInput, TriedView
from quietzone_gateway.rest.json_text import as_value
from quietzone_gateway.rpc.notification import Notification
from quietzone_kit.errors import FieldViolation, InvalidInput, Unavailable
from quietzone_kit.rpc import Caller

PAID = {"source": "shop.till", "detail_type": "Order Paid", "detail": {"total": 18.5}}


async def put(api: Api, *entries: dict[str, Any], **headers: str) -> Any:
    return await api.send("POST", "/v1/events", {"entries": list(entries)}, **headers)


async def test_an_event_is_put_with_all_that_is_said_of_it(notifying: Api) -> None:
    entry = PAID | {"resources": ["order:17"], "bus": "orders", "time": "2026-11-21T13:00:00+01:00", "id": "o-17"}
    answer = await put(notifying, entry)

    assert (answer.status_code, answer.json()) == (
        200,
        {"failed_entry_count": 0, "entries": [{"event_id": CODE_ID, "error_code": None, "error_message": None}]},
    )
    assert last(notifying).entries == [
        event_service_pb2.EventEntry(
            source="shop.till",
            detail_type="Order Paid",
            detail='{"total":18.5}',
            resources=["order:17"],
            bus="orders",
            time_ms=NOON_MS,
            id="o-17",
        )
    ]


async def test_an_event_that_is_not_taken_says_why_and_the_others_are(notifying: Api) -> None:
    results = [
        event_service_pb2.PutEventsResult(event_id=CODE_ID),
        event_service_pb2.PutEventsResult(error_code="ResourceNotFound", error_message="no bus 'nowhere'"),
    ]
    notifying.services.answer("PutEvents", event_service_pb2.PutEventsResponse(failed_entry_count=1, results=results))

    told = (await put(notifying, PAID, PAID | {"bus": "nowhere"})).json()

    assert told["failed_entry_count"] == 1
    assert [(each["event_id"], each["error_code"]) for each in told["entries"]] == [(CODE_ID, None), (None, "ResourceNotFound")]


async def test_a_detail_given_as_text_goes_letter_by_letter(notifying: Api) -> None:
    text = '{"n": 1.10, "n": 123456789012345678901234567890}'
    await put(notifying, PAID | {"detail": text})

    assert last(notifying).entries[0].detail == text


async def test_the_same_request_again_puts_what_was_not_taken_under_the_same_ids(notifying: Api) -> None:
    failed = event_service_pb2.PutEventsResult(error_code="ServiceUnavailable", error_message="the event bus doesn't answer")
    notifying.services.answer("PutEvents", event_service_pb2.PutEventsResponse(failed_entry_count=1, results=[failed]))
    first = await put(notifying, PAID, idempotency_key="till-1")
    answer_notification(notifying)
    second = await put(notifying, PAID, idempotency_key="till-1")

    assert [answer.json()["failed_entry_count"] for answer in (first, second)] == [1, 0]
    ids = [asked.entries[0].id for asked in notifying.services.asked]
    assert (ids[0], len(set(ids))) == (ids[1], 1)
    assert ids[0]


async def test_entries_of_a_named_request_are_events_of_their_own(notifying: Api) -> None:
    await put(notifying, PAID, PAID, PAID | {"id": "mine"}, idempotency_key="till-1")

    ids = [entry.id for entry in last(notifying).entries]
    assert (len(set(ids)), ids[2]) == (3, "mine")


async def test_a_key_of_other_events_is_refused(notifying: Api) -> None:
    await put(notifying, PAID, idempotency_key="till-1")

    assert problem(await put(notifying, PAID | {"source": "shop.web"}, idempotency_key="till-1"))[:2] == (422, "idempotency-key-reused")


@pytest.mark.parametrize(
    ("entry", "field"),
    [
        ({"detail": [1]}, "entries.0.detail"),
        ({"detail": None}, "entries.0.detail"),
        ({"detail": {"half": "\ud800"}}, "entries.0.detail"),
        ({"detail": "\ud800"}, "entries.0.detail"),
        ({"time": "yesterday"}, "entries.0.time"),
        ({"source": "\ud800"}, "entries.0.source"),
        ({"account_id": "other"}, "entries.0.account_id"),
    ],
)
async def test_what_can_be_no_event_is_named(notifying: Api, entry: dict[str, Any], field: str) -> None:
    body = json.dumps({"entries": [PAID | entry]})
    headers = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}
    answer = await notifying.http.post("/v1/events", content=body, headers=headers)

    assert problem(answer) == (400, "invalid-argument", [field])


@pytest.mark.parametrize("count", [0, 11])
async def test_more_events_than_are_put_at_once_or_none_are_refused(notifying: Api, count: int) -> None:
    assert problem(await put(notifying, *[PAID] * count)) == (400, "invalid-argument", ["entries"])


async def test_a_request_may_hold_as_much_as_events_may(notifying: Api) -> None:
    answer = await put(notifying, *[PAID | {"detail": {"text": "ü" * 52_000}}] * 10)

    assert (answer.status_code, len(last(notifying).entries)) == (200, 10)


@pytest.mark.parametrize("path", ["/v1/events/", "/v1/topics", "/v1/event-buses/default", "/v1/event-buses/default/rules"])
def test_other_bodies_are_no_larger(path: str) -> None:
    assert bounds_of(path) == DEFAULT


async def test_a_detail_may_be_as_deep_as_an_event(notifying: Api) -> None:
    deep: dict[str, Any] = {}
    for _ in range(127):
        deep = {"a": deep}

    assert (await put(notifying, PAID | {"detail": deep})).status_code == 200
    assert last(notifying).entries[0].detail == '{"a":' * 127 + "{}" + "}" * 127


async def test_a_pattern_is_tried_and_says_why_it_matches(notifying: Api) -> None:
    answer = await notifying.send(
        "POST", "/v1/events/test-pattern", {"pattern": {"source": ["shop.till"]}, "event": '{"source":"shop.till"}'}
    )

    path = {"path": "source", "wanted": ['"shop.till"'], "found": ['"shop.till"'], "more": 0, "matched": True}
    assert answer.json() == {
        "matches": True,
        "explanation": "matches",
        "alternatives": [{"matched": True, "apart": False, "paths": [path]}],
    }
    assert (last(notifying).pattern, last(notifying).event) == ('{"source":["shop.till"]}', '{"source":"shop.till"}')


async def test_a_pattern_that_is_none_is_named_with_the_reason(notifying: Api) -> None:
    notifying.services.fail("TestEventPattern", InvalidInput(FieldViolation("pattern", "source: Empty arrays are not allowed")))

    answer = await notifying.send("POST", "/v1/events/test-pattern", {"pattern": {"source": []}, "event": {}})

    assert problem(answer) == (400, "invalid-argument", ["pattern"])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": [1, 0.5, "x", null]}', {"a": [1, 0.5, "x", None]}),
        ('{"a": 1, "a": 2}', '{"a": 1, "a": 2}'),
        ('{"a": 0.12345678901234567890}', '{"a": 0.12345678901234567890}'),
        ('{"a": 1e400}', '{"a": 1e400}'),
        ('{"a": 1.50}', {"a": 1.5}),
        (f'{{"a": {"9" * 5_000}}}', f'{{"a": {"9" * 5_000}}}'),
    ],
)
def test_json_is_shown_as_its_text_where_a_value_would_say_something_else(text: str, value: object) -> None:
    assert as_value(text) == value


async def test_an_installation_without_notification_says_so() -> None:
    with pytest.raises(Unavailable, match="QUIETZONE_NOTIFICATION_ADDRESS"):
        await Notification.of(None).rules.buses(Caller("first", frozenset()))


@pytest.mark.parametrize(("model", "example"), [(EntryInput, ENTRY), (PutView, PUT), (TrialInput, TRIAL), (TriedView, TRIED)], ids=str)
def test_examples_are_such(model: type[BaseModel], example: dict[str, Any]) -> None:
    shown = model.model_validate(example).model_dump(mode="json")

    assert {name: shown[name] for name in example} == example
