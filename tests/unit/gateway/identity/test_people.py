from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ports import Inline
from unit.gateway.identity.desk import CHEAP, NOON_MS, OPERATOR, RANDOMNESS, Desk, opened
from unit.gateway.identity.persons import ADA, AWAY, HOME, OTHER, PASSWORD, by_token, enter, known, signed_in

from quietzone_gateway.identity.accounts.repository import ACCOUNTS
from quietzone_gateway.identity.attempts import ATTEMPTS, MOST, WITHIN_MS
from quietzone_gateway.identity.domain import CODES_WRITE, SCOPES_OF, Role, Visitor
from quietzone_gateway.identity.sessions.use_cases import SignIn, sign_in
from quietzone_gateway.identity.users import use_cases
from quietzone_gateway.identity.users.domain import LINK_MS, RESET_MS, InvalidUser, email_of, password_of
from quietzone_gateway.identity.users.passwords import Argon2, Passwords
from quietzone_gateway.identity.users.repository import USERS
from quietzone_gateway.identity.users.use_cases import SignUp, change_password, forgot_password, reset_password, sign_up, verify_email
from quietzone_kit.errors import FailedPrecondition, InvalidInput, NotFound, PermissionDenied, ResourceExhausted, Unauthenticated


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


def cheap() -> Argon2:
    return Argon2(Inline(), RANDOMNESS, memory_kib=8, rounds=1, lanes=1)


async def test_who_signs_up_has_an_account_of_his_own(desk: Desk) -> None:
    principal, _ = await signed_in(desk)

    assert principal.account_id
    assert principal.scopes == SCOPES_OF[Role.OWNER]


async def test_who_has_not_verified_his_address_can_not_publish(desk: Desk) -> None:
    await known(desk, verified=False)

    principal = await by_token(desk, (await enter(desk)).access_token)

    assert CODES_WRITE not in principal.scopes
    assert principal.account_id


async def test_verifying_counts_at_once(desk: Desk) -> None:
    await known(desk, verified=False)
    signed = await enter(desk)
    await by_token(desk, signed.access_token)

    await verify_email(desk.identity.people, await desk.token(), HOME)

    assert CODES_WRITE in (await by_token(desk, signed.access_token)).scopes


async def test_a_link_is_good_for_a_day(desk: Desk) -> None:
    await known(desk, verified=False)
    token = await desk.token()
    desk.clock.seconds += LINK_MS / 1000

    with pytest.raises(NotFound):
        await verify_email(desk.identity.people, token, HOME)


@pytest.mark.parametrize("token", ["", "x", "a.b", "..", "\x00.\x00", "user." + "x" * 400])
async def test_a_made_up_link_is_refused(desk: Desk, token: str) -> None:
    await known(desk, verified=False)

    with pytest.raises(NotFound):
        await verify_email(desk.identity.people, token, HOME)


async def test_enumeration_by_signing_up_is_answered_alike() -> None:
    counting = Counting(cheap())
    async with opened(passwords=counting) as desk:
        await known(desk)
        before = counting.hashed

        await sign_up(desk.identity.people, SignUp(ADA, "Eve", OTHER), AWAY)

        assert counting.hashed == before + 1
        assert (await desk.mailed())[0].subject == "You have an account already"


async def test_signing_up_again_changes_nothing_and_says_so_by_mail(desk: Desk) -> None:
    await known(desk)

    await sign_up(desk.identity.people, SignUp(ADA.upper(), "Eve", OTHER), AWAY)

    assert [mail.to for mail in await desk.mailed()] == [ADA]
    with pytest.raises(Unauthenticated):
        await enter(desk, password=OTHER)


async def test_enumeration_by_forgetting_is_answered_alike(desk: Desk) -> None:
    await known(desk)

    for email in (ADA, "nobody@example.com"):
        await forgot_password(desk.identity.people, email, HOME)

    assert [mail.to for mail in await desk.mailed()] == [ADA]


