"""Pushing by Firebase Cloud Messaging, HTTP v1 (https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages/send)."""

import asyncio
import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeVar
from urllib.parse import urlencode

import msgspec
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from quietzone_kit.errors import Unavailable
from quietzone_kit.runtime import Clock
from quietzone_notification.delivery.client import Answer, Client, NoAnswer, Target
from quietzone_notification.delivery.reach import Reach, place_of
from quietzone_notification.delivery.webhooks import retry_after_ms
from quietzone_notification.push.messages import Push, compact
from quietzone_notification.push.ports import Outcome, Pushed

PLACE = "push:fcm"
"""Where an account reads that its pushes went: whose Firebase project it is is the house's matter."""
FCM_URL = "https://fcm.googleapis.com"
TOKEN_URL = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ASSERTED_S = 3_600
"""How long what we sign holds: the most that Google takes (https://developers.google.com/identity/protocols/oauth2/service-account)."""
EARLY_S = 300.0
"""An access token is replaced so long before its end: no push is under way for longer."""
EXCERPT_BYTES = 16_384
"""Of an answer: an access token has up to 2,048 characters, an error names each field that is wrong."""
DEFAULT_PAUSE_MS = 60_000
"""After 429 without Retry-After: https://firebase.google.com/docs/cloud-messaging/scale-fcm#handling-retries"""

T = TypeVar("T")
D = TypeVar("D")


class ServiceAccount(msgspec.Struct, frozen=True):
    """What of a service account's file is used."""

    project_id: Annotated[str, msgspec.Meta(pattern="^[0-9A-Za-z.:-]{1,64}$")]  # it becomes a part of a URL
    private_key_id: str
    private_key: str
    client_email: str


class _Token(msgspec.Struct, frozen=True):
    access_token: str
    expires_in: int = ASSERTED_S


class _Detail(msgspec.Struct, frozen=True):
    error_code: str = msgspec.field(name="errorCode", default="")


class _Error(msgspec.Struct, frozen=True):
    message: str = ""
    status: str = ""
    details: tuple[_Detail, ...] = ()


class _Refusal(msgspec.Struct, frozen=True):
    error: _Error = msgspec.field(default_factory=_Error)


class _Sent(msgspec.Struct, frozen=True):
    name: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class _Access:
    """An access token, until when it is used (monotonic), and where its project's messages go."""

    token: str
    until_s: float
    target: Target


class FcmPusher:
    """The port `Pusher` for FCM. `credentials` is the service account's file, read whenever an access token is asked for; `base` takes the
    place of Google's hosts.
    """

    def __init__(self, client: Client, reach: Reach, credentials: Path, clock: Clock, *, base: str = "") -> None:
        self._client = client
        self._reach = reach
        self._credentials = credentials
        self._clock = clock
        self._base = base
        self._access: _Access | None = None
        self._asking = asyncio.Lock()

    async def push(self, token: str, ref: str, message: Push) -> Pushed:  # noqa: ARG002 - FCM knows a device by its token
        """See Pusher."""
        access = await self._allowed()
        body = compact({"message": {**message.for_fcm(), "token": token}}).encode()
        headers = (("Content-Type", "application/json"), ("Authorization", f"Bearer {access.token}"))
        try:
            answer = await self._client.post(access.target, headers, body)
        except NoAnswer as error:
            return Pushed(Outcome.FAILED, PLACE, error=str(error))
        if answer.status == 401:
            self._access = None
            raise Unavailable("FCM doesn't take our access token: see the service account's file, and the clock")
        return self._read(answer)

    def _read(self, answer: Answer) -> Pushed:
        """What an answer means (https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode)."""
        if 200 <= answer.status < 300:
            return Pushed(Outcome.SENT, PLACE, answer.status, answer=_decoded(answer, _Sent, _Sent()).name)
        error = _decoded(answer, _Refusal, _Refusal()).error
        code = next((detail.error_code for detail in error.details if detail.error_code), error.status)
        said = f"{code or answer.status}: {error.message}" if error.message else f"answered {answer.status}"
        if code == "UNREGISTERED":
            return Pushed(Outcome.GONE, PLACE, answer.status, said)
        if answer.status == 429 or answer.status >= 500:
            asked_ms = retry_after_ms(answer.retry_after, self._clock.now_ms())
            pause_ms = asked_ms or (DEFAULT_PAUSE_MS if answer.status == 429 else 0)
            return Pushed(Outcome.FAILED, PLACE, answer.status, said, retry_after_ms=asked_ms, pause_ms=pause_ms)
        if answer.status in (403, 404) and code != "SENDER_ID_MISMATCH":
            raise Unavailable(f"FCM refuses this project or its service account: {said}")
        return Pushed(Outcome.REFUSED, PLACE, answer.status, said)

    async def _allowed(self) -> _Access:
        async with self._asking:
            if self._access is None or self._clock.monotonic() >= self._access.until_s:
                self._access = await self._ask()
            return self._access

    async def _ask(self) -> _Access:
        """An access token, for a signed assertion (RFC 7523).

        Raises:
            Unavailable: there is none to be had.
        """
        began_s = self._clock.monotonic()
        try:
            account = msgspec.json.decode(self._credentials.read_bytes(), type=ServiceAccount)
            asserted = assertion(account, now_s=self._clock.now_ms() // 1_000)
        except (OSError, ValueError, TypeError, msgspec.MsgspecError) as error:
            raise Unavailable(f"FCM: {self._credentials} isn't a service account's JSON file: {type(error).__name__}") from error
        form = urlencode({"grant_type": GRANT, "assertion": asserted}).encode()
        try:
            headers = (("Content-Type", "application/x-www-form-urlencoded"),)
            answer = await self._client.post(self._target(f"{self._base}/token" if self._base else TOKEN_URL), headers, form)
        except NoAnswer as error:
            raise Unavailable(f"FCM: no access token: {error}") from error
        token = _decoded(answer, _Token, None) if answer.status == 200 else None
        if token is None:
            raise Unavailable(f"FCM: no access token for {account.client_email}: answered {answer.status}")
        target = self._target(f"{self._base or FCM_URL}/v1/projects/{account.project_id}/messages:send")
        return _Access(token.access_token, began_s + max(0.0, token.expires_in - EARLY_S), target)

    def _target(self, url: str) -> Target:
        return Target.of(place_of(url, self._reach), ())


def assertion(account: ServiceAccount, *, now_s: int) -> str:
    """A JWT that says who we are, signed by RS256 (RFC 7518, 3.3).

    Raises:
        ValueError, TypeError: the key isn't one of RSA in PEM.
    """
    key = load_pem_private_key(account.private_key.encode(), password=None)
    if not isinstance(key, RSAPrivateKey):
        raise TypeError("not a key of RSA")
    head = {"alg": "RS256", "typ": "JWT", "kid": account.private_key_id}
    claims = {"iss": account.client_email, "scope": SCOPE, "aud": TOKEN_URL, "iat": now_s, "exp": now_s + ASSERTED_S}
    signed = b".".join(_base64url(msgspec.json.encode(part)) for part in (head, claims))
    return b".".join((signed, _base64url(key.sign(signed, PKCS1v15(), SHA256())))).decode()


def _base64url(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def _decoded(answer: Answer, kind: type[T], otherwise: D) -> T | D:
    try:
        return msgspec.json.decode(answer.excerpt, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return otherwise
