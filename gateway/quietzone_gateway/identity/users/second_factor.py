"""Second factors: time-based codes (RFC 6238), and recovery codes for who lost his phone."""

import base64
from dataclasses import dataclass

from quietzone_gateway.identity.audit.events import audited
from quietzone_gateway.identity.domain import Actor, Principal
from quietzone_gateway.identity.shelf import Changed
from quietzone_gateway.identity.users.domain import (
    RECOVERY_CHARACTERS,
    RECOVERY_CODES,
    User,
    normalised,
    recovery_hash,
    spaced,
)
from quietzone_gateway.identity.users.people import People
from quietzone_gateway.identity.users.totp import provisioning_uri, step_of
from quietzone_gateway.identity.users.use_cases import changed_user, person, user_act
from quietzone_kit.errors import FailedPrecondition, FieldViolation, InvalidInput, Unauthenticated
from quietzone_kit.ids import short_code
from quietzone_kit.outbox import Outgoing

SECRET_BYTES = 20  # RFC 4226, 4: 160 bits

MAX_CODE = 32
"""Characters of a code: a recovery code has 19."""


class SecondFactorNeeded(Unauthenticated):
    """The password is right, and a code of the second factor is needed too."""


@dataclass(frozen=True, slots=True)
class NewSecret:
    """What an authenticator app is to know: as text, and as the URI of a QR code."""

    secret: str
    uri: str


async def begin_second_factor(people: People, by: Principal, password: str) -> NewSecret:
    """Give somebody the secret of a second factor, which counts when he has shown that his app knows it.

    Raises:
        InvalidInput: the password is wrong: who finds an open session must not lock its owner out.
        FailedPrecondition: he has one.
        ResourceExhausted: the password was wrong too often.
    """
    user = await person(people, by)
    await _check_password(people, user, password)
    secret = base64.b32encode(people.ports.randomness.token(SECRET_BYTES)).decode()
    sealed = people.seal.seal(secret.encode(), _place(user))

    def decide(found: User) -> Changed[User]:
        if found.has_second_factor:
            raise FailedPrecondition("you have a second factor: remove it before you begin with another")
        return Changed(found.with_totp(sealed))

    await changed_user(people, await people.users.change(user.user_id, decide))
    return NewSecret(secret, provisioning_uri(secret, user.email, people.rules.issuer))


async def confirm_second_factor(people: People, by: Principal, code: str) -> list[str]:
    """Have the second factor count from now on; the answer is the recovery codes, which are shown this once.

    Raises:
        InvalidInput: the code isn't of the secret that was given.
        FailedPrecondition: there is nothing to confirm.
        ResourceExhausted: it was wrong too often.
    """
    user = await person(people, by)
    places = await people.attempts.take(f"second factor {user.user_id}")
    codes = [short_code(people.ports.randomness, RECOVERY_CHARACTERS) for _ in range(RECOVERY_CODES)]
    hashes = tuple(map(recovery_hash, codes))

    def decide(found: User) -> Changed[User]:
        if found.totp is None or found.totp.confirmed:
            raise FailedPrecondition("there is no second factor to be confirmed: begin with one")
        step = _step(people, found, code)
        if step is None:
            raise InvalidInput(FieldViolation("code", "isn't the one that the app shows now; look at the clocks of phone and server"))
        after = found.confirmed(step, hashes)
        act = user_act("user.second_factor_added", found, after, by.account_id, people.ports.now_ms())
        return Changed(after, (audited(by.actor, act),))

    await changed_user(people, await people.users.change(user.user_id, decide))
    await people.attempts.give_back(places)
    return list(map(spaced, codes))


async def remove_second_factor(people: People, by: Principal, password: str) -> None:
    """Have somebody's password be enough again.

    Raises:
        InvalidInput: the password is wrong.
        ResourceExhausted: it was wrong too often.
    """
    user = await person(people, by)
    await _check_password(people, user, password)

    def decide(found: User) -> Changed[User] | None:
        if found.totp is None:
            return None
        after = found.without_totp()
        act = user_act("user.second_factor_removed", found, after, by.account_id, people.ports.now_ms())
        return Changed(after, (audited(by.actor, act),))

    await changed_user(people, await people.users.change(user.user_id, decide))


async def check_second_factor(people: People, user: User, code: str) -> User:
    """The user, whose code is used up; he may have no second factor.

    Raises:
        SecondFactorNeeded: he has one, and shows no code.
        Unauthenticated: the code isn't good, or was used already.
    """
    if not user.has_second_factor:
        return user
    if not code.strip():
        raise SecondFactorNeeded("send the code of your second factor too, or one of your recovery codes, as `code`")

    def decide(found: User) -> Changed[User]:
        step = _step(people, found, code) if len(code) <= MAX_CODE else None
        if step is not None:
            return Changed(found.stepped(step))
        hashed = recovery_hash(code[:MAX_CODE])
        if hashed in found.recovery:
            after = found.without_code(hashed)
            return Changed(after, (_told_recovery(people, found, after),))
        raise Unauthenticated("the code isn't good, or was used already")

    return await people.users.change(user.user_id, decide) or user


async def _check_password(people: People, user: User, password: str) -> None:
    places = await people.attempts.take(f"sign-in {user.email}")
    if not await people.passwords.fits(user.password_hash, normalised(password)):
        raise InvalidInput(FieldViolation("password", "isn't your password"))
    await people.attempts.give_back(places)


def _step(people: People, user: User, code: str) -> int | None:
    if user.totp is None:
        return None
    secret = people.seal.open(user.totp.sealed_secret, _place(user)).decode()
    return step_of(secret, code.replace(" ", ""), people.ports.now_ms(), after=user.totp.last_step)


def _told_recovery(people: People, before: User, after: User) -> Outgoing:
    actor = Actor(f"user:{after.user_id}", after.account_id)
    return audited(actor, user_act("user.recovery_code_used", before, after, after.account_id, people.ports.now_ms()))


def _place(user: User) -> str:
    return f"second factor of {user.user_id}"