async def test_timing_of_an_unknown_account_is_that_of_a_wrong_password() -> None:
    counting = Counting(cheap())
    async with opened(passwords=counting) as desk:
        await known(desk)
        asked = []
        for email in (ADA, "nobody@example.com", "no address"):
            before = (counting.hashed, counting.verified)
            with pytest.raises(Unauthenticated) as caught:
                await enter(desk, email, OTHER)
            asked.append((counting.hashed - before[0], counting.verified - before[1], str(caught.value)))

    assert asked == [(0, 1, "e-mail address or password is wrong")] * 3


async def test_nobody_is_nobody_whatever_the_password() -> None:
    passwords = cheap()

    assert not await passwords.fits(None, "")
    assert not await passwords.fits("not a hash", PASSWORD)


async def test_guessing_passwords_of_an_account_ends_after_five(desk: Desk) -> None:
    await known(desk)
    for number in range(MOST):
        with pytest.raises(Unauthenticated):
            await _guess(desk, Visitor(f"198.51.100.{number}"))

    with pytest.raises(ResourceExhausted) as caught:
        await enter(desk)
    assert 0 < (caught.value.retry_after_s or 0) <= WITHIN_MS // 1000


async def test_guessing_passwords_from_an_address_ends_after_five(desk: Desk) -> None:
    await known(desk)
    for number in range(MOST):
        with pytest.raises(Unauthenticated):
            await enter(desk, f"nobody{number}@example.com")

    with pytest.raises(ResourceExhausted):
        await enter(desk)


async def test_guessing_from_one_household_counts_as_one_address(desk: Desk) -> None:
    for number in range(MOST):
        with pytest.raises(Unauthenticated):
            await _guess(desk, Visitor(f"2001:db8:1:2::{number}"), f"nobody{number}@example.com")

    with pytest.raises(ResourceExhausted):
        await _guess(desk, Visitor("2001:db8:1:2:ffff::1"), "other@example.com")


async def test_failures_are_forgotten_after_a_quarter_of_an_hour(desk: Desk) -> None:
    await known(desk)
    for _ in range(MOST):
        with pytest.raises(Unauthenticated):
            await enter(desk, password=OTHER)
    desk.clock.seconds += WITHIN_MS / 1000

    assert (await enter(desk)).access_token


async def test_successes_are_not_counted(desk: Desk) -> None:
    await known(desk)

    for _ in range(3 * MOST):
        await enter(desk)


async def test_what_is_counted_is_stored_without_addresses(desk: Desk) -> None:
    with pytest.raises(Unauthenticated):
        await enter(desk)

    page = await desk.documents.scan(ATTEMPTS, limit=10)
    assert len(page.items) == 2
    assert ADA not in str(page.items)
    assert HOME.address not in str(page.items)


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
    desk.clock.seconds += RESET_MS / 1000

    with pytest.raises(NotFound):
        await reset_password(desk.identity.people, token, OTHER, HOME)


async def test_a_link_for_one_purpose_is_no_good_for_another(desk: Desk) -> None:
    await known(desk, verified=False)

    with pytest.raises(NotFound):
        await reset_password(desk.identity.people, await desk.token(), OTHER, HOME)


async def test_flooding_an_address_with_mails_ends_after_five(desk: Desk) -> None:
    for number in range(MOST):
        await forgot_password(desk.identity.people, ADA, Visitor(f"198.51.100.{number}"))

    with pytest.raises(ResourceExhausted):
        await forgot_password(desk.identity.people, ADA, HOME)


async def test_host_header_poisoning_is_impossible_since_links_are_of_the_public_url(desk: Desk) -> None:
    await known(desk, verified=False)

    (mail,) = await desk.mailed()

    assert "https://qr.example.com/verify#token=" in mail.text
    assert mail.html.count("https://") == 2


async def test_a_mail_s_html_holds_no_markup_of_people(desk: Desk) -> None:
    await sign_up(desk.identity.people, SignUp(ADA, "<img src=//evil>", PASSWORD), HOME)

    (mail,) = await desk.mailed()

    assert "<img" not in mail.html


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


