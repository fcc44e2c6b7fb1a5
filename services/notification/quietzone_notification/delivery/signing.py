"""Signatures of webhooks, as Standard Webhooks 1.0 has them, and how secrets are changed without losing one.

A delivery is signed with every secret that holds at its time, so that a receiver may take a new one into use at any moment of the overlap.
Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md (Signature scheme, Secret rotation).
"""

import base64
import binascii
import hashlib
import hmac
import re
from dataclasses import dataclass, field

PREFIX = "whsec_"
KEY_BYTES = 32  # as long as what SHA-256 gives; the specification asks for 24 to 64
MIN_KEY_BYTES, MAX_KEY_BYTES = 24, 64
MAX_SECRETS = 3  # each makes the header 47 characters longer; who changes secrets thrice within an overlap has lost the first by then
MAX_OVERLAP_MS = 7 * 24 * 3_600_000  # a stolen secret shouldn't hold for longer than a receiver needs to notice

_MESSAGE_ID = re.compile(r"[A-Za-z0-9_:-]{1,128}")
"""No dots: the id, the time and the body are joined by them. No spaces or line ends: it's a header."""


class InvalidSecret(ValueError):
    """A text that is no secret of Standard Webhooks; it says why without saying it."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A key and until when it signs (Unix milliseconds; None: until it is changed). It shows its key to nobody by accident."""

    key: bytes = field(repr=False)
    until_ms: int | None = None

    def __str__(self) -> str:
        return "Secret(…)"

    def text(self) -> str:
        """What the receiver gets, once."""
        return PREFIX + base64.b64encode(self.key).decode()

    def holds(self, at_ms: int) -> bool:
        """Whether a delivery at this time is signed with it."""
        return self.until_ms is None or at_ms < self.until_ms


def new_secret(random: bytes) -> Secret:
    """A secret of `KEY_BYTES` secure random bytes.

    Raises:
        InvalidSecret: they are fewer or more.
    """
    if len(random) != KEY_BYTES:
        raise InvalidSecret(f"a new secret is made of {KEY_BYTES} random bytes, these are {len(random)}")
    return Secret(random)


def read_secret(text: str) -> Secret:
    """A secret that a receiver has chosen: `whsec_` and base64.

    Raises:
        InvalidSecret: it says what would do.
    """
    if not text.startswith(PREFIX):
        raise InvalidSecret(f"a secret begins with {PREFIX}")
    try:
        key = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidSecret(f"behind {PREFIX} a secret is base64, with its padding") from None
    if not MIN_KEY_BYTES <= len(key) <= MAX_KEY_BYTES:
        raise InvalidSecret(f"a secret has {MIN_KEY_BYTES} to {MAX_KEY_BYTES} bytes, this one has {len(key)}")
    return Secret(key)


def rotated(secrets: tuple[Secret, ...], new: Secret, *, at_ms: int, overlap_ms: int) -> tuple[Secret, ...]:
    """The secrets from now on, the new one first. Those before it sign until the overlap has passed, if they didn't end sooner.

    Raises:
        ValueError: an overlap below 0 or above `MAX_OVERLAP_MS`.
        InvalidSecret: the new one is one of those that hold: nothing would change.
    """
    if not 0 <= overlap_ms <= MAX_OVERLAP_MS:
        raise ValueError(f"an overlap is from 0 to {MAX_OVERLAP_MS} ms, not {overlap_ms}")
    holding = [secret for secret in secrets if secret.holds(at_ms)]
    if any(hmac.compare_digest(secret.key, new.key) for secret in holding):
        raise InvalidSecret("this secret is in use already: take another")
    ends_ms = at_ms + overlap_ms
    before = [Secret(secret.key, ends_ms if secret.until_ms is None else min(secret.until_ms, ends_ms)) for secret in holding]
    return (new, *(secret for secret in before[: MAX_SECRETS - 1] if secret.holds(at_ms)))


def signed_headers(secrets: tuple[Secret, ...], message_id: str, *, at_ms: int, body: bytes) -> dict[str, str]:
    """The headers of a delivery. `message_id` stays the same when it is repeated, `at_ms` is the time of this attempt.

    Raises:
        ValueError: no secret holds, or the id isn't 1 to 128 letters, digits, `_`, `:` and `-`.
    """
    if not _MESSAGE_ID.fullmatch(message_id):
        raise ValueError("a message's id has 1 to 128 letters, digits, _, : and -")
    holding = [secret for secret in secrets if secret.holds(at_ms)]
    if not holding:
        raise ValueError("no secret holds: give the endpoint a new one")
    seconds = str(at_ms // 1_000)
    content = f"{message_id}.{seconds}.".encode() + body
    signatures = (base64.b64encode(hmac.new(secret.key, content, hashlib.sha256).digest()).decode() for secret in holding)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": seconds,
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }
