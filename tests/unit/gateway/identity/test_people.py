from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.gateway.identity.desk import CHEAP, OPERATOR, RANDOMNESS, Desk, opened
from unit.gateway.identity.persons import ADA, AWAY, HOME, OTHER, PASSWORD, Counting, by_token, cheap, enter, known, signed_in

from quietzone_gateway.identity.accounts.repository import ACCOUNTS
from quietzone_gateway.identity.attempts import MOST
from quietzone_gateway.identity.domain import CODES_WRITE, SCOPES_OF, Role, Visitor
from quietzone_gateway.identity.mails.tasks import KIND
from quietzone_gateway.identity.users import use_cases
from quietzone_gateway.identity.users.domain import InvalidUser, email_of
from quietzone_gateway.identity.users.repository import USERS
from quietzone_gateway.identity.users.use_cases import SignUp, change_password, forgot_password, sign_up, verify_email
from quietzone_kit.documents import Collection, Documents
from quietzone_kit.errors import FailedPrecondition, InvalidInput, NotFound, PermissionDenied, ResourceExhausted, Unauthenticated
from quietzone_kit.tasks import TASKS, Again, Fail, NewTask, Tasks


class Watched:
    """A store that notes what it is asked, in order."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self.asked: list[tuple[str, str]] = []

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._documents, name)

        async def noted(collection: Collection, *args: Any, **named: Any) -> Any:
            self.asked.append((name, collection.name))
            return await method(collection, *args, **named)

        return noted


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
    desk.clock.seconds += CHEAP.verification_hours * 3_600

    with pytest.raises(NotFound):
        await verify_email(desk.identity.people, token, HOME)


async def test_mails_say_how_long_their_links_are_good_as_it_is_set() -> None:
    async with opened(settings=CHEAP.model_copy(update={"verification_hours": 36, "reset_minutes": 90})) as desk:
        await known(desk, verified=False)
        await forgot_password(desk.identity.people, ADA, HOME)

        texts = [mail.text for mail in await desk.mailed()]

    assert ["36 hours" in texts[0], "90 minutes" in texts[1]] == [True, True]


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


@pytest.mark.parametrize("ask", ["sign up", "forget"])
async def test_timing_of_what_is_asked_for_a_known_address_is_that_of_an_unknown_one(desk: Desk, ask: str) -> None:
    await known(desk)
    asked: list[list[tuple[str, str]]] = []
    for number, email in enumerate((ADA, "eve@example.com")):
        watched = Watched(desk.documents)
        people = desk.over(watched).people
        visitor = Visitor(f"198.51.100.{number}")
        await (sign_up(people, SignUp(email, "Eve", OTHER), visitor) if ask == "sign up" else forgot_password(people, email, visitor))
        asked.append(watched.asked)

    assert asked[0] == asked[1]
    assert ("insert", "tasks") in asked[0]


async def test_who_signs_up_is_made_once_however_often_the_task_runs(desk: Desk) -> None:
    await sign_up(desk.identity.people, SignUp(ADA, "Ada", PASSWORD), HOME)
    await desk.mailed()
    made = await desk.identity.people.users.by_email(ADA)
    await desk.again()

    mails = await desk.mailed()

    found = await desk.identity.people.users.by_email(ADA)
    assert made is not None
    assert found is not None
    assert (found.user_id, found.account_id) == (made.user_id, made.account_id)
    assert [mail.subject for mail in mails] == ["Is this your address?"]


async def test_two_who_sign_up_for_one_address_at_once_make_one_person(desk: Desk) -> None:
    for name in ("Ada", "Eve"):
        await sign_up(desk.identity.people, SignUp(ADA, name, PASSWORD), HOME)

    assert sorted(mail.subject for mail in await desk.mailed()) == ["Is this your address?", "You have an account already"]


async def test_a_mail_of_a_newer_release_waits_a_day_for_its_worker(desk: Desk) -> None:
    task = await Tasks(desk.documents, desk.clock, RANDOMNESS).add(NewTask("system", KIND, {"mail": "of-a-newer-release"}))
    send = desk.work.mails._kinds[KIND].handler

    assert isinstance(await send.run(task, lambda _: None), Again)
    desk.clock.seconds += 86_401
    with pytest.raises(Fail, match="of-a-newer-release"):
        await send.run(task, lambda _: None)


async def test_what_waits_for_a_sign_up_holds_no_password(desk: Desk) -> None:
    await sign_up(desk.identity.people, SignUp(ADA, "Ada", PASSWORD), HOME)

    stored = str((await desk.documents.scan(TASKS, limit=10)).items)

    for secret in (PASSWORD, "argon2"):
        assert secret not in stored
    assert HOME.address not in stored


async def test_signing_up_again_changes_nothing_and_says_so_by_mail(desk: Desk) -> None:
    await known(desk)

    await sign_up(desk.identity.people, SignUp(ADA.upper(), "Eve", OTHER), AWAY)

    assert [mail.to for mail in await desk.mailed()] == [ADA]
    with pytest.raises(Unauthenticated):
        await enter(desk, password=OTHER)


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


async def test_a_program_is_no_person(desk: Desk) -> None:
    with pytest.raises(PermissionDenied):
        await use_cases.person(desk.identity.people, OPERATOR)


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
