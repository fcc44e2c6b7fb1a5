"""What is pushed, as SNS has it: one JSON object with a text for all, and what single platforms get instead of it. Pure.

https://docs.aws.amazon.com/sns/latest/dg/sns-send-custom-platform-specific-payloads-mobile-devices.html
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias, cast

Payload: TypeAlias = Mapping[str, object]

MAX_PAYLOAD_BYTES = 4_096
"""FCM's and APNs' own bound."""
MAX_TEXT_BYTES = 1_000
"""Of a text that nobody has made for phones, such as a whole event: they show some hundred characters. What is longer is cut."""

OF_APNS = ("APNS", "APNS_SANDBOX")
OF_FCM = ("FCM", "GCM")
"""Names that SNS has for platforms; the first is the one that is kept."""
FCM_FIELDS = frozenset({"notification", "data", "android", "apns", "webpush", "fcm_options"})
"""Of a message, but for whom it goes to: https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages"""


class InvalidPush(ValueError):
    """Nobody can push this: says what would do."""


@dataclass(frozen=True, slots=True)
class Push:
    """One message: the text for all, and what APNs and FCM get instead of it."""

    text: str
    apns: Payload | None = None
    fcm: Payload | None = None

    def encoded(self) -> bytes:
        """As `read_push` reads it."""
        own = {name: payload for name, payload in ((OF_APNS[0], self.apns), (OF_FCM[0], self.fcm)) if payload is not None}
        return json.dumps({"default": self.text, **own}, ensure_ascii=False, separators=(",", ":")).encode()

    def for_fcm(self) -> Payload:
        """What FCM is sent, but for whom."""
        return {"notification": {"body": self.text}} if self.fcm is None else self.fcm


def read_push(body: bytes) -> Push:
    """A message of a delivery's body: an object with `default` as SNS has it, a JSON text, or any other text, which is shown as it is.

    Raises:
        InvalidPush: says what no platform would take.
    """
    text = body.decode("utf-8", "replace")
    read = _read(text)
    if isinstance(read, dict) and isinstance(read.get("default"), str):
        return Push(_shown(read["default"]), _payload(read, OF_APNS), _fcm(_payload(read, OF_FCM)))
    return Push(_shown(read if isinstance(read, str) else text))


def compact(payload: Payload) -> str:
    """A payload as it is sent."""
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":"))


def _shown(text: str) -> str:
    if not text.strip():
        raise InvalidPush("the text of a push is empty")
    given = text.encode("utf-8", "replace")
    return given.decode() if len(given) <= MAX_TEXT_BYTES else f"{given[: MAX_TEXT_BYTES - 3].decode('utf-8', 'ignore')}…"


def _payload(read: Mapping[str, object], names: tuple[str, ...]) -> Payload | None:
    """What a platform gets: an object, or the text of one as SNS has it."""
    name = next((name for name in names if name in read), None)
    if name is None:
        return None
    given = read[name]
    payload = _read(given) if isinstance(given, str) else given
    if not isinstance(payload, dict):
        raise InvalidPush(f"{name} is a JSON object, or a text that has one")
    try:
        size = len(compact(payload).encode())
    except (UnicodeEncodeError, RecursionError) as error:
        raise InvalidPush(f"{name} has half a character (an escape such as \\ud800 by itself), or is too deep") from error
    if size > MAX_PAYLOAD_BYTES:
        raise InvalidPush(f"{name} has {size:,} bytes; {MAX_PAYLOAD_BYTES:,} are the most")
    return payload


def _read(text: str) -> object:
    """A JSON value; None for what is none, as for null."""
    try:
        return json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return None


def _no_number(text: str) -> float:
    raise ValueError(f"{text} isn't JSON")


def _fcm(payload: Payload | None) -> Payload | None:
    """A message of FCM's HTTP v1, by itself or as SNS wraps it (`fcmV1Message`)."""
    if payload is None:
        return None
    wrapped = payload.get("fcmV1Message")
    message = cast("Payload", wrapped).get("message") if isinstance(wrapped, dict) else payload
    if not isinstance(message, dict):
        raise InvalidPush("fcmV1Message has a message")
    if unknown := sorted(message.keys() - FCM_FIELDS):
        raise InvalidPush(f"FCM takes {', '.join(sorted(FCM_FIELDS))}, not {', '.join(unknown)!r:.100}")
    data = message.get("data", {})
    if not isinstance(data, dict) or not all(isinstance(value, str) for value in data.values()):
        raise InvalidPush("data of FCM are texts by name")
    return cast("Payload", message)
