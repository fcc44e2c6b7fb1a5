import asyncio
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.gateway.identity.desk import CHEAP, NOON_MS, OPERATOR, Desk, of_role, opened
from unit.gateway.identity.persons import ADA, HOME, PASSWORD, by_token, enter, known, signed_in

from quietzone_gateway.identity.accounts import use_cases
from quietzone_gateway.identity.accounts.domain import (
    FIRST_ACCOUNT,
    MAX_INVITATIONS,
    MAX_MEMBERS,
    Account,
    AccountFull,
    Invitation,
    LastOwner,
    Member,
    owned_account,
)
from quietzone_gateway.identity.accounts.operators import AccountChange, change_any_account, get_any_account, list_accounts
from quietzone_gateway.identity.accounts.repository import ACCOUNTS
from quietzone_gateway.identity.domain import ALL_SCOPES, SCOPES_OF, Principal, Role
from quietzone_gateway.identity.sessions.use_cases import SignedIn, switch_account
from quietzone_gateway.identity.users.use_cases import SignUp, sign_up
from quietzone_kit.errors import AlreadyExists, FailedPrecondition, InvalidInput, NotFound, PermissionDenied, Unauthenticated

BOB = "bob@example.com"


async def invited(desk: Desk, email: str = BOB, role: Role = Role.EDITOR, by: Principal = OPERATOR) -> str:
    """The token of an invitation, as it was mailed."""
    await use_cases.invite(desk.identity.people, by, email, role)
    return await desk.token()


async def joined(desk: Desk, email: str = BOB, role: Role = Role.EDITOR) -> tuple[Principal, SignedIn]:
    """Somebody who has joined the first account, and works in it."""
    principal, _ = await signed_in(desk, email)
    await use_cases.accept(desk.identity.people, principal, await invited(desk, email, role))
    signed = await switch_account(desk.identity.people, principal, FIRST_ACCOUNT)
    return await by_token(desk, signed.access_token), signed


async def test_an_access_token_alone_brings_no_refresh_token(desk: Desk) -> None:
    _, signed = await joined(desk)

    assert (bool(signed.access_token), signed.refresh_token) == (True, "")


async def roles(desk: Desk) -> dict[str, Role]:
    members = await use_cases.list_members(desk.identity.people, OPERATOR)
    return {known.user.email if known.user else "": known.member.role for known in members}


async def test_who_is_invited_joins_with_the_role(desk: Desk) -> None:
    bob, _ = await joined(desk)

    assert (bob.account_id, bob.scopes) == (FIRST_ACCOUNT, SCOPES_OF[Role.EDITOR])
    assert await roles(desk) == {BOB: Role.EDITOR}


async def test_an_invitation_is_mailed_to_the_address_alone(desk: Desk) -> None:
    await use_cases.invite(desk.identity.people, OPERATOR, BOB, Role.VIEWER)

    (mail,) = await desk.mailed()

    assert mail.to == BOB
    assert "https://qr.example.com/invitation#token=first." in mail.text
    stored = await desk.documents.get(ACCOUNTS, FIRST_ACCOUNT)
    assert mail.text.rpartition(".")[2].strip() not in str(stored)


async def test_an_invitation_opens_once(desk: Desk) -> None:
    bob, _ = await signed_in(desk, BOB)
    token = await invited(desk)
    await use_cases.accept(desk.identity.people, bob, token)

    with pytest.raises(NotFound):
        await use_cases.accept(desk.identity.people, bob, token)


async def test_an_invitation_is_good_for_a_week(desk: Desk) -> None:
    token = await invited(desk)
    desk.clock.seconds += CHEAP.invitation_days * 86_400
    bob, _ = await signed_in(desk, BOB)

    with pytest.raises(NotFound):
        await use_cases.accept(desk.identity.people, bob, token)


async def test_a_withdrawn_invitation_opens_nothing(desk: Desk) -> None:
    bob, _ = await signed_in(desk, BOB)
    token = await invited(desk)
    (waiting,) = await use_cases.list_invitations(desk.identity.people, OPERATOR)

    await use_cases.withdraw(desk.identity.people, OPERATOR, waiting.invitation_id)

    with pytest.raises(NotFound):
        await use_cases.accept(desk.identity.people, bob, token)


async def test_a_forwarded_invitation_is_of_no_use_to_others(desk: Desk) -> None:
    eve, _ = await signed_in(desk, "eve@example.com")

    with pytest.raises(PermissionDenied, match="another address"):
        await use_cases.accept(desk.identity.people, eve, await invited(desk))