async def test_a_program_is_no_person(desk: Desk) -> None:
    with pytest.raises(PermissionDenied):
        await use_cases.person(desk.identity.people, OPERATOR)


async def test_a_password_is_hashed_anew_when_the_parameters_have_moved_on(desk: Desk) -> None:
    await known(desk)
    dearer = desk.replica(CHEAP.model_copy(update={"argon2_rounds": 2}))
    await sign_in(dearer.people, SignIn(ADA, PASSWORD), HOME)

    user = await desk.identity.people.users.by_email(ADA)
    assert user is not None
    assert "t=2" in user.password_hash
    assert (await enter(desk)).access_token


async def test_who_was_cut_off_while_signing_up_gets_his_account_when_he_signs_in(desk: Desk) -> None:
    user = await known(desk)
    stored = await desk.documents.get(ACCOUNTS, user.account_id)
    assert stored is not None
    await desk.documents.delete(ACCOUNTS, user.account_id, if_version=stored.version)
    await desk.identity.people.memberships.remove(user.user_id, user.account_id)

    principal = await by_token(desk, (await enter(desk)).access_token)

    assert principal.account_id == user.account_id


@pytest.mark.parametrize(
    ("field", "asked"),
    [
        ("email", SignUp("nobody", "Ada", PASSWORD)),
        ("email", SignUp("ada@example.com\nBcc: eve@example.com", "Ada", PASSWORD)),
        ("name", SignUp(ADA, " ", PASSWORD)),
        ("name", SignUp(ADA, "A\r\nB", PASSWORD)),
        ("password", SignUp(ADA, "Ada", "short")),
        ("password", SignUp(ADA, "Ada", "Aa1" + "x" * 1022)),
    ],
)
async def test_a_person_that_makes_no_sense_is_refused(desk: Desk, field: str, asked: SignUp) -> None:
    with pytest.raises(InvalidInput, match=field):
        await sign_up(desk.identity.people, asked, HOME)


@pytest.mark.parametrize("rule", ["invited", "closed"])
async def test_where_it_is_not_open_nobody_signs_up_uninvited(rule: str) -> None:
    async with opened(settings=CHEAP.model_copy(update={"sign_up": rule})) as desk:
        with pytest.raises(PermissionDenied):
            await sign_up(desk.identity.people, SignUp(ADA, "Ada", PASSWORD), HOME)


async def test_without_a_secret_key_people_are_told_what_is_missing() -> None:
    async with opened(settings=CHEAP.model_copy(update={"gateway_secret_key": None})) as desk:
        with pytest.raises(FailedPrecondition, match="QUIETZONE_GATEWAY_SECRET_KEY"):
            await enter(desk)


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


@given(st.emails())
def test_an_address_is_one_whatever_its_case(email: str) -> None:
    try:
        known = email_of(email)
    except InvalidUser:
        return
    assert email_of(email.upper()) == known == email_of(f" {email} ")


async def test_the_audit_log_hears_of_people_and_no_secret(desk: Desk) -> None:
    principal, _ = await signed_in(desk)
    await change_password(desk.identity.people, principal, PASSWORD, OTHER, HOME)
    await use_cases.rename_user(desk.identity.people, principal, "Ada L.")

    told = await desk.told(USERS, principal.user_id or "")

    assert [event.action for event in told] == ["user.created", "user.verified", "user.password_changed", "user.renamed"]
    assert {event.account_id for event in told} == {principal.account_id}
    for secret in (PASSWORD, OTHER, "argon2", ADA):
        assert secret not in str(told)


async def test_what_is_stored_of_a_person_holds_no_password(desk: Desk) -> None:
    user = await known(desk)

    stored = await desk.documents.get(USERS, user.user_id)

    assert PASSWORD not in str(stored)
    assert user.created_at_ms == NOON_MS


async def _guess(desk: Desk, visitor: Visitor, email: str = ADA) -> None:
    await sign_in(desk.identity.people, SignIn(email, OTHER), visitor)
