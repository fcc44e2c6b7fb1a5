"""What can be asked about sessions: signing in, carrying on, changing the account, signing out."""

import contextlib
from dataclasses import dataclass, replace

from quietzone_gateway.identity.accounts.domain import Account
from quietzone_gateway.identity.domain import UNVERIFIED_LACK, Principal, Visitor, scopes_of, truncated
from quietzone_gateway.identity.metrics import REUSES, SIGN_INS
from quietzone_gateway.identity.sessions.domain import (
    KEY_BYTES,
    MAX_AGENT,
    MAX_SESSIONS,
    InvalidToken,
    Kind,
    Session,
    Shown,
    cookie,
    csrf_token,
    is_genuine,
    read_refresh,
    refresh_token,
)
from quietzone_gateway.identity.sessions.ending import end_session
from quietzone_gateway.identity.sessions.tokens import Access
from quietzone_gateway.identity.shelf import Changed
from quietzone_gateway.identity.users.domain import MAX_EMAIL, InvalidUser, User, email_of, normalised
from quietzone_gateway.identity.users.guessing import guesses
from quietzone_gateway.identity.users.newcomers import open_own_account
from quietzone_gateway.identity.users.people import SESSION, USER, People
from quietzone_gateway.identity.users.second_factor import SecondFactorNeeded, check_second_factor
from quietzone_gateway.identity.users.use_cases import person
from quietzone_kit.errors import NotFound, Unauthenticated
from quietzone_kit.telemetry import logger

log = logger(__name__)

WRONG = "e-mail address or password is wrong"
"""Whichever it is."""


@dataclass(frozen=True, slots=True)
class SignIn:
    """What somebody shows: a `code` of his second factor, or a recovery code, if he has one. In a browser a `cookie` carries it on."""

    email: str
    password: str
    code: str = ""
    cookie: bool = False


@dataclass(frozen=True, slots=True)
class SignedIn:
    """What shows from now on who somebody is: an access token and what brings the next, or a cookie and what is sent beside it."""

    session: Session
    user: User
    expires_in_s: int
    access_token: str = ""
    refresh_token: str = ""
    cookie: str = ""
    csrf_token: str = ""


async def sign_in(people: People, asked: SignIn, visitor: Visitor) -> SignedIn:
    """Begin a session of somebody who knows his password, and has his second factor.

    Unknown addresses and wrong passwords are told in the same words, after the same work.

    Raises:
        Unauthenticated: one of both is wrong.
        SecondFactorNeeded: they are right, and a code is needed too.
        ResourceExhausted: too many failures, from this network or for this address.
    """
    people.seal.check()
    email = ""
    with contextlib.suppress(InvalidUser):
        email = email_of(asked.email)
    places = await people.attempts.take(*guesses(people.rules, email or asked.email[:MAX_EMAIL], visitor))
    user = await people.users.by_email(email) if email else None
    password = normalised(asked.password)
    if not await people.passwords.fits(user.password_hash if user else None, password) or user is None:
        SIGN_INS.labels("refused").inc()
        raise Unauthenticated(WRONG)
    try:
        user = await check_second_factor(people, user, asked.code)
    except SecondFactorNeeded:
        await people.attempts.give_back(places)
        raise
    await people.attempts.give_back(places)
    SIGN_INS.labels("signed_in").inc()
    if people.passwords.is_outdated(user.password_hash):
        user = await _rehash(people, user, password)
    if not await people.memberships.of_user(user.user_id) and await people.accounts.get(user.account_id) is None:
        await open_own_account(people.accounts, people.memberships, user)  # signing up was cut off
    return await _begin(people, user, asked, visitor)


async def refresh(people: People, token: str) -> SignedIn:
    """Carry a session on: the token that is shown is good once, but for an answer that was lost on its way.

    Raises:
        Unauthenticated: it isn't good. One that was good before ends the session, since it is in two hands.
    """
    shown, session = await _shown(people, token)
    user = await people.users.get(session.user_id)
    if user is None:
        raise _ended()
    account = await _where(people, user, session.account_id)

    def decide(found: Session) -> Changed[Session] | None:
        now_ms = people.ports.now_ms()
        if found.is_live(now_ms) and found.is_repeated_by(shown.generation, now_ms, people.rules.lifetimes.leeway_ms):
            return Changed(found.with_repeated(shown.generation)) if found.repeated != shown.generation else None
        if found.generation != shown.generation or not found.is_live(now_ms):
            raise _Reused
        return Changed(found.refreshed(now_ms, account.account_id if account else ""))

    try:
        after = await people.sessions.change(session.session_id, decide) or session
    except _Reused:
        REUSES.inc()
        log.warning("a refresh token came a second time: its session has ended", session=session.session_id, user=session.user_id)
        await end_session(people, session.session_id)
        raise _ended() from None
    return await _carried_on(people, user, after, account)


async def switch_account(people: People, by: Principal, account_id: str) -> SignedIn:
    """Have somebody work in another of his accounts, in the same session, with the refresh token that he has: an access token, which is
    good for minutes, must not bring one that is good for weeks.

    Raises:
        NotFound: he is in no such account.
    """
    user = await person(people, by)
    account = await people.accounts.get(account_id)
    if account is None or account.member(user.user_id) is None:
        raise NotFound("you are in no account with this id")
    session = await people.sessions.change(by.session_id, lambda found: Changed(_switched(people, found, account_id)))
    if session is None:
        raise _ended()
    await people.users.change(user.user_id, lambda found: Changed(found.working_in(account_id)))
    await people.ports.news.tell(SESSION, session.session_id)
    await people.ports.news.tell(USER, user.user_id)
    return replace(await _carried_on(people, user, session, account), refresh_token="")


