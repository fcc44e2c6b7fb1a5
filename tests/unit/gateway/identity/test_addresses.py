"""People who change their mail address."""

import re

import pytest
from unit.gateway.identity.desk import CHEAP, Desk
from unit.gateway.identity.persons import ADA, AWAY, HOME, OTHER, PASSWORD, by_token, enter, known, signed_in
from unit.gateway.identity.test_people import Watched

from quietzone_gateway.identity.attempts import MOST
from quietzone_gateway.identity.domain import CODES_WRITE, Principal
from quietzone_gateway.identity.users.addresses import ask_address, change_address
from quietzone_gateway.identity.users.domain import MAX_LINKS
from quietzone_gateway.identity.users.repository import USERS
from quietzone_gateway.identity.users.use_cases import change_password, forgot_password, reset_password, verify_email
from quietzone_kit.errors import AlreadyExists, FailedPrecondition, InvalidInput, NotFound, ResourceExhausted, Unauthenticated
from quietzone_kit.mail import Mail

NEW = "lovelace@example.com"


async def asked(desk: Desk, principal: Principal, email: str = NEW) -> str:
    """The token that went to the new address."""
    await ask_address(desk.identity.people, principal, email, PASSWORD, HOME)
    (mail,) = await desk.mailed()
    assert mail.to == email
    return token_in(mail)


def token_in(mail: Mail) -> str:
    found = re.search(r"/email#token=(\S+)", mail.text)
    assert found is not None
    return found[1]


async def test_an_address_is_changed_by_who_reads_mail_at_the_new_one(desk: Desk) -> None:
    principal, _ = await signed_in(desk)
    token = await asked(desk, principal)
    assert (await enter(desk)).access_token

    await change_address(desk.identity.people, token, HOME)

    assert (await enter(desk, NEW)).user.user_id == principal.user_id
    with pytest.raises(Unauthenticated):
        await enter(desk)


async def test_sessions_stay_when_an_address_is_changed(desk: Desk) -> None:
    principal, signed = await signed_in(desk)

    await change_address(desk.identity.people, await asked(desk, principal), HOME)

    assert await by_token(desk, signed.access_token) == principal


async def test_the_old_address_is_told_that_it_is_none_any_more(desk: Desk) -> None:
    principal, _ = await signed_in(desk)

    await change_address(desk.identity.people, await asked(desk, principal), HOME)

    (mail,) = await desk.mailed()
    assert (mail.to, mail.subject) == (ADA, "Your address was changed")


async def test_account_takeover_by_a_found_session_needs_the_password_too(desk: Desk) -> None:
    principal, _ = await signed_in(desk)

    with pytest.raises(InvalidInput, match="password"):
        await ask_address(desk.identity.people, principal, NEW, OTHER, HOME)
    assert await desk.mailed() == []


async def test_timing_of_asking_for_a_known_address_is_that_of_an_unknown_one(desk: Desk) -> None:
    principal, _ = await signed_in(desk)
    await known(desk, "grace@example.com")
    await ask_address(desk.identity.people, principal, "another@example.com", PASSWORD, HOME)
    found: list[list[tuple[str, str]]] = []
    for email in ("grace@example.com", NEW):
        watched = Watched(desk.documents)
        await ask_address(desk.over(watched).people, principal, email, PASSWORD, HOME)
        found.append(watched.asked)

    assert found[0] == found[1]


async def test_enumeration_by_changing_one_s_address_is_answered_by_mail_alone(desk: Desk) -> None:
    principal, _ = await signed_in(desk)
    await known(desk, "grace@example.com")

    await ask_address(desk.identity.people, principal, "grace@example.com", PASSWORD, HOME)

    (mail,) = await desk.mailed()
    assert (mail.to, "#token=" in mail.text) == ("grace@example.com", False)


async def test_an_address_that_somebody_has_taken_meanwhile_is_refused(desk: Desk) -> None:
    principal, _ = await signed_in(desk)
    token = await asked(desk, principal)
    await known(desk, NEW)

    with pytest.raises(AlreadyExists):
        await change_address(desk.identity.people, token, HOME)
    assert (await enter(desk)).user.user_id == principal.user_id


async def test_a_link_to_another_address_is_good_once_and_for_a_day(desk: Desk) -> None:
    principal, _ = await signed_in(desk)
    late, used = await asked(desk, principal), await asked(desk, principal, "other@example.com")
    await change_address(desk.identity.people, used, HOME)
    desk.clock.seconds += CHEAP.verification_hours * 3_600

    for token in (used, late, "", "x", "a.b", f"{principal.user_id}.x"):
        with pytest.raises(NotFound):
            await change_address(desk.identity.people, token, HOME)


