"""Time-based codes of a second factor (RFC 6238); pure. Apart from the rest, so that whoever only reads users does without pyotp."""

import hmac

import pyotp

from quietzone_gateway.identity.users.domain import DRIFT, STEP_S


def step_of(secret: str, code: str, at_ms: int, *, after: int) -> int | None:
    """The step of a time-based code (RFC 6238), unless it, or a later one, was used already: `after` was the last."""
    now = at_ms // 1000 // STEP_S
    totp = pyotp.TOTP(secret, interval=STEP_S)
    for step in range(now - DRIFT, now + DRIFT + 1):
        if step > after and hmac.compare_digest(totp.at(step * STEP_S).encode(), code.encode()):
            return step
    return None


def provisioning_uri(secret: str, email: str, issuer: str) -> str:
    """What an authenticator app reads from a QR code."""
    return pyotp.TOTP(secret, interval=STEP_S).provisioning_uri(name=email, issuer_name=issuer)