@pytest.mark.parametrize("token", ["", "first", "first..", "first.x.y", "none.x.y"])
async def test_a_made_up_invitation_is_refused(desk: Desk, token: str) -> None:
    bob, _ = await signed_in(desk, BOB)

    with pytest.raises(NotFound):
        await use_cases.accept(desk.identity.people, bob, token)


async def test_who_signs_up_by_an_invitation_is_verified_and_joins() -> None:
    async with opened(settings=CHEAP.model_copy(update={"sign_up": "invited"})) as desk:
        await sign_up(desk.identity.people, SignUp("", "Bob", PASSWORD, await invited(desk)), HOME)

        bob = await by_token(desk, (await enter(desk, BOB)).access_token)

        assert (bob.account_id, bob.scopes) == (FIRST_ACCOUNT, SCOPES_OF[Role.EDITOR])
        assert [place.account.account_id for place in await use_cases.places_of(desk.identity.people, bob.user_id or "")] == [FIRST_ACCOUNT]


async def test_who_signs_up_by_an_invitation_has_no_choice_of_address(desk: Desk) -> None:
    with pytest.raises(InvalidInput, match="email"):
        await sign_up(desk.identity.people, SignUp("eve@example.com", "Eve", PASSWORD, await invited(desk)), HOME)


async def test_who_is_known_signs_in_to_accept(desk: Desk) -> None:
    await known(desk, BOB)

    with pytest.raises(AlreadyExists):
        await sign_up(desk.identity.people, SignUp("", "Bob", PASSWORD, await invited(desk)), HOME)


async def test_accepting_verifies_the_address_that_the_mail_went_to(desk: Desk) -> None:
    await known(desk, BOB, verified=False)
    await desk.mailed()
    bob = await by_token(desk, (await enter(desk, BOB)).access_token)

    await use_cases.accept(desk.identity.people, bob, await invited(desk))

    user = await desk.identity.people.users.by_email(BOB)
    assert user is not None
    assert user.verified_at_ms is not None


@pytest.mark.parametrize("role", list(Role))
async def test_privilege_escalation_by_inviting_into_a_stronger_role_is_refused(desk: Desk, role: Role) -> None:
    allowed = {Role.OWNER: list(Role), Role.ADMIN: list(Role)[1:]}.get(role, list(Role)[list(Role).index(role) :])
    for other in Role:
        if other in allowed:
            await use_cases.invite(desk.identity.people, of_role(role), BOB, other)
        else:
            with pytest.raises(PermissionDenied):
                await use_cases.invite(desk.identity.people, of_role(role), BOB, other)


async def test_privilege_escalation_of_oneself_is_refused(desk: Desk) -> None:
    admin, _ = await joined(desk, role=Role.ADMIN)

    with pytest.raises(PermissionDenied):
        await use_cases.change_role(desk.identity.people, admin, admin.user_id or "", Role.OWNER)
    assert await roles(desk) == {BOB: Role.ADMIN}


async def test_an_administrator_can_not_overrule_an_owner(desk: Desk) -> None:
    owner, _ = await joined(desk, ADA, Role.OWNER)
    admin, _ = await joined(desk, role=Role.ADMIN)

    for attempt in (
        use_cases.change_role(desk.identity.people, admin, owner.user_id or "", Role.VIEWER),
        use_cases.remove_member(desk.identity.people, admin, owner.user_id or ""),
    ):
        with pytest.raises(PermissionDenied):
            await attempt


async def test_another_role_counts_at_once(desk: Desk) -> None:
    bob, signed = await joined(desk)

    await use_cases.change_role(desk.identity.people, OPERATOR, bob.user_id or "", Role.VIEWER)

    assert (await by_token(desk, signed.access_token)).scopes == SCOPES_OF[Role.VIEWER]


async def test_who_is_removed_can_do_nothing_at_once(desk: Desk) -> None:
    bob, signed = await joined(desk)

    await use_cases.remove_member(desk.identity.people, OPERATOR, bob.user_id or "")

    found = await by_token(desk, signed.access_token)
    assert (found.account_id, found.scopes) == ("", frozenset())
    assert FIRST_ACCOUNT not in [place.account.account_id for place in await use_cases.places_of(desk.identity.people, bob.user_id or "")]


async def test_who_leaves_works_in_his_own_account_from_the_next_token_on(desk: Desk) -> None:
    bob, signed = await joined(desk)

    await use_cases.leave(desk.identity.people, bob)

    again = await by_token(desk, (await enter(desk, BOB)).access_token)
    assert again.account_id not in ("", FIRST_ACCOUNT)
    assert (await by_token(desk, signed.access_token)).account_id == ""


