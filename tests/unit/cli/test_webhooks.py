"""`quietzone webhooks`: what is said of endpoints and deliveries, and how commands end."""

import io

import pytest
from rich.console import Console
from unit.cli.asked import Asked
from unit.client.scripted import CODE_ID, ok
from unit.client.test_events import DELIVERY, ENDPOINT, NOON, OPENED, REDRIVE

from quietzone_cli import webhooks
from quietzone_client import Delivery

ATTEMPT = {"at": NOON, "took_ms": 1120, "url": "https://example.com/hook", "status": 204, "error": None, "answer": ""}
PENDING = DELIVERY | {"attempts": []}
ENDED = OPENED | {"ended_at": NOON, "due_at": None}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    monkeypatch.setattr(webhooks, "TEST_LOOK_S", 0.0)
    monkeypatch.setattr(webhooks, "REDRIVE_LOOK_S", 0.0)
    return Asked(webhooks.app, monkeypatch)


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({}, "enabled https://example.com/hook"),
        ({"failing_since": NOON}, "enabled https://example.com/hook fails since 2026-11-21 12:00:00Z"),
        (
            {"state": "disabled", "reason": "gone", "disabled_at": NOON},
            "disabled https://example.com/hook gone, since 2026-11-21 12:00:00Z",
        ),
    ],
)
def test_endpoints_are_listed_with_what_is_wrong(asked: Asked, fields: dict[str, str], shown: str) -> None:
    asked.answer(ok({"items": [ENDPOINT | fields]}))

    code, out, _ = asked.said("list")

    assert (code, out) == (0, f"id state url trouble {CODE_ID} {shown}")


def test_a_test_event_that_arrives_is_said_to_have(asked: Asked) -> None:
    asked.answer(ok(PENDING, 202), ok(OPENED), ok(ENDED | {"state": "delivered", "attempts": [ATTEMPT]}))

    assert asked.said("test", CODE_ID) == (0, f"✓ {CODE_ID} is delivered: answered 204 in 1,120 ms", "")
    assert asked.server.paths == [f"/v1/webhooks/{CODE_ID}/test", *[f"/v1/deliveries/{CODE_ID}"] * 2]


def test_a_test_event_that_does_not_arrive_says_what_came_back(asked: Asked) -> None:
    refused = ATTEMPT | {"status": 500, "answer": "no\x1b[2J\nway"}
    asked.answer(ok(PENDING, 202), ok(ENDED | {"state": "dead", "error": "answered 500", "attempts": [refused]}))

    assert asked.said("test", CODE_ID) == (1, "", f"✗ {CODE_ID} is dead: answered 500 in 1,120 ms; answered 500; no [2J way")


def test_a_test_event_that_nobody_sends_is_not_waited_for_for_ever(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "TESTED_WITHIN_S", 0.05)
    asked.answer(ok(PENDING, 202), ok(OPENED))

    code, _, err = asked.said("test", CODE_ID)

    assert (code, f"delivery {CODE_ID} is pending after 0 s; is a role that sends running?" in err) == (1, True), err


def test_deliveries_are_asked_for_as_they_are_chosen(asked: Asked) -> None:
    asked.answer(ok({"items": [DELIVERY | {"error": "answered 500"}], "next_cursor": None}))

    code, out, _ = asked.said("deliveries", CODE_ID, "--state", "dead", "--cause", "rule", "--since", "2026-11-20")

    chosen = {"limit": "100", "destination": CODE_ID, "state": "dead", "cause": "rule", "since": "2026-11-20"}
    assert (code, dict(asked.server.asked[0].url.params)) == (0, chosen)
    assert out.endswith(f"{CODE_ID} pending 1/10 answered 500 {CODE_ID} 2026-11-21 12:00:00Z")


def test_no_more_deliveries_are_listed_than_are_asked_for(asked: Asked) -> None:
    asked.answer(ok({"items": [DELIVERY] * 3, "next_cursor": "next"}))

    _, out, _ = asked.said("deliveries", "--limit", "2")

    assert (out.count("pending"), out.endswith("the newest 2"), len(asked.server.asked)) == (2, True, 1)


@pytest.mark.parametrize("width", [80, 200])
def test_deliveries_have_ids_that_can_be_copied(width: int) -> None:
    other = "01a2035e-e080-7249-a3c5-5b5a969d824b"
    delivery = Delivery.of(DELIVERY | {"id": f"test_{CODE_ID}", "destination": other, "error": "the name has no address " * 3})
    out = io.StringIO()

    Console(file=out, width=width).print(webhooks.deliveries_in([delivery]))

    lines = out.getvalue()
    assert (f"test_{CODE_ID}" in lines, other in lines, "…" in lines) == (True, True, False), lines


def test_a_delivery_is_sent_again(asked: Asked) -> None:
    asked.answer(ok(PENDING, 202))

    code, out, _ = asked.said("retry", CODE_ID)

    assert (code, out.startswith(f"✓ {CODE_ID} is sent again")) == (0, True)
    assert asked.server.paths == [f"/v1/deliveries/{CODE_ID}/retry"]


def test_many_are_sent_again_and_waited_for_under_one_name(asked: Asked) -> None:
    done = REDRIVE | {"state": "done", "begun": 1300, "finished_at": NOON}
    asked.answer(ok(REDRIVE, 202), ok(REDRIVE, 202), ok(done, 202))

    assert asked.said("redrive", CODE_ID, "--state", "dead", "--until", "2026-11-21") == (0, "✓ 1,300 are sent again", "")
    assert asked.server.body() == asked.server.body(2) == {"destination": CODE_ID, "state": "dead", "until": "2026-11-21"}
    assert (len(set(asked.server.keys)), None in asked.server.keys) == (1, False)


def test_a_redrive_that_fails_says_why(asked: Asked) -> None:
    asked.answer(ok(REDRIVE | {"state": "dead", "error": "the store is away", "finished_at": NOON}, 202))

    code, _, err = asked.said("redrive", "--all", "--state", "dead")

    assert (code, err) == (1, f"✗ redrive {CODE_ID} is dead: the store is away; 3 are sent again")


@pytest.mark.parametrize("chosen", [[], [CODE_ID, "--all"]])
def test_everything_is_not_sent_again_by_leaving_something_out(asked: Asked, chosen: list[str]) -> None:
    code, _, err = asked.said("redrive", *chosen, "--state", "dead")

    assert (code, "say which: a webhook's id, or --all" in err, asked.server.asked) == (2, True, []), err
