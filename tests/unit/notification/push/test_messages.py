"""What is pushed: a text for all, and what single platforms get instead of it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quietzone_notification.push.messages import MAX_PAYLOAD_BYTES, MAX_TEXT_BYTES, InvalidPush, Push, read_push


def of(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'"The order is paid"', "The order is paid"),
        (b"The order is paid", "The order is paid"),
        (b'{"id": 7}', '{"id": 7}'),
        (b'{"default": "Paid"}', "Paid"),
        (b'{"default": 7}', '{"default": 7}'),
        (b"null", "null"),
        (b"\xff", "\N{REPLACEMENT CHARACTER}"),
    ],
)
def test_the_text_is_what_was_given_for_all_else_all_that_was_given(body: bytes, text: str) -> None:
    assert read_push(body) == Push(text)


def test_a_platform_s_own_payload_is_a_text_as_sns_has_it_or_an_object() -> None:
    aps = {"aps": {"alert": "Paid"}}

    assert read_push(of(default="Paid", APNS=json.dumps(aps))) == read_push(of(default="Paid", APNS=aps)) == Push("Paid", apns=aps)


@pytest.mark.parametrize("name", ["FCM", "GCM"])
def test_fcm_is_known_by_both_of_its_names(name: str) -> None:
    assert read_push(of(default="Paid", **{name: {"data": {"order": "7"}}})).fcm == {"data": {"order": "7"}}


def test_fcm_s_message_may_be_wrapped_as_sns_wants_it() -> None:
    wrapped = {"fcmV1Message": {"message": {"data": {"order": "7"}}}}

    assert read_push(of(default="Paid", GCM=wrapped)).fcm == {"data": {"order": "7"}}


def test_without_a_payload_of_its_own_fcm_shows_the_text() -> None:
    assert Push("Paid").for_fcm() == {"notification": {"body": "Paid"}}


def test_a_text_that_nobody_has_made_for_phones_is_cut_between_characters() -> None:
    text = read_push(f'"{"ä" * 2_000}"'.encode()).text

    assert text == "ä" * 498 + "…"
    assert len(text.encode()) <= MAX_TEXT_BYTES


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"default": " "}, "the text of a push is empty"),
        ({"default": "x", "APNS": 7}, "APNS is a JSON object, or a text that has one"),
        ({"default": "x", "APNS": "{"}, "APNS is a JSON object, or a text that has one"),
        ({"default": "x", "APNS": '{"badge": NaN}'}, "APNS is a JSON object, or a text that has one"),
        ({"default": "x", "APNS": {"x": "y" * MAX_PAYLOAD_BYTES}}, "APNS has 4,104 bytes; 4,096 are the most"),
        ({"default": "x", "APNS": {"x": "\ud800"}}, "APNS has half a character (an escape such as \\ud800 by itself), or is too deep"),
        ({"default": "x", "FCM": {"token": "theirs"}}, "FCM takes android, apns, data, fcm_options, notification, webpush, not 'token'"),
        ({"default": "x", "FCM": {"topic": "all"}}, "FCM takes android, apns, data, fcm_options, notification, webpush, not 'topic'"),
        ({"default": "x", "FCM": {"data": {"n": 7}}}, "data of FCM are texts by name"),
        ({"default": "x", "FCM": {"fcmV1Message": {}}}, "fcmV1Message has a message"),
    ],
)
def test_what_no_platform_takes_is_refused_with_a_reason(fields: dict[str, object], reason: str) -> None:
    with pytest.raises(InvalidPush) as refused:
        read_push(of(**fields))

    assert str(refused.value) == reason


def test_what_is_handed_on_reads_as_what_it_was() -> None:
    push = Push("Paid", apns={"aps": {"badge": 1}}, fcm={"data": {"order": "7"}})

    assert read_push(push.encoded()) == push


NAMES = ("default", "APNS", "FCM", "data", "fcmV1Message", "message")
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(st.characters(codec=None)),
    lambda values: (
        st.lists(values) | st.dictionaries(st.sampled_from(["default", "APNS", "FCM", "data", "fcmV1Message", "message"]), values)
    ),
    max_leaves=10,
)


@given(st.binary() | JSON_VALUES.map(lambda value: json.dumps(value).encode()))
def test_whatever_a_rule_makes_is_a_push_that_can_be_sent_or_is_refused(body: bytes) -> None:
    try:
        push = read_push(body)
    except InvalidPush:
        return
    assert read_push(push.encoded()) == push
