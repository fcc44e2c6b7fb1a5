"""docs/push.md against what it documents."""

import json
import re
from pathlib import Path

from unit.notification.world import BORN_MS, OURS

from quietzone_notification.events.domain import Event
from quietzone_notification.push.domain import MAX_DEVICES, MAX_DEVICES_OF_PERSON, MAX_TOPICS
from quietzone_notification.push.fcm import DEFAULT_PAUSE_MS
from quietzone_notification.push.messages import MAX_PAYLOAD_BYTES, MAX_TEXT_BYTES, Push, read_push
from quietzone_notification.push.sns import PAUSE_MS
from quietzone_notification.rules.inputs import About, Input, InputKind, compile_input

PAGE = (Path(__file__).parents[4] / "docs" / "push.md").read_text()
NUMBERS = dict(re.findall(r"^\| (.+?) \| (.+?) \|$", PAGE, re.MULTILINE))
(TEMPLATE,) = re.findall(r"```json\n(.+?)```", PAGE, re.DOTALL)


def test_the_page_has_the_bounds_that_hold() -> None:
    assert {
        "devices of an account": f"{MAX_DEVICES:,}",
        "devices of a person": f"{MAX_DEVICES_OF_PERSON}",
        "topics of a device": f"{MAX_TOPICS}",
        "a platform's own payload": f"{MAX_PAYLOAD_BYTES:,} bytes",
        "the text for all, as it is shown": f"{MAX_TEXT_BYTES:,} bytes",
    }.items() <= NUMBERS.items()


def test_the_page_has_the_pauses_that_hold() -> None:
    assert f"FCM without a word: {DEFAULT_PAUSE_MS // 1_000} s; SNS: {PAUSE_MS // 1_000} s" in PAGE


def test_the_page_s_template_makes_a_push() -> None:
    event = Event("e1", OURS, "default", "shop", "Order", BORN_MS, (), json.dumps({"n": 7}))
    make = compile_input(Input(InputKind.TEMPLATE, TEMPLATE, {"n": "$.detail.n"}))

    made = make(event, event.tree(), About("r1", "orders", BORN_MS))

    assert read_push(made.encode()) == Push(
        "Order 7 is paid",
        apns={"aps": {"alert": "Order 7 is paid", "badge": 1}},
        fcm={"notification": {"title": "Paid", "body": "Order 7"}, "data": {"order": "7"}},
    )