async def test_the_last_owner_stays(desk: Desk) -> None:
    ada, _ = await signed_in(desk)

    for attempt in (
        use_cases.leave(desk.identity.people, ada),
        use_cases.change_role(desk.identity.people, ada, ada.user_id or "", Role.ADMIN),
    ):
        with pytest.raises(FailedPrecondition, match="at least one owner"):
            await attempt


async def test_two_owners_who_leave_at_once_leave_one_behind(desk: Desk) -> None:
    owners = [(await joined(desk, email, Role.OWNER))[0] for email in (ADA, BOB)]

    ends = await asyncio.gather(*(use_cases.leave(desk.identity.people, owner) for owner in owners), return_exceptions=True)

    assert sorted(type(end).__name__ for end in ends) == ["FailedPrecondition", "NoneType"]
    assert list((await roles(desk)).values()) == [Role.OWNER]


async def test_an_account_is_handed_over(desk: Desk) -> None:
    ada, _ = await joined(desk, ADA, Role.OWNER)
    bob, _ = await joined(desk)

    await use_cases.transfer(desk.identity.people, ada, bob.user_id or "")

    assert await roles(desk) == {ADA: Role.ADMIN, BOB: Role.OWNER}


async def test_only_an_owner_hands_an_account_over(desk: Desk) -> None:
    ada, _ = await joined(desk, ADA, Role.OWNER)
    bob, _ = await joined(desk, role=Role.ADMIN)

    with pytest.raises(PermissionDenied):
        await use_cases.transfer(desk.identity.people, bob, ada.user_id or "")
    with pytest.raises(InvalidInput):
        await use_cases.transfer(desk.identity.people, ada, ada.user_id or "")
    with pytest.raises(PermissionDenied):
        await use_cases.transfer(desk.identity.people, OPERATOR, ada.user_id or "")


async def test_members_of_another_account_are_not_found(desk: Desk) -> None:
    bob, _ = await joined(desk)
    eve, _ = await signed_in(desk, "eve@example.com")

    for attempt in (
        use_cases.change_role(desk.identity.people, eve, bob.user_id or "", Role.VIEWER),
        use_cases.remove_member(desk.identity.people, eve, bob.user_id or ""),
        use_cases.transfer(desk.identity.people, eve, bob.user_id or ""),
        switch_account(desk.identity.people, eve, FIRST_ACCOUNT),
    ):
        with pytest.raises(NotFound):
            await attempt


async def test_who_has_joined_before_he_left_is_found_by_his_membership(desk: Desk) -> None:
    bob, _ = await joined(desk)
    people = desk.identity.people
    await use_cases.leave(people, bob)

    await use_cases.accept(people, bob, await invited(desk))

    assert FIRST_ACCOUNT in [place.account.account_id for place in await use_cases.places_of(people, bob.user_id or "")]


async def test_a_suspended_account_can_not_be_used(desk: Desk) -> None:
    bob, signed = await signed_in(desk, BOB)

    await change_any_account(desk.identity.people, OPERATOR, bob.account_id, AccountChange(suspended=True))

    assert (await by_token(desk, signed.access_token)).scopes == frozenset()
    await change_any_account(desk.identity.people, OPERATOR, bob.account_id, AccountChange(suspended=False))
    assert (await by_token(desk, signed.access_token)).scopes == bob.scopes


async def test_another_plan_counts_at_once(desk: Desk) -> None:
    bob, signed = await signed_in(desk, BOB)

    await change_any_account(desk.identity.people, OPERATOR, bob.account_id, AccountChange(plan="pro"))

    assert (await by_token(desk, signed.access_token)).plan == "pro"


async def test_an_operator_does_not_lock_himself_out(desk: Desk) -> None:
    with pytest.raises(FailedPrecondition):
        await change_any_account(desk.identity.people, OPERATOR, FIRST_ACCOUNT, AccountChange(suspended=True))


@pytest.mark.parametrize("role", list(Role))
async def test_privilege_escalation_to_operator_is_refused_to_every_role(desk: Desk, role: Role) -> None:
    for attempt in (
        list_accounts(desk.identity.people, of_role(role), limit=1, after=None),
        get_any_account(desk.identity.people, of_role(role), FIRST_ACCOUNT),
        change_any_account(desk.identity.people, of_role(role), FIRST_ACCOUNT, AccountChange(plan="pro")),
    ):
        with pytest.raises(PermissionDenied):
            await attempt


