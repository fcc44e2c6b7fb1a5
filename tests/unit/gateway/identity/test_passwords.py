"""Passwords: which will do, how they are changed and replaced."""

import pytest
from unit.gateway.identity.desk import CHEAP, NOON_MS, Desk
from unit.gateway.identity.persons import ADA, HOME, OTHER, PASSWORD, by_token, cheap, enter, known, signed_in

from quietzone_gateway.identity.sessions.use_cases import SignIn, sign_in
from quietzone_gateway.identity.users.domain import InvalidUser, password_of
from quietzone_gateway.identity.users.repository import USERS
from quietzone_gateway.identity.users.use_cases import change_password, forgot_password, reset_password
from quietzone_kit.errors import InvalidInput, NotFound, Unauthenticated


async def test_enumeration_by_forgetting_is_answered_alike(desk: Desk) -> None:
    await known(desk)

    for email in (ADA, "nobody@example.com"):
        await forgot_password(desk.identity.people, email, HOME)

    assert [mail.to for mail in await desk.mailed()] == [ADA]


async def test_a_forgotten_password_is_replaced_once_by_a_link(desk: Desk) -> None:
    await known(desk)
    await forgot_password(desk.identity.people, ADA, HOME)
    token = await desk.token()

    await reset_password(desk.identity.people, token, OTHER, HOME)

    assert (await enter(desk, password=OTHER)).access_token
    with pytest.raises(NotFound):
        await reset_password(desk.identity.people, token, PASSWORD, HOME)


async def test_a_reset_ends_all_sessions_and_is_told_by_mail(desk: Desk) -> None:
    _, signed = await signed_in(desk)
    await forgot_password(desk.identity.people, ADA, HOME)

    await reset_password(desk.identity.people, await desk.token(), OTHER, HOME)

    with pytest.raises(Unauthenticated):
        await by_token(desk, signed.access_token)
    assert [mail.subject for mail in await desk.mailed()] == ["Your password was changed"]


async def test_a_reset_link_is_good_for_an_hour(desk: Desk) -> None:
    await known(desk)
    await forgot_password(desk.identity.people, ADA, HOME)
    token = await desk.token()
    desk.clock.seconds += CHEAP.reset_minutes * 60

    with pytest.raises(NotFound):
        await reset_password(desk.identity.people, token, OTHER, HOME)


async def test_a_link_for_one_purpose_is_no_good_for_another(desk: Desk) -> None:
    await known(desk, verified=False)

    with pytest.raises(NotFound):
        await reset_password(desk.identity.people, await desk.token(), OTHER, HOME)


async def test_a_password_is_changed_by_who_knows_it(desk: Desk) -> None:
    principal, signed = await signed_in(desk)
    other = await enter(desk)

    await change_password(desk.identity.people, principal, PASSWORD, OTHER, HOME)

    assert await by_token(desk, signed.access_token) == principal
    with pytest.raises(Unauthenticated):
        await by_token(desk, other.access_token)
    assert (await enter(desk, password=OTHER)).access_token


async def test_a_stolen_session_is_not_enough_to_change_a_password(desk: Desk) -> None:
    principal, _ = await signed_in(desk)

    with pytest.raises(InvalidInput, match="current"):
        await change_password(desk.identity.people, principal, OTHER, "Another-one-3", HOME)


async def test_a_password_is_hashed_anew_when_the_parameters_have_moved_on(desk: Desk) -> None:
    await known(desk)
    dearer = desk.replica(CHEAP.model_copy(update={"argon2_rounds": 2}))
    await sign_in(dearer.people, SignIn(ADA, PASSWORD), HOME)

    user = await desk.identity.people.users.by_email(ADA)
    assert user is not None
    assert "t=2" in user.password_hash
    assert (await enter(desk)).access_token


@pytest.mark.parametrize("password", ["Abcdefg1", "aaaaaaaaaaaaaaa", "ÄÖÜäöü12", "correct horse battery", "x" * 1024])
def test_these_passwords_do(password: str) -> None:
    assert password_of(password)


@pytest.mark.parametrize("password", ["", "Abcdef1", "abcdefg1", "ABCDEFGH", "aaaaaaaaaaaaaa", "x" * 1025, "ü" * 513])
def test_these_passwords_do_not(password: str) -> None:
    with pytest.raises(InvalidUser):
        password_of(password)


async def test_all_72_bytes_and_more_of_a_password_count() -> None:
    passwords = cheap()
    kept = await passwords.hash("x" * 200)

    assert not await passwords.fits(kept, "x" * 199 + "y")


async def test_what_is_stored_of_a_person_holds_no_password(desk: Desk) -> None:
    user = await known(desk)

    stored = await desk.documents.get(USERS, user.user_id)

    assert PASSWORD not in str(stored)
    assert user.created_at_ms == NOON_MS
