"""Second factors: time-based codes (RFC 6238), and recovery codes for who lost his phone."""

import base64
from dataclasses import dataclass

from quietzone_gateway.identity.attempts import Bound
from quietzone_gateway.identity.audit.events import audited
from quietzone_gateway.identity.domain import Actor, Principal, Visitor
from quietzone_gateway.identity.mails.tasks import Which
from quietzone_gateway.identity.shelf import Changed
from quietzone_gateway.identity.users.acts import user_act
from quietzone_gateway.identity.users.domain import (
    RECOVERY_CHARACTERS,
    RECOVERY_CODES,
    User,
    recovery_hash,
    spaced,
)
from quietzone_gateway.identity.users.people import People
from quietzone_gateway.identity.users.totp import provisioning_uri, step_of
from quietzone_gateway.identity.users.use_cases import changed_user, check_password, person
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


@dataclass(frozen=True, slots=True)
class Proof:
    """What somebody who has signed in shows once more: his password, and a code of his app or a recovery code."""

    password: str
    code: str


async def begin_second_factor(people: People, by: Principal, password: str, visitor: Visitor) -> NewSecret:
    """Give somebody the secret of a second factor, which counts when he has shown that his app knows it.

    Raises:
        InvalidInput: the password is wrong: who finds an open session must not lock its owner out.
        FailedPrecondition: he has one.
        ResourceExhausted: the password was wrong too often.
    """
    user = await person(people, by)
    await check_password(people, user, password, visitor)
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
    places = await people.attempts.take(_guess(user))
    codes, hashes = _new_codes(people)

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
    await people.post.order(Which.FACTOR_ADDED, email=user.email)
    return codes


async def renew_recovery_codes(people: People, by: Principal, proof: Proof, visitor: Visitor) -> list[str]:
    """Give somebody recovery codes in the place of those that he has; the answer shows them this once.

    Raises:
        InvalidInput: the password is wrong, or the code isn't good, or was used already.
        FailedPrecondition: he has no second factor.
        ResourceExhausted: one of both was wrong too often.
    """
    user = await person(people, by)
    if not user.has_second_factor:
        raise FailedPrecondition("you have no second factor, so that nothing is to be recovered: begin with one")
    await check_password(people, user, proof.password, visitor)
    places = await people.attempts.take(_guess(user))
    codes, hashes = _new_codes(people)

    def decide(found: User) -> Changed[User]:
        used = _with_code_used(people, found, proof.code)
        if used is None:
            raise InvalidInput(FieldViolation("code", "isn't good, or was used already"))
        after = used.with_recovery(hashes)
        act = user_act("user.recovery_codes_renewed", found, after, by.account_id, people.ports.now_ms())
        return Changed(after, (audited(by.actor, act),))

    await changed_user(people, await people.users.change(user.user_id, decide))
    await people.attempts.give_back(places)
    await people.post.order(Which.RECOVERY_RENEWED, email=user.email)
    return codes


async def remove_second_factor(people: People, by: Principal, password: str, visitor: Visitor) -> None:
    """Have somebody's password be enough again.

    Raises:
        InvalidInput: the password is wrong.
        ResourceExhausted: it was wrong too often.
    """
    user = await person(people, by)
    await check_password(people, user, password, visitor)

    def decide(found: User) -> Changed[User] | None:
        if found.totp is None:
            return None
        after = found.without_totp()
        act = user_act("user.second_factor_removed", found, after, by.account_id, people.ports.now_ms())
        return Changed(after, (audited(by.actor, act),))

    await changed_user(people, await people.users.change(user.user_id, decide))
    if user.has_second_factor:
        await people.post.order(Which.FACTOR_REMOVED, email=user.email)


async def check_second_factor(people: People, user: User, code: str) -> User:
    """The user, whose code is used up; he may have no second factor.

    Raises:
        SecondFactorNeeded: he has one, and shows no code.
        Unauthenticated: the code isn't good, or was used already.
        ResourceExhausted: it was wrong too often, from wherever: who knows the password may not try a million codes.
    """
    if not user.has_second_factor:
        return user
    if not code.strip():
        raise SecondFactorNeeded("send the code of your second factor too, or one of your recovery codes, as `code`")

    def decide(found: User) -> Changed[User]:
        after = _with_code_used(people, found, code)
        if after is None:
            raise Unauthenticated("the code isn't good, or was used already")
        return Changed(after, (_told_recovery(people, found, after),) if after.recovery != found.recovery else ())

    places = await people.attempts.take(_guess(user))
    after = await people.users.change(user.user_id, decide) or user
    await people.attempts.give_back(places)
    if len(after.recovery) < len(user.recovery):
        await people.post.order(Which.RECOVERY_USED, email=user.email)
    return after


def _guess(user: User) -> Bound:
    return Bound(f"second factor {user.user_id}")


def _new_codes(people: People) -> tuple[list[str], tuple[str, ...]]:
    """Recovery codes as they are shown, and what is kept of them."""
    codes = [short_code(people.ports.randomness, RECOVERY_CHARACTERS) for _ in range(RECOVERY_CODES)]
    return list(map(spaced, codes)), tuple(map(recovery_hash, codes))


def _with_code_used(people: People, user: User, code: str) -> User | None:
    """The user whose code, of his app or for recovery, is used up; None when it isn't good."""
    step = _step(people, user, code) if len(code) <= MAX_CODE else None
    if step is not None:
        return user.stepped(step)
    hashed = recovery_hash(code[:MAX_CODE])
    return user.without_code(hashed) if hashed in user.recovery else None


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
