"""Whether a webhook is Quietzone's, by Standard Webhooks (https://www.standardwebhooks.com). Pure.

A webhook has the headers `webhook-id` (the same when it is sent again: remember it, and do each once), `webhook-timestamp` and
`webhook-signature`: signatures with blanks between them, each `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from quietzone_client._errors import InvalidSignature

__all__ = ["TOLERANCE_S", "InvalidSignature", "Webhook", "sign", "verify"]

TOLERANCE_S = 300
"""How far a webhook's time may be from ours, as the specification has it: an old one may have been listened in on."""

PREFIX = "whsec_"

MAX_SIGNATURES = 20
"""That are looked at: a sender that changes its secret sends two."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """A webhook that is Quietzone's; `id` is the same when it is sent again."""

    id: str
    sent_at_s: int
    body: bytes


def verify(
    body: bytes, headers: Mapping[str, str], secrets: str | Sequence[str], *, now_s: float, tolerance_s: float = TOLERANCE_S
) -> Webhook:
    """A webhook whose signature and time are right.

    Args:
        body: As it came, byte for byte: JSON that was read and written again has another signature.
        headers: Of the request, however their names are cased.
        secrets: `whsec_…`, or several while one is being replaced.
        now_s: Unix time, such as `time.time()`.
        tolerance_s: How far the webhook's time may be from it.

    Raises:
        InvalidSignature: it isn't Quietzone's, or is too old.
        ValueError: a secret can't be one.
    """
    keys = [_key(secret) for secret in ([secrets] if isinstance(secrets, str) else secrets)]
    told = {name.lower(): value for name, value in headers.items() if name.lower().startswith("webhook-")}
    try:
        webhook_id, timestamp, signatures = told["webhook-id"], told["webhook-timestamp"], told["webhook-signature"]
    except KeyError as missing:
        raise InvalidSignature(f"the header {missing} is missing") from None
    sent_at_s = _time(timestamp)
    if abs(now_s - sent_at_s) > tolerance_s:
        raise InvalidSignature(f"it was sent {now_s - sent_at_s:.0f} s ago by this clock; {tolerance_s:.0f} s are let pass")
    given = [signature.encode() for signature in signatures.split()[:MAX_SIGNATURES]]
    expected = [_signature(key, webhook_id, timestamp, body).encode() for key in keys]
    matches = [hmac.compare_digest(one, other) for one in given for other in expected]  # all of them: how long it takes tells nothing
    if not any(matches):
        raise InvalidSignature("no signature is by a secret that is known here")
    return Webhook(webhook_id, sent_at_s, body)


def sign(body: bytes, secret: str, *, webhook_id: str, at_s: int) -> dict[str, str]:
    """The headers of a webhook: for tests of those who receive some, and for who passes events on to himself.

    Raises:
        ValueError: the secret can't be one.
    """
    timestamp = str(at_s)
    signature = _signature(_key(secret), webhook_id, timestamp, body)
    return {"webhook-id": webhook_id, "webhook-timestamp": timestamp, "webhook-signature": signature}


def _signature(key: bytes, webhook_id: str, timestamp: str, body: bytes) -> str:
    digest = hmac.new(key, f"{webhook_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("a webhook's secret is whsec_ and base64") from error
    if not key:
        raise ValueError("a webhook's secret isn't empty")
    return key


def _time(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise InvalidSignature("webhook-timestamp isn't a Unix time in seconds")
    return int(text)
