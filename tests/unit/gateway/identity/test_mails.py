"""Mails as tasks: what is handed over again says what was said before, and whoever carries it is told what it is."""

import re

import pytest
from unit.gateway.identity.desk import OPERATOR, Desk
from unit.gateway.identity.persons import ADA, HOME, PASSWORD, signed_in

from quietzone_gateway.identity.accounts import use_cases as accounts
from quietzone_gateway.identity.domain import Role
from quietzone_gateway.identity.users.domain import MAX_LINKS
from quietzone_gateway.identity.users.use_cases import SignUp, forgot_password, sign_up
from quietzone_kit.mail import MailUnavailable

BOB = "bob@example.com"


async def test_an_invitation_whose_mail_is_handed_over_again_is_opened_by_the_first(desk: Desk) -> None:
    bob, _ = await signed_in(desk, BOB)
    await accounts.invite(desk.identity.people, OPERATOR, BOB, Role.VIEWER)
    token = await desk.token()
    await desk.again()
    await desk.mailed()

    await accounts.accept(desk.identity.people, bob, token)

    assert await accounts.list_invitations(desk.identity.people, OPERATOR) == []


async def test_a_mail_that_is_handed_over_again_says_the_same(desk: Desk) -> None:
    await sign_up(desk.identity.people, SignUp(ADA, "Ada", PASSWORD), HOME)
    (first,) = await desk.mailed()
    await desk.again()

    assert await desk.mailed() == [first]


async def test_mails_that_are_handed_over_again_leave_the_links_of_others_as_they_are(desk: Desk) -> None:
    await signed_in(desk)
    tokens = []
    for _ in range(MAX_LINKS):
        await forgot_password(desk.identity.people, ADA, HOME)
        tokens.append(await desk.token())
        await desk.again()
        await desk.mailed()

    user = await desk.identity.people.users.by_email(ADA)

    assert user is not None
    assert len(set(tokens)) == len(user.links) == MAX_LINKS


async def test_two_mails_have_two_tokens(desk: Desk) -> None:
    for name in (ADA, BOB):
        await sign_up(desk.identity.people, SignUp(name, "Somebody", PASSWORD), HOME)

    tokens = [re.findall(r"#token=\S+\.(\S+)", mail.text) for mail in await desk.mailed()]

    assert len({*map(tuple, tokens)}) == 2


async def test_a_mail_that_nobody_takes_now_is_tried_again(desk: Desk) -> None:
    await sign_up(desk.identity.people, SignUp(ADA, "Ada", PASSWORD), HOME)
    desk.outbox.failure = MailUnavailable("away")
    with pytest.raises(MailUnavailable):
        await desk.mailed()
