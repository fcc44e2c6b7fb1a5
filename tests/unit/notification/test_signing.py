"""Signatures of webhooks, as receivers check them: by the specification's own library."""

import base64
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from quietzone_notification.delivery import (
    MAX_OVERLAP_MS,
    MAX_SECRETS,
    InvalidSecret,
    Secret,
    new_secret,
    read_secret,
    rotated,
    signed_headers,
)

HOUR_MS = 3_600_000
NOW_MS = int(datetime.now(UTC).timestamp() * 1_000)  # noqa: TID251 - the library looks at the clock itself
BODY = b'{"type":"qr.scanned","data":{"id":"menu"}}'


def secret(byte: int) -> Secret:
    return new_secret(bytes([byte]) * 32)


def verifies(key: Secret, headers: dict[str, str], body: bytes = BODY) -> bool:
    try:
        Webhook(key.text()).verify(body.decode(), headers)
    except WebhookVerificationError:
        return False
    return True


def test_a_receiver_verifies_what_was_signed_with_its_secret() -> None:
    headers = signed_headers((secret(1),), "msg_1", at_ms=NOW_MS, body=BODY)

    assert verifies(secret(1), headers)
    assert not verifies(secret(2), headers)


def test_the_specifications_example_has_the_specifications_signature() -> None:
    key = read_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    headers = signed_headers((key,), "msg_p5jXN8AQM9LWM0D4loKWxJek", at_ms=1_614_265_330_999, body=b'{"test": 2432232314}')

    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


@pytest.mark.parametrize("change", [{"webhook-id": "msg_2"}, {"webhook-timestamp": str(NOW_MS // 1_000 - 1)}])
def test_a_receiver_refuses_what_was_changed_on_its_way(change: dict[str, str]) -> None:
    headers = signed_headers((secret(1),), "msg_1", at_ms=NOW_MS, body=BODY)

    assert not verifies(secret(1), headers | change)
    assert not verifies(secret(1), headers, BODY + b" ")


def test_a_receiver_refuses_what_is_old() -> None:
    headers = signed_headers((secret(1),), "msg_1", at_ms=NOW_MS - HOUR_MS, body=BODY)

    assert not verifies(secret(1), headers)


def test_both_secrets_verify_while_they_overlap() -> None:
    secrets = rotated((secret(1),), secret(2), at_ms=NOW_MS - HOUR_MS, overlap_ms=2 * HOUR_MS)
    headers = signed_headers(secrets, "msg_1", at_ms=NOW_MS, body=BODY)

    assert verifies(secret(1), headers)
    assert verifies(secret(2), headers)


def test_only_the_new_secret_verifies_after_the_overlap() -> None:
    secrets = rotated((secret(1),), secret(2), at_ms=NOW_MS - HOUR_MS, overlap_ms=HOUR_MS)
    headers = signed_headers(secrets, "msg_1", at_ms=NOW_MS, body=BODY)

    assert not verifies(secret(1), headers)
    assert verifies(secret(2), headers)


def test_a_stolen_secret_can_be_changed_at_once() -> None:
    assert rotated((secret(1),), secret(2), at_ms=NOW_MS, overlap_ms=0) == (secret(2),)


def test_a_second_change_lets_the_first_secret_live_no_longer() -> None:
    once = rotated((secret(1),), secret(2), at_ms=NOW_MS, overlap_ms=HOUR_MS)
    twice = rotated(once, secret(3), at_ms=NOW_MS, overlap_ms=5 * HOUR_MS)

    assert [each.until_ms for each in twice] == [None, NOW_MS + 5 * HOUR_MS, NOW_MS + HOUR_MS]


@given(st.lists(st.integers(1, 200), unique=True, min_size=1, max_size=10), st.integers(0, MAX_OVERLAP_MS))
def test_however_often_it_is_changed_there_is_one_lasting_secret_and_few_others(keys: list[int], overlap_ms: int) -> None:
    secrets: tuple[Secret, ...] = ()
    for key in keys:
        secrets = rotated(secrets, secret(key), at_ms=NOW_MS, overlap_ms=overlap_ms)

    assert [each.until_ms for each in secrets].count(None) == 1
    assert secrets[0] == secret(keys[-1])
    assert len(secrets) <= MAX_SECRETS


def test_a_secret_that_is_in_use_is_no_new_one() -> None:
    with pytest.raises(InvalidSecret, match="take another"):
        rotated((secret(1),), secret(1), at_ms=NOW_MS, overlap_ms=0)


@pytest.mark.parametrize("overlap_ms", [-1, MAX_OVERLAP_MS + 1])
def test_an_overlap_has_bounds(overlap_ms: int) -> None:
    with pytest.raises(ValueError, match="an overlap is from 0"):
        rotated((secret(1),), secret(2), at_ms=NOW_MS, overlap_ms=overlap_ms)


def test_a_delivery_without_a_secret_that_holds_is_not_sent_unsigned() -> None:
    with pytest.raises(ValueError, match="give the endpoint a new one"):
        signed_headers((Secret(b"k" * 32, until_ms=NOW_MS),), "msg_1", at_ms=NOW_MS, body=BODY)


@pytest.mark.parametrize("message_id", ["", "a.b", "a b", "a\r\nx-evil: 1", "a\n", "é", "a" * 129])
def test_an_id_that_would_forge_a_header_or_a_signature_is_refused(message_id: str) -> None:
    with pytest.raises(ValueError, match="a message's id"):
        signed_headers((secret(1),), message_id, at_ms=NOW_MS, body=BODY)


def test_a_secret_never_shows_itself() -> None:
    key = read_secret("whsec_" + base64.b64encode(b"s" * 32).decode())

    assert "ssss" not in f"{key!r} {key} {(key,)}"
    assert key.text().removeprefix("whsec_") not in f"{key!r} {key}"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "begins with whsec_"),
        ("whsec_!!!", "is base64"),
        ("whsec_YWJj", "24 to 64 bytes, this one has 3"),
        ("whsec_" + base64.b64encode(b"x" * 65).decode(), "this one has 65"),
    ],
)
def test_what_is_no_secret_is_refused_with_what_would_do(text: str, reason: str) -> None:
    with pytest.raises(InvalidSecret, match=reason):
        read_secret(text)


def test_a_new_secret_is_made_of_all_its_bytes() -> None:
    assert read_secret(secret(7).text()) == secret(7)
    with pytest.raises(InvalidSecret, match="32 random bytes"):
        new_secret(b"short")
