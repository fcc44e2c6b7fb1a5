"""Pushing by FCM, against a server on this machine that answers as its documents say."""

import json
from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from ports import Inline, MovableClock
from receiver import Receiver
from unit.notification.push.world import token

from quietzone_kit.errors import Unavailable
from quietzone_kit.outside import SystemResolver
from quietzone_notification.delivery.client import Client, Connector
from quietzone_notification.push.fcm import EXCERPT_BYTES, SCOPE, TOKEN_URL, FcmPusher
from quietzone_notification.push.messages import Push
from quietzone_notification.push.ports import Outcome, Pushed
from quietzone_notification.push.settings import PushSettings

SEND = "/v1/projects/shop-1/messages:send"
ACCESS = "ya29." + "a" * 2_000
KEY = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)


def answer(status: int, body: object, **headers: str) -> bytes:
    encoded = json.dumps(body).encode()
    lines = [
        f"HTTP/1.1 {status} Said",
        f"Content-Length: {len(encoded)}",
        *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + encoded


def refusal(status: int, code: str, name: str = "") -> bytes:
    """An error as https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode has it."""
    details = [{"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": []}]
    if name:
        details.append({"@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": name})
    return answer(status, {"error": {"code": status, "message": "No.", "status": code, "details": details}})


GRANTED = answer(200, {"access_token": ACCESS, "expires_in": 3599, "token_type": "Bearer"})
SENT = answer(200, {"name": "projects/shop-1/messages/0:1"})


class Fcm:
    """A pusher at a server on this machine."""

    def __init__(self, receiver: Receiver, credentials: Path) -> None:
        self.receiver = receiver
        self.receiver.answers |= {"/token": [GRANTED], SEND: [SENT]}
        self.clock = MovableClock()
        self.credentials = credentials
        base = f"http://127.0.0.1:{receiver.port}"
        reach = PushSettings(notification_push_fcm_url=base).fcm_reach()
        connector = Connector(SystemResolver(Inline()), reach, self.clock, excerpt_bytes=EXCERPT_BYTES)
        self.client = Client(connector, self.clock)
        self.pusher = FcmPusher(self.client, reach, credentials, self.clock, base=base)

    async def push(self, *said: bytes | None, message: Push | None = None) -> Pushed:
        if said:
            self.receiver.answers[SEND] = list(said)
        return await self.pusher.push(token(1), "", message or Push("Paid"))

    def asked(self, path: str) -> list[Any]:
        return [got for got in self.receiver.got if got.path == path]

    def sent(self) -> Any:
        return json.loads(self.asked(SEND)[0].body)["message"]

    def write(self, **more: object) -> None:
        pem = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        account = {
            "type": "service_account",
            "project_id": "shop-1",
            "private_key_id": "k1",
            "private_key": pem,
            "client_email": "a@b.example",
        }
        self.credentials.write_text(json.dumps(account | more))


@pytest.fixture
async def fcm(tmp_path: Path) -> AsyncIterator[Fcm]:
    async with Receiver.serving() as receiver:
        made = Fcm(receiver, tmp_path / "account.json")
        made.write()
        yield made
        made.client.close()


def decoded(part: str) -> Any:
    return json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))


async def test_a_message_goes_to_the_token_with_our_access_token(fcm: Fcm) -> None:
    pushed = await fcm.push()

    assert fcm.sent() == {"token": token(1), "notification": {"body": "Paid"}}
    assert fcm.asked(SEND)[0].headers["authorization"] == f"Bearer {ACCESS}"
    assert (pushed.outcome, pushed.status, pushed.answer) == (Outcome.SENT, 200, "projects/shop-1/messages/0:1")


async def test_fcm_gets_its_own_payload_where_there_is_one(fcm: Fcm) -> None:
    await fcm.push(message=Push("Paid", fcm={"data": {"order": "7"}, "android": {"priority": "high"}}))

    assert fcm.sent() == {"token": token(1), "data": {"order": "7"}, "android": {"priority": "high"}}


