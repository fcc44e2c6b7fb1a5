"""What can be asked about people: signing up, addresses, names, passwords.

Whoever asks about an address that isn't his learns nothing: signing up and forgetting are answered in the same way, after the same work,
whether somebody has the address or not. What is to be said is said by mail.
"""

from collections.abc import Callable
from dataclasses import dataclass

from quietzone_gateway.identity.accounts.invitations import Offer, join, offer_of
from quietzone_gateway.identity.attempts import Bound
from quietzone_gateway.identity.audit.events import audited
from quietzone_gateway.identity.domain import Actor, Principal, Visitor, truncated
from quietzone_gateway.identity.mails.tasks import Which
from quietzone_gateway.identity.sessions.ending import end_sessions
from quietzone_gateway.identity.shelf import Changed
from quietzone_gateway.identity.users.acts import user_act
from quietzone_gateway.identity.users.domain import Purpose, User, email_of, name_of, normalised, password_of
from quietzone_gateway.identity.users.guessing import guesses
from quietzone_gateway.identity.users.newcomers import order_of
from quietzone_gateway.identity.users.people import USER, People
from quietzone_kit.errors import (
    AlreadyExists,
    FailedPrecondition,
    FieldViolation,
    InvalidInput,
    NotFound,
    PermissionDenied,
    Unauthenticated,
    Violations,
)
from quietzone_kit.outbox import Outgoing


@dataclass(frozen=True, slots=True)
class SignUp:
    """Somebody who wants to be known. With an `invitation` (its token) the address is the one that was invited."""

    email: str
    name: str
    password: str
    invitation: str | None = None


async def sign_up(people: People, asked: SignUp, visitor: Visitor) -> None:
    """Have a person made, and an account for him, or let him into the one that he is invited to. What comes of an address that somebody
    has already is told by mail alone.

    Raises:
        InvalidInput: names each field.
        PermissionDenied: this installation lets nobody sign up, or only who is invited.
        NotFound: the invitation isn't good, or not any more.
        AlreadyExists: who is invited has signed up already, and can sign in and accept.
        ResourceExhausted: too many from this address.
    """
    people.seal.check()
    if people.rules.sign_up == "closed" or (people.rules.sign_up == "invited" and asked.invitation is None):
        raise PermissionDenied("at this installation nobody can sign up unless somebody who is in an account invites him")
    email, name, password = _checked(asked)
    await people.attempts.take(Bound(f"sign-up {visitor.place}"))
    if asked.invitation is not None:
        await _sign_up_invited(people, await offer_of(people.accounts, people.ports.now_ms(), asked.invitation), asked, visitor)
        return
    user = await _new_user(people, email, name, password)
    await people.post.order(Which.SIGN_UP, **order_of(user, people.seal, truncated(visitor.address)))


async def verify_email(people: People, token: str, visitor: Visitor) -> None:
    """Take somebody's word that he reads mail at his address: he shows the token that went there.

    Raises:
        NotFound: the token isn't good, or not any more.
    """

    def decide(user: User, secret: str) -> Changed[User]:
        _check_link(user, Purpose.VERIFY, secret, people)
        after = user.verified(people.ports.now_ms())
        return Changed(after, (_told(people, "user.verified", user, after, visitor),))

    await _by_token(people, token, decide)


async def ask_verification(people: People, by: Principal) -> None:
    """Have the mail that verifies his address sent to somebody once more; raises ResourceExhausted."""
    user = await person(people, by)
    if user.verified_at_ms is None:
        await people.attempts.take(Bound(f"verify {user.email}"))
        await people.post.order(Which.VERIFY, email=user.email)


async def forgot_password(people: People, email: str, visitor: Visitor) -> None:
    """Have a link to choose a new password sent to whoever has this address, if anybody has.

    Raises:
        InvalidInput: it is no address.
        ResourceExhausted: too often, from this address or for this one.
    """
    people.seal.check()
    violations = Violations()
    with violations.field("email"):
        email = email_of(email)
    violations.check()
    await people.attempts.take(Bound(f"forgot {visitor.place}"), Bound(f"forgot {email}"))
    await people.post.order(Which.RESET, email=email)


async def reset_password(people: People, token: str, password: str, visitor: Visitor) -> None:
    """Give somebody another password who shows the token that was mailed to him; all his sessions end.

    Raises:
        InvalidInput: the password is too easy.
        NotFound: the token isn't good, or not any more.
    """
    checked = _checked_password(password)
    user_id, _, secret = token.partition(".")
    user = await people.users.get(user_id)
    if user is None:
        raise bad_token()
    _check_link(user, Purpose.RESET, secret, people)
    hashed = await people.passwords.hash(checked)

    def decide(user: User, secret: str) -> Changed[User]:
        _check_link(user, Purpose.RESET, secret, people)
        # who reads the mail has shown that the address is his
        after = user.verified(people.ports.now_ms()).with_password(hashed, people.ports.now_ms())
        return Changed(after, (_told(people, "user.password_reset", user, after, visitor),))

    changed = await _by_token(people, token, decide)
    await end_sessions(people, changed.user_id)
    await people.post.order(Which.PASSWORD_CHANGED, email=changed.email)


