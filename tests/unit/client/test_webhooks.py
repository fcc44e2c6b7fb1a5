"""Webhooks by Standard Webhooks; the vector is the one of its reference libraries."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quietzone_client.webhooks import InvalidSignature, Webhook, sign, verify

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 - published
OTHER = "whsec_" + base64.b64encode(b"another secret of 24 bytes").decode()
SENT_AT_S = 1_614_265_330
BODY = b'{"test": 2432232314}'
HEADERS = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": str(SENT_AT_S),
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}


def test_the_vector_of_the_specification_is_verified() -> None:
    assert verify(BODY, HEADERS, SECRET, now_s=SENT_AT_S) == Webhook(HEADERS["webhook-id"], SENT_AT_S, BODY)


def test_what_is_signed_is_the_vector_of_the_specification() -> None:
    assert sign(BODY, SECRET, webhook_id=HEADERS["webhook-id"], at_s=SENT_AT_S) == HEADERS


def test_a_secret_may_come_without_its_prefix_and_headers_in_any_case() -> None:
    verify(BODY, {name.title(): value for name, value in HEADERS.items()}, SECRET.removeprefix("whsec_"), now_s=SENT_AT_S)


def test_while_a_secret_is_replaced_either_side_may_have_two() -> None:
    both = HEADERS | {"webhook-signature": f"v1,{'A' * 43}= v1a,xyz {HEADERS['webhook-signature']}"}

    verify(BODY, both, [OTHER, SECRET], now_s=SENT_AT_S)


@given(st.binary(max_size=200), st.text("abcdef-", min_size=1), st.integers(0, 10**11))
def test_whatever_is_signed_is_verified(body: bytes, webhook_id: str, at_s: int) -> None:
    headers = sign(body, SECRET, webhook_id=webhook_id, at_s=at_s)

    assert verify(body, headers, [OTHER, SECRET], now_s=at_s).body == body


@pytest.mark.parametrize("changed", [b'{"test": 2432232315}', BODY + b" ", b""])
def test_tampering_with_the_body_is_refused(changed: bytes) -> None:
    with pytest.raises(InvalidSignature, match="no signature is by a secret"):
        verify(changed, HEADERS, SECRET, now_s=SENT_AT_S)


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp"])
def test_tampering_with_a_signed_header_is_refused(name: str) -> None:
    changed = HEADERS | {name: HEADERS[name][:-1] + "1"}

    with pytest.raises(InvalidSignature, match="no signature is by a secret"):
        verify(BODY, changed, SECRET, now_s=SENT_AT_S)


def test_forgery_with_another_secret_is_refused() -> None:
    with pytest.raises(InvalidSignature):
        verify(BODY, HEADERS, OTHER, now_s=SENT_AT_S)


def test_nobody_is_known_without_a_secret() -> None:
    with pytest.raises(InvalidSignature):
        verify(BODY, HEADERS, [], now_s=SENT_AT_S)


@pytest.mark.parametrize("late_s", [301, -301])
def test_replay_after_five_minutes_is_refused(late_s: int) -> None:
    verify(BODY, HEADERS, SECRET, now_s=SENT_AT_S + 300)
    with pytest.raises(InvalidSignature, match="300 s are let pass"):
        verify(BODY, HEADERS, SECRET, now_s=SENT_AT_S + late_s)


@pytest.mark.parametrize("name", HEADERS)
def test_a_header_that_is_missing_is_named(name: str) -> None:
    with pytest.raises(InvalidSignature, match=name):
        verify(BODY, {key: value for key, value in HEADERS.items() if key != name}, SECRET, now_s=SENT_AT_S)


@pytest.mark.parametrize("timestamp", ["", "soon", "-1", "1.5", "٣", "9" * 5_000])
def test_a_time_that_is_none_is_refused(timestamp: str) -> None:
    with pytest.raises(InvalidSignature, match="isn't a Unix time"):
        verify(BODY, HEADERS | {"webhook-timestamp": timestamp}, SECRET, now_s=SENT_AT_S)


@pytest.mark.parametrize("signature", ["", "v1", "v1,", "v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", "v1,ü"])
def test_a_signature_of_another_form_is_refused(signature: str) -> None:
    with pytest.raises(InvalidSignature, match="no signature is by a secret"):
        verify(BODY, HEADERS | {"webhook-signature": signature}, SECRET, now_s=SENT_AT_S)


def test_a_flood_of_signatures_is_not_looked_through() -> None:
    flood = " ".join(["v1,AAAA"] * 100_000 + [HEADERS["webhook-signature"]])

    with pytest.raises(InvalidSignature):
        verify(BODY, HEADERS | {"webhook-signature": flood}, SECRET, now_s=SENT_AT_S)


@pytest.mark.parametrize("secret", ["whsec_", "whsec_nö", "whsec_a", "not base64!"])
def test_a_secret_that_is_none_is_a_mistake_of_the_program(secret: str) -> None:
    with pytest.raises(ValueError, match="a webhook's secret"):
        verify(BODY, HEADERS, secret, now_s=SENT_AT_S)
