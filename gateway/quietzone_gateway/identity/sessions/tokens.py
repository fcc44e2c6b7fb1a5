"""Access tokens: JWTs (RFC 9068) that say who somebody is and in which account he works, signed with Ed25519.

What is read: the algorithm is ours whatever the token says, its key is one of ours by name, and nothing that it says of where keys could
be fetched is looked at (RFC 8725).
"""

import base64
import binascii
import json
from dataclasses import dataclass

from joserfc import jwt
from joserfc.errors import JoseError

from quietzone_gateway.identity.sessions.signing import SKEW_S, SigningKeys
from quietzone_kit.errors import Unauthenticated
from quietzone_kit.runtime import Clock

ALGORITHMS = ["Ed25519"]  # RFC 9864; what EdDSA has meant for this curve
AUDIENCE = "quietzone"
TYPE = "at+jwt"

MAX_CHARACTERS = 2_000
"""Ours have 700."""


@dataclass(frozen=True, slots=True)
class Access:
    """What a token says: somebody's session, in an account (or none, with no role and no scopes)."""

    user_id: str
    account_id: str
    role: str
    scopes: frozenset[str]
    session_id: str
    expires_at_ms: int = 0
    """Of a token that was read."""


class Tokens:
    """Makes and reads access tokens; `issuer` is the installation's public URL."""

    def __init__(self, keys: SigningKeys, issuer: str, clock: Clock, *, token_ms: int) -> None:
        self._keys = keys
        self._issuer = issuer
        self._clock = clock
        self._token_s = token_ms // 1000

    async def make(self, access: Access) -> str:
        """A token that is good from now on, for `token_ms`."""
        kid, key = await self._keys.signer()
        now_s = self._clock.now_ms() // 1000
        claims = {
            "iss": self._issuer,
            "aud": AUDIENCE,
            "sub": access.user_id,
            "acc": access.account_id,
            "role": access.role,
            "scopes": sorted(access.scopes),
            "sid": access.session_id,
            "iat": now_s,
            "exp": now_s + self._token_s,
        }
        return jwt.encode({"alg": ALGORITHMS[0], "kid": kid, "typ": TYPE}, claims, key, algorithms=ALGORITHMS)

    async def read(self, token: str) -> Access:
        """What a token says.

        Raises:
            Unauthenticated: it isn't one of ours, or it has ended.
        """
        kid = _kid(token)
        key = await self._keys.public(kid) if kid else None
        if key is None:
            raise _invalid()
        try:
            claims = jwt.decode(token, key, algorithms=ALGORITHMS).claims
        except (JoseError, ValueError) as error:
            raise _invalid() from error
        now_s = self._clock.now_ms() // 1000
        match claims:
            case {
                "iss": self._issuer,
                "aud": str(audience),
                "sub": str(user_id),
                "acc": str(account_id),
                "role": str(role),
                "scopes": list(scopes),
                "sid": str(session_id),
                "iat": int(issued_s),
                "exp": int(expires_s),
            } if audience == AUDIENCE and issued_s <= now_s + SKEW_S and now_s < expires_s:
                return Access(user_id, account_id, role, frozenset(map(str, scopes)), session_id, expires_s * 1000)
            case _:
                raise _invalid()


def is_token(text: str) -> bool:
    """Whether it looks like an access token, and not like an API key."""
    return text.count(".") == 2 and text.startswith("ey")


def _kid(token: str) -> str | None:
    """The name of the key that a token's header tells; it is only looked up."""
    if len(token) > MAX_CHARACTERS:
        return None
    head = token.partition(".")[0]
    try:
        header = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        return None
    match header:
        case {"alg": "Ed25519", "typ": "at+jwt", "kid": str(kid)}:
            return kid
        case _:
            return None


def _invalid() -> Unauthenticated:
    return Unauthenticated("the access token isn't good, or has ended: refresh it, or sign in again")