async def change_password(people: People, by: Principal, current: str, password: str, visitor: Visitor) -> None:
    """Give somebody another password who knows the one that he has; his other sessions end.

    Raises:
        InvalidInput: the current one is wrong, or the new one too easy.
        ResourceExhausted: it was wrong too often.
    """
    user = await person(people, by)
    checked = _checked_password(password)
    await check_password(people, user, current, visitor, field="current")
    hashed = await people.passwords.hash(checked)

    def decide(found: User) -> Changed[User]:
        if found.password_hash != user.password_hash:
            raise FailedPrecondition("your password was changed meanwhile: sign in again")
        after = found.with_password(hashed, people.ports.now_ms())
        return Changed(after, (audited(by.actor, user_act("user.password_changed", found, after, by.account_id, people.ports.now_ms())),))

    await changed_user(people, await people.users.change(user.user_id, decide))
    await end_sessions(people, user.user_id, but=by.session_id)
    await people.post.order(Which.PASSWORD_CHANGED, email=user.email)


async def rename_user(people: People, by: Principal, name: str) -> User:
    """Give somebody another name; raises InvalidInput."""
    violations = Violations()
    with violations.field("name"):
        name = name_of(name)
    violations.check()

    def decide(user: User) -> Changed[User]:
        after = user.named(name)
        return Changed(after, (audited(by.actor, user_act("user.renamed", user, after, by.account_id, people.ports.now_ms())),))

    return await changed_user(people, await people.users.change((await person(people, by)).user_id, decide))


async def person(people: People, by: Principal) -> User:
    """The person who calls.

    Raises:
        PermissionDenied: it is a program.
        Unauthenticated: he is gone.
    """
    if by.user_id is None or not by.session_id:
        raise PermissionDenied("this is about the person who has signed in; an API key is none")
    user = await people.users.get(by.user_id)
    if user is None:
        raise Unauthenticated("whoever signed in isn't known any more")
    return user


async def check_password(people: People, user: User, password: str, visitor: Visitor, *, field: str = "password") -> None:
    """See that who has signed in knows his password too: an open session may be anybody's who found it.

    Raises:
        InvalidInput: it is wrong.
        ResourceExhausted: it was wrong too often; signing in counts too.
    """
    places = await people.attempts.take(*guesses(people.rules, user.email, visitor))
    if not await people.passwords.fits(user.password_hash, normalised(password)):
        raise InvalidInput(FieldViolation(field, "isn't your password"))
    await people.attempts.give_back(places)


async def _sign_up_invited(people: People, offer: Offer, asked: SignUp, visitor: Visitor) -> None:
    _, name, password = _checked(asked)
    user = await _new_user(people, offer.invitation.email, name, password)
    # He shows what was mailed to the address: it is his. The account that he is invited to is his first.
    user = user.verified(user.created_at_ms).working_in(offer.account_id)
    if not await people.users.add(user, _told(people, "user.created", None, user, visitor)):
        raise AlreadyExists("somebody with the invited address has signed up already: sign in, then accept the invitation")
    await join(people.accounts, people.memberships, people.ports, offer, Actor(f"user:{user.user_id}", offer.account_id))


async def _new_user(people: People, email: str, name: str, password: str) -> User:
    now_ms, new_id = people.ports.now_ms(), people.ports.new_id
    return User(new_id(), email, name, await people.passwords.hash(password), new_id(), now_ms, now_ms)


async def _by_token(people: People, token: str, decide: Callable[[User, str], Changed[User]]) -> User:
    user_id, _, secret = token.partition(".")
    return await changed_user(people, await people.users.change(user_id, lambda user: decide(user, secret)))


async def changed_user(people: People, user: User | None) -> User:
    """The person who was changed, when all replicas have been told of it; raises NotFound when there is none."""
    if user is None:
        raise bad_token()
    await people.ports.news.tell(USER, user.user_id)
    return user


def _check_link(user: User, purpose: Purpose, secret: str, people: People) -> None:
    if user.link(purpose, secret, people.ports.now_ms()) is None:
        raise bad_token()


def bad_token() -> NotFound:
    """What is said of a link, whatever is wrong with it."""
    return NotFound("the link isn't good, or not any more: ask for another")


def _checked(asked: SignUp) -> tuple[str, str, str]:
    """Address, name and password; the address is the invitation's where there is one. Raises InvalidInput."""
    violations = Violations()
    email, name, password = asked.email, asked.name, asked.password
    if asked.invitation is None:
        with violations.field("email"):
            email = email_of(email)
    elif email:
        violations.add("email", "it is the one that is invited: leave it out")
    with violations.field("name"):
        name = name_of(name)
    with violations.field("password"):
        password = password_of(password)
    violations.check()
    return email, name, password


def _checked_password(text: str) -> str:
    violations = Violations()
    password = text
    with violations.field("password"):
        password = password_of(text)
    violations.check()
    return password


def _told(people: People, action: str, before: User | None, after: User, visitor: Visitor) -> Outgoing:
    """What the audit log hears of somebody who hasn't signed in."""
    actor = Actor(f"user:{after.user_id}", after.account_id, truncated(visitor.address))
    return audited(actor, user_act(action, before, after, after.account_id, people.ports.now_ms()))
