"""People who sign up and sign in, in few words."""

import base64
import json
from dataclasses import dataclass
from typing import Any

from joserfc import jwt
from ports import Inline
from unit.gateway.identity.desk import RANDOMNESS, Desk, do_all

from quietzone_gateway.identity.authentication import Credentials
from quietzone_gateway.identity.domain import Principal, Visitor
from quietzone_gateway.identity.sessions.use_cases import SignedIn, SignIn, sign_in
from quietzone_gateway.identity.users.domain import User
from quietzone_gateway.identity.users.passwords import Argon2, Passwords
from quietzone_gateway.identity.users.use_cases import SignUp, sign_up, verify_email

PASSWORD = "Correct-horse-1"  # noqa: S105 - the example
OTHER = "Battery-staple-2"
ADA = "ada@example.com"
HOME = Visitor("203.0.113.9", "tests/1.0")
AWAY = Visitor("198.51.100.9", "tests/1.0")


async def known(desk: Desk, email: str = ADA, *, verified: bool = True) -> User:
    """Somebody who has signed up."""
    await sign_up(desk.identity.people, SignUp(email, "Ada", PASSWORD), Visitor(f"192.0.2.{len(email)}"))
    await do_all(desk.documents, desk.work, desk.clock)
    if verified:
        await verify_email(desk.identity.people, await desk.token(), HOME)
    user = await desk.identity.people.users.by_email(email)
    assert user is not None
    return user


async def enter(desk: Desk, email: str = ADA, password: str = PASSWORD, *, code: str = "", cookie: bool = False) -> SignedIn:
    """Sign in."""
    return await sign_in(desk.identity.people, SignIn(email, password, code, cookie), HOME)


async def by_token(desk: Desk, token: str) -> Principal:
    """Whoever shows this access token."""
    return await desk.identity.authentication.principal_of(Credentials(HOME.address, bearer=token))


async def signed_in(desk: Desk, email: str = ADA) -> tuple[Principal, SignedIn]:
    """Somebody who has signed up, and in; he is the principal."""
    await known(desk, email)
    signed = await enter(desk, email)
    return await by_token(desk, signed.access_token), signed


def parts_of(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A token's header and claims."""
    header, claims, _ = token.split(".")
    return json.loads(decoded(header)), json.loads(decoded(claims))


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


async def resigned(desk: Desk, token: str, *, header: dict[str, Any] | None = None, **claims: Any) -> str:
    """The token with other claims, signed by the key that signs."""
    head, said = parts_of(token)
    _, key = await desk.identity.signing.signer()
    return jwt.encode(head | (header or {}), said | claims, key, algorithms=["Ed25519"])


def cheap() -> Argon2:
    """A hasher whose hashes cost next to nothing."""
    return Argon2(Inline(), RANDOMNESS, memory_kib=8, rounds=1, lanes=1)


@dataclass
class Counting:
    """Counts what is asked of the hasher."""

    passwords: Passwords
    hashed: int = 0
    verified: int = 0

    async def hash(self, password: str) -> str:
        self.hashed += 1
        return await self.passwords.hash(password)

    async def fits(self, kept: str | None, password: str) -> bool:
        self.verified += 1
        return await self.passwords.fits(kept, password)

    def is_outdated(self, kept: str) -> bool:
        return self.passwords.is_outdated(kept)
