"""Who a call is made for, signed so that no service has to ask another."""

import base64
import hashlib
import hmac
import json
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass

from quietzone_kit.errors import Unauthenticated
from quietzone_kit.rpc.settings import RpcSettings
from quietzone_kit.runtime import Clock

METADATA_KEY = "quietzone-caller"

VALID_MS = 60_000
"""Longer than any call's deadline, short enough that a leaked one is soon worthless."""

SKEW_MS = 30_000
"""How far the clocks of two machines may differ."""

SCOPE_OPERATOR = "operator"
"""May look at all accounts together."""
SCOPE_EDGE = "edge"
"""A scan edge: may resolve any slug."""


@dataclass(frozen=True, slots=True)
class Caller:
    """An account, or a service that acts for itself (`account_id` empty), and what it may do: the scopes of `access.proto`.

    `subject` says who of the account it is, for those who ask later who has changed what: `user:<id>`, `key:<id>`; empty for a service.
    """

    account_id: str
    scopes: frozenset[str] = frozenset()
    subject: str = ""


class CallerKeys:
    """Signs and checks callers with HMAC-SHA256: `v1.<payload>.<signature>`, both base64url without padding."""

    def __init__(self, keys: Sequence[str], clock: Clock) -> None:
        """`keys[0]` signs; all are accepted, so that a key can be replaced without a stop."""
        self._keys = tuple(key.encode() for key in keys)
        self._clock = clock

    @classmethod
    def of(cls, settings: RpcSettings, clock: Clock) -> "CallerKeys":
        """The keys that the settings hold."""
        return cls([key.strip() for key in settings.caller_key.get_secret_value().split(",")], clock)

    def sign(self, caller: Caller) -> str:
        """A text for the metadata of one call."""
        payload = {
            "account": caller.account_id,
            "subject": caller.subject,
            "scopes": sorted(caller.scopes),
            "until_ms": self._clock.now_ms() + VALID_MS,
        }
        signed = "v1." + _encode(json.dumps(payload, separators=(",", ":")).encode())
        return f"{signed}.{_encode(_signature(self._keys[0], signed))}"

    def verify(self, text: str) -> Caller:
        """The caller whom `sign` was given.

        Raises:
            Unauthenticated: forged, malformed or expired.
        """
        signed, _, signature = text.rpartition(".")
        try:
            given = _decode(signature)
        except ValueError:
            given = b""
        if not any(hmac.compare_digest(given, _signature(key, signed)) for key in self._keys):
            raise Unauthenticated("the caller's signature doesn't fit: QUIETZONE_CALLER_KEY differs between processes, or it is forged")
        version, _, payload = signed.partition(".")
        if version != "v1":
            raise Unauthenticated(f"a caller of version {version}; this release knows v1")
        fields = json.loads(_decode(payload))
        left_ms = fields["until_ms"] - self._clock.now_ms()
        if not -SKEW_MS < left_ms <= VALID_MS + SKEW_MS:
            raise Unauthenticated("the caller's signature has expired, or the clocks of two machines differ by more than 30 s")
        return Caller(fields["account"], frozenset(fields["scopes"]), fields.get("subject", ""))


_current: ContextVar[Caller | None] = ContextVar("quietzone_rpc_caller", default=None)


def caller() -> Caller:
    """Whom the current call is made for.

    Raises:
        Unauthenticated: nobody, or this isn't a call.
    """
    known = _current.get()
    if known is None:
        raise Unauthenticated("this call needs a signed caller in its metadata")
    return known


def current() -> Caller | None:
    """Whom the current call is made for, if anybody."""
    return _current.get()


def enter(known: Caller | None) -> None:
    """Make `known` the caller for the rest of this task."""
    _current.set(known)


def _signature(key: bytes, signed: str) -> bytes:
    return hmac.digest(key, signed.encode(), hashlib.sha256)


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
