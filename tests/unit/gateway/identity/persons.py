"""People who sign up and sign in, in few words."""

from unit.gateway.identity.desk import Desk

from quietzone_gateway.identity.authentication import Credentials
from quietzone_gateway.identity.domain import Principal, Visitor
from quietzone_gateway.identity.sessions.use_cases import SignedIn, SignIn, sign_in
from quietzone_gateway.identity.users.domain import User
from quietzone_gateway.identity.users.use_cases import SignUp, sign_up, verify_email

PASSWORD = "Correct-horse-1"  # noqa: S105 - the example
OTHER = "Battery-staple-2"
ADA = "ada@example.com"
HOME = Visitor("203.0.113.9", "tests/1.0")
AWAY = Visitor("198.51.100.9", "tests/1.0")


async def known(desk: Desk, email: str = ADA, *, verified: bool = True) -> User:
    """Somebody who has signed up."""
    await sign_up(desk.identity.people, SignUp(email, "Ada", PASSWORD), Visitor(f"192.0.2.{len(email)}"))
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