async def test_a_link_for_one_purpose_changes_no_address(desk: Desk) -> None:
    await known(desk, verified=False)

    with pytest.raises(NotFound):
        await change_address(desk.identity.people, await desk.token(), HOME)


async def test_a_link_to_another_address_verifies_and_resets_nothing(desk: Desk) -> None:
    principal, _ = await signed_in(desk)
    token = await asked(desk, principal)

    with pytest.raises(NotFound):
        await verify_email(desk.identity.people, token, HOME)
    with pytest.raises(NotFound):
        await reset_password(desk.identity.people, token, OTHER, HOME)


async def test_links_that_went_to_the_old_address_open_nothing_any_more(desk: Desk) -> None:
    principal, _ = await signed_in(desk)
    await forgot_password(desk.identity.people, ADA, HOME)
    reset = await desk.token()

    await change_address(desk.identity.people, await asked(desk, principal), HOME)

    with pytest.raises(NotFound):
        await reset_password(desk.identity.people, reset, OTHER, HOME)


@pytest.mark.parametrize("how", ["change", "reset"])
async def test_a_thief_s_change_of_address_ends_with_another_password(desk: Desk, how: str) -> None:
    principal, _ = await signed_in(desk)
    token = await asked(desk, principal)
    people = desk.identity.people

    if how == "change":
        await change_password(people, principal, PASSWORD, OTHER, HOME)
    else:
        await forgot_password(people, ADA, HOME)
        await reset_password(people, await desk.token(), OTHER, HOME)

    with pytest.raises(NotFound):
        await change_address(people, token, AWAY)


async def test_a_thief_s_change_of_address_whose_mail_is_late_ends_with_another_password_too(desk: Desk) -> None:
    principal, _ = await signed_in(desk)
    await ask_address(desk.identity.people, principal, NEW, PASSWORD, HOME)
    desk.clock.seconds += 1
    await change_password(desk.identity.people, principal, PASSWORD, OTHER, HOME)

    assert [mail.to for mail in await desk.mailed()] == [ADA]


async def test_who_confirms_another_address_has_verified_it(desk: Desk) -> None:
    await known(desk, verified=False)
    await desk.mailed()
    principal = await by_token(desk, (await enter(desk)).access_token)

    await change_address(desk.identity.people, await asked(desk, principal), HOME)

    assert CODES_WRITE in (await by_token(desk, (await enter(desk, NEW)).access_token)).scopes


async def test_flooding_strangers_with_mails_about_addresses_ends_after_five(desk: Desk) -> None:
    principal, _ = await signed_in(desk)
    for number in range(MOST):
        await ask_address(desk.identity.people, principal, f"{number}@example.com", PASSWORD, HOME)

    with pytest.raises(ResourceExhausted):
        await ask_address(desk.identity.people, principal, NEW, PASSWORD, HOME)
    assert len(await desk.mailed()) == MOST


async def test_so_many_links_to_other_addresses_work_at_once(desk: Desk) -> None:
    principal, _ = await signed_in(desk)
    tokens = [await asked(desk, principal, f"{number}@example.com") for number in range(MAX_LINKS + 1)]

    with pytest.raises(NotFound):
        await change_address(desk.identity.people, tokens[0], HOME)
    await change_address(desk.identity.people, tokens[1], HOME)


@pytest.mark.parametrize("email", ["nobody", "a@b", f"{'x' * 300}@example.com"])
async def test_what_is_no_address_is_refused(desk: Desk, email: str) -> None:
    principal, _ = await signed_in(desk)

    with pytest.raises(InvalidInput, match="email"):
        await ask_address(desk.identity.people, principal, email, PASSWORD, HOME)


async def test_the_address_that_one_has_is_refused(desk: Desk) -> None:
    principal, _ = await signed_in(desk)

    with pytest.raises(FailedPrecondition):
        await ask_address(desk.identity.people, principal, ADA.upper(), PASSWORD, HOME)


async def test_the_audit_log_hears_of_a_change_of_address_and_of_no_address(desk: Desk) -> None:
    principal, _ = await signed_in(desk)
    token = await asked(desk, principal)
    await change_address(desk.identity.people, token, HOME)

    told = await desk.told(USERS, principal.user_id or "")

    assert [event.action for event in told[2:]] == ["user.email_changed"]
    assert len({event.id for event in told}) == len(told)
    for secret in (ADA, NEW, token):
        assert secret not in str(told)


async def test_a_token_to_another_address_is_kept_as_its_hash(desk: Desk) -> None:
    principal, _ = await signed_in(desk)
    token = await asked(desk, principal)

    assert token.partition(".")[2] not in str(await desk.documents.get(USERS, principal.user_id or ""))