async def sign_out(people: People, by: Principal) -> None:
    """End the session that somebody calls from."""
    await person(people, by)
    await end_session(people, by.session_id)


async def list_sessions(people: People, by: Principal) -> list[Session]:
    """Somebody's sessions that go on, newest first."""
    return await people.sessions.live_of((await person(people, by)).user_id, people.ports.now_ms())


async def kill_session(people: People, by: Principal, session_id: str) -> None:
    """End one of somebody's sessions; all replicas refuse it within a second.

    Raises:
        NotFound: he has no such session.
    """
    user = await person(people, by)
    session = await people.sessions.get(session_id)
    if session is None or session.user_id != user.user_id:
        raise NotFound("you have no session with this id")
    await end_session(people, session_id)


def key_of(people: People, session: Session) -> bytes:
    """The key from which follows what shows that the session is somebody's."""
    return people.seal.open(session.sealed_key, f"session {session.session_id}")


def scopes_in(account: Account | None, user: User) -> tuple[str, frozenset[str]]:
    """Role and scopes of a person in an account; neither when he isn't in it, or it is suspended."""
    member = account.member(user.user_id) if account else None
    if account is None or member is None or account.suspended_at_ms is not None:
        return "", frozenset()
    scopes = scopes_of(member.role)
    return str(member.role), scopes if user.verified_at_ms is not None else scopes - UNVERIFIED_LACK


class _Reused(Exception):
    """A refresh token isn't the one that is good now."""


async def _shown(people: People, token: str) -> tuple[Shown, Session]:
    """What a refresh token says, and its session, which goes on; it may have been used before. Raises Unauthenticated."""
    people.seal.check()
    try:
        shown = read_refresh(token)
    except InvalidToken as error:
        raise _ended() from error
    session = await people.sessions.get(shown.session_id)
    if session is None or session.kind != Kind.TOKEN or not session.is_live(people.ports.now_ms()):
        raise _ended()
    if not is_genuine(shown, key_of(people, session)):
        raise _ended()
    return shown, session


async def _begin(people: People, user: User, asked: SignIn, visitor: Visitor) -> SignedIn:
    """A session with an id of its own, whatever the browser had before (session fixation)."""
    ports, now_ms, lifetimes = people.ports, people.ports.now_ms(), people.rules.lifetimes
    account = await _where(people, user, user.account_id)
    session_id, key = ports.randomness.token(16).hex(), ports.randomness.token(KEY_BYTES)
    session = Session(
        session_id,
        user.user_id,
        Kind.COOKIE if asked.cookie else Kind.TOKEN,
        account.account_id if account else "",
        people.seal.seal(key, f"session {session_id}"),
        now_ms,
        now_ms,
        now_ms + (lifetimes.cookie_ms if asked.cookie else lifetimes.session_ms),
        agent="".join(filter(str.isprintable, visitor.agent))[:MAX_AGENT],
        address=truncated(visitor.address),
    )
    await _make_room(people, user.user_id)
    await people.sessions.add(session)
    return await _carried_on(people, user, session, account)


async def _make_room(people: People, user_id: str) -> None:
    live = await people.sessions.live_of(user_id, people.ports.now_ms())
    for oldest in live[MAX_SESSIONS - 1 :]:
        await end_session(people, oldest.session_id)


async def _carried_on(people: People, user: User, session: Session, account: Account | None) -> SignedIn:
    key = key_of(people, session)
    if session.kind == Kind.COOKIE:
        left_s = (session.expires_at_ms - people.ports.now_ms()) // 1000
        return SignedIn(session, user, left_s, cookie=cookie(session, key), csrf_token=csrf_token(key))
    role, scopes = scopes_in(account, user)
    access = Access(user.user_id, account.account_id if account else "", role, scopes, session.session_id)
    return SignedIn(session, user, people.rules.lifetimes.token_ms // 1000, await people.tokens.make(access), refresh_token(session, key))


async def _where(people: People, user: User, account_id: str) -> Account | None:
    """The account in which somebody works: this one if he is in it, else the first that he is in; None when there is none."""
    account = await people.accounts.get(account_id) if account_id else None
    if account is not None and account.member(user.user_id) is not None:
        return account
    found = await people.accounts.many(await people.memberships.of_user(user.user_id))
    return next((each for each in found.values() if each.member(user.user_id) is not None), None)


async def _rehash(people: People, user: User, password: str) -> User:
    hashed = await people.passwords.hash(password)

    def decide(found: User) -> Changed[User] | None:
        return Changed(found.rehashed(hashed)) if found.password_hash == user.password_hash else None

    return await people.users.change(user.user_id, decide) or user


def _switched(people: People, session: Session, account_id: str) -> Session:
    """The session in another account; a refresh token that was given before is carried on to the next."""
    after = session.working_in(account_id)
    return after if session.kind == Kind.COOKIE else replace(after, used_at_ms=people.ports.now_ms())


def _ended() -> Unauthenticated:
    return Unauthenticated("the session isn't good, or has ended: sign in again")