async def test_an_access_token_is_asked_for_with_an_assertion_that_our_key_has_signed(fcm: Fcm) -> None:
    await fcm.push()

    form = parse_qs(fcm.asked("/token")[0].body.decode())
    head, claims, signature = form["assertion"][0].split(".")
    KEY.public_key().verify(urlsafe_b64decode(signature + "=="), f"{head}.{claims}".encode(), PKCS1v15(), SHA256())
    assert form["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
    assert decoded(head) == {"alg": "RS256", "typ": "JWT", "kid": "k1"}
    assert {"iss": "a@b.example", "scope": SCOPE, "aud": TOKEN_URL}.items() <= decoded(claims).items()
    assert decoded(claims)["exp"] - decoded(claims)["iat"] == 3_600


async def test_an_access_token_is_used_until_shortly_before_its_end(fcm: Fcm) -> None:
    await fcm.push()
    fcm.clock.moved_s += 3_200
    await fcm.push()
    before = len(fcm.asked("/token"))
    fcm.clock.moved_s += 200

    await fcm.push()

    assert (before, len(fcm.asked("/token"))) == (1, 2)


async def test_credentials_that_were_changed_are_used_for_the_next_access_token(fcm: Fcm) -> None:
    await fcm.push()
    fcm.write(private_key_id="k2")
    fcm.clock.moved_s += 3_600

    await fcm.push()

    assertion = parse_qs(fcm.asked("/token")[1].body.decode())["assertion"][0]
    assert decoded(assertion.split(".")[0])["kid"] == "k2"


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        (refusal(404, "NOT_FOUND", "UNREGISTERED"), Outcome.GONE),
        (refusal(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT"), Outcome.REFUSED),
        (refusal(403, "PERMISSION_DENIED", "SENDER_ID_MISMATCH"), Outcome.REFUSED),
        (refusal(429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED"), Outcome.FAILED),
        (refusal(500, "INTERNAL", "INTERNAL"), Outcome.FAILED),
        (refusal(503, "UNAVAILABLE", "UNAVAILABLE"), Outcome.FAILED),
        (answer(502, "bad gateway"), Outcome.FAILED),
        (answer(413, "too much"), Outcome.REFUSED),
    ],
)
async def test_what_fcm_says_is_understood(fcm: Fcm, said: bytes, outcome: Outcome) -> None:
    assert (await fcm.push(said)).outcome is outcome


async def test_the_log_has_fcm_s_word_for_it(fcm: Fcm) -> None:
    pushed = await fcm.push(refusal(404, "NOT_FOUND", "UNREGISTERED"))

    assert (pushed.error, pushed.status) == ("UNREGISTERED: No.", 404)


async def test_the_log_does_not_say_whose_project_it_is(fcm: Fcm) -> None:
    assert "shop-1" not in (await fcm.push()).url


async def test_a_quota_that_is_used_up_pauses_for_a_minute_where_fcm_does_not_say_how_long(fcm: Fcm) -> None:
    assert (await fcm.push(refusal(429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED"))).pause_ms == 60_000


async def test_a_pause_that_fcm_asks_for_is_honoured(fcm: Fcm) -> None:
    said = answer(503, {"error": {"code": 503, "message": "Later.", "status": "UNAVAILABLE"}}, Retry_After="30")

    pushed = await fcm.push(said)

    assert (pushed.pause_ms, pushed.retry_after_ms) == (30_000, 30_000)


async def test_a_server_that_does_not_answer_has_failed(fcm: Fcm) -> None:
    await fcm.push()
    fcm.receiver.answers[SEND] = [b"nonsense\r\n\r\n"]

    pushed = await fcm.push()

    assert (pushed.outcome, pushed.status) == (Outcome.FAILED, None)


async def test_an_access_token_that_fcm_does_not_take_is_asked_for_anew(fcm: Fcm) -> None:
    with pytest.raises(Unavailable, match="doesn't take our access token"):
        await fcm.push(refusal(401, "UNAUTHENTICATED"))

    await fcm.push(SENT)

    assert len(fcm.asked("/token")) == 2


@pytest.mark.parametrize("said", [refusal(403, "PERMISSION_DENIED"), refusal(404, "NOT_FOUND")])
async def test_a_project_that_refuses_us_is_for_the_operator_to_mend(fcm: Fcm, said: bytes) -> None:
    with pytest.raises(Unavailable, match="refuses this project or its service account"):
        await fcm.push(said)


@pytest.mark.parametrize("said", [answer(400, {"error": "invalid_grant"}), answer(200, "nonsense"), b"nonsense\r\n\r\n"])
async def test_without_an_access_token_nothing_is_tried(fcm: Fcm, said: bytes) -> None:
    fcm.receiver.answers["/token"] = [said]

    with pytest.raises(Unavailable, match="no access token"):
        await fcm.push()

    assert fcm.asked(SEND) == []


ED = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.mark.parametrize("wrong", [{"private_key": "x"}, {"private_key": ED}, {"project_id": "a/../b"}, {"client_email": 7}])
async def test_a_file_that_is_no_service_account_s_is_for_the_operator_to_mend(fcm: Fcm, wrong: dict[str, object]) -> None:
    fcm.write(**wrong)

    with pytest.raises(Unavailable, match="isn't a service account's JSON file"):
        await fcm.push()


async def test_a_file_that_is_not_there_is_too(fcm: Fcm) -> None:
    fcm.credentials.unlink()

    with pytest.raises(Unavailable, match="isn't a service account's JSON file"):
        await fcm.push()