async def test_an_operator_lists_all_accounts_page_by_page(desk: Desk) -> None:
    for email in (ADA, BOB):
        await known(desk, email)

    seen, after = [], None
    while True:
        page = await list_accounts(desk.identity.people, OPERATOR, limit=1, after=after)
        seen += [account.account_id for account in page.items]
        if (after := page.cursor) is None:
            break

    assert len(seen) == len(set(seen)) == 3
    with pytest.raises(InvalidInput, match="cursor"):
        await list_accounts(desk.identity.people, OPERATOR, limit=1, after="none")


async def test_the_audit_log_of_an_account_hears_of_its_members_and_operators(desk: Desk) -> None:
    bob, _ = await joined(desk)
    people = desk.identity.people
    await use_cases.change_role(people, OPERATOR, bob.user_id or "", Role.VIEWER)
    await use_cases.rename_account(people, OPERATOR, "Ours")
    await change_any_account(people, OPERATOR, FIRST_ACCOUNT, AccountChange(plan="pro"))
    await use_cases.remove_member(people, OPERATOR, bob.user_id or "")

    told = await desk.told(ACCOUNTS, FIRST_ACCOUNT)

    assert [event.action for event in told] == [
        "member.invited",
        "member.joined",
        "member.changed",
        "account.renamed",
        "account.operated",
        "member.removed",
    ]
    assert (told[2].before, told[2].after, told[2].target) == ('{"role":"editor"}', '{"role":"viewer"}', f"user:{bob.user_id}")
    assert {event.subject for event in told[2:]} == {"key:first"}
    assert len({event.id for event in told}) == len(told)


async def test_who_is_in_no_account_has_no_scopes_and_no_account() -> None:
    async with opened(settings=CHEAP.model_copy(update={"sign_up": "invited"})) as desk:
        await sign_up(desk.identity.people, SignUp("", "Bob", PASSWORD, await invited(desk)), HOME)
        bob = await by_token(desk, (await enter(desk, BOB)).access_token)
        await use_cases.leave(desk.identity.people, bob)

        found = await by_token(desk, (await enter(desk, BOB)).access_token)

        assert (found.account_id, found.scopes, found.plan) == ("", frozenset(), "")
        with pytest.raises(NotFound):
            await use_cases.get_account(desk.identity.people, found)


def account_of(*roles: Role) -> Account:
    return Account("a", "A", "free", 0, tuple(Member(str(number), role, 0) for number, role in enumerate(roles)))


@given(st.lists(st.tuples(st.integers(0, 4), st.sampled_from([*Role, None])), max_size=30))
def test_whatever_is_done_an_account_keeps_an_owner(changes: list[tuple[int, Role | None]]) -> None:
    account = account_of(*Role)
    for number, role in changes:
        try:
            account = account.without(str(number)) if role is None else account.with_role(str(number), role)
        except LastOwner:
            continue
    assert any(member.role is Role.OWNER for member in account.members)


def test_an_account_has_a_bounded_number_of_members_and_invitations() -> None:
    invitation = Invitation("i", "a@example.com", Role.VIEWER, "user:1", NOON_MS + 1)
    full = replace(account_of(*[Role.OWNER] * MAX_MEMBERS), invitations=(invitation,))
    with pytest.raises(AccountFull):
        full.joined(invitation, "another", NOON_MS)
    many = tuple(replace(invitation, email=f"{number}@example.com") for number in range(MAX_INVITATIONS))
    with pytest.raises(AccountFull):
        replace(full, invitations=many).invited(replace(invitation, email="another@example.com"), NOON_MS)
    assert len(replace(full, invitations=many).invited(invitation, NOON_MS + 1).invitations) == 1


def test_who_makes_an_account_owns_it() -> None:
    assert owned_account("a", " Mine ", "u", 7) == Account("a", "Mine", "free", 7, (Member("u", Role.OWNER, 7),))


def test_the_first_key_has_all_scopes_of_an_owner() -> None:
    assert SCOPES_OF[Role.OWNER] < ALL_SCOPES


async def test_a_token_for_an_account_ends_with_its_session(desk: Desk) -> None:
    _, signed = await joined(desk)
    await desk.identity.people.sessions.end(signed.session.session_id, desk.clock.now_ms())
    await desk.identity.ports.news.tell("session", signed.session.session_id)

    with pytest.raises(Unauthenticated):
        await by_token(desk, signed.access_token)
