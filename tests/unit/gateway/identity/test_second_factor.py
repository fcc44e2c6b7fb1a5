import asyncio

import pyotp
import pytest
from unit.gateway.identity.desk import Desk
from unit.gateway.identity.persons import ADA, AWAY, HOME, OTHER, PASSWORD, enter, signed_in

from quietzone_gateway.identity.attempts import MOST
from quietzone_gateway.identity.domain import Principal, Visitor
from quietzone_gateway.identity.sessions.use_cases import SignIn, sign_in
from quietzone_gateway.identity.users.domain import RECOVERY_CODES, STEP_S
from quietzone_gateway.identity.users.repository import USERS
from quietzone_gateway.identity.users.second_factor import (
    Proof,
    SecondFactorNeeded,
    begin_second_factor,
    confirm_second_factor,
    remove_second_factor,
    renew_recovery_codes,
)
from quietzone_kit.errors import FailedPrecondition, InvalidInput, ResourceExhausted, Unauthenticated


def code(desk: Desk, secret: str, steps: int = 0) -> str:
    return pyotp.TOTP(secret).at(desk.clock.now_ms() // 1000 + steps * STEP_S)


async def with_factor(desk: Desk) -> tuple[Principal, str, list[str]]:
    """Somebody with a second factor, its secret, and his recovery codes; a step has passed since."""
    principal, _ = await signed_in(desk)
    made = await begin_second_factor(desk.identity.people, principal, PASSWORD, HOME)
    codes = await confirm_second_factor(desk.identity.people, principal, code(desk, made.secret))
    desk.clock.seconds += 2 * STEP_S
    return principal, made.secret, codes


async def test_with_a_second_factor_a_password_is_not_enough(desk: Desk) -> None:
    _, secret, _ = await with_factor(desk)

    with pytest.raises(SecondFactorNeeded):
        await enter(desk)
    assert (await enter(desk, code=code(desk, secret))).access_token


async def test_a_wrong_password_tells_nothing_of_a_second_factor(desk: Desk) -> None:
    await with_factor(desk)

    with pytest.raises(Unauthenticated) as caught:
        await enter(desk, password=OTHER)
    assert not isinstance(caught.value, SecondFactorNeeded)


async def test_replay_of_a_code_is_refused(desk: Desk) -> None:
    _, secret, _ = await with_factor(desk)
    await enter(desk, code=code(desk, secret))

    with pytest.raises(Unauthenticated):
        await enter(desk, code=code(desk, secret))


async def test_replay_of_a_code_at_once_opens_one_session(desk: Desk) -> None:
    _, secret, _ = await with_factor(desk)

    ends = await asyncio.gather(*(enter(desk, code=code(desk, secret)) for _ in range(4)), return_exceptions=True)

    assert len([end for end in ends if not isinstance(end, BaseException)]) == 1


async def test_an_older_code_is_refused_once_a_newer_was_used(desk: Desk) -> None:
    _, secret, _ = await with_factor(desk)
    await enter(desk, code=code(desk, secret, 1))

    with pytest.raises(Unauthenticated):
        await enter(desk, code=code(desk, secret))


@pytest.mark.parametrize("steps", [-1, 0, 1])
async def test_a_phone_s_clock_may_be_off_by_a_step(desk: Desk, steps: int) -> None:
    _, secret, _ = await with_factor(desk)

    assert (await enter(desk, code=code(desk, secret, steps))).access_token


@pytest.mark.parametrize("steps", [-2, 2])
async def test_it_may_not_be_off_by_two(desk: Desk, steps: int) -> None:
    _, secret, _ = await with_factor(desk)

    with pytest.raises(Unauthenticated):
        await enter(desk, code=code(desk, secret, steps))


async def test_guessing_codes_ends_after_five(desk: Desk) -> None:
    _, secret, _ = await with_factor(desk)
    for _ in range(MOST):
        with pytest.raises(Unauthenticated):
            await enter(desk, code="000000")

    with pytest.raises(ResourceExhausted):
        await enter(desk, code=code(desk, secret))


async def test_guessing_codes_from_many_networks_ends_after_five(desk: Desk) -> None:
    await with_factor(desk)
    for number in range(MOST):
        with pytest.raises(Unauthenticated):
            await sign_in(desk.identity.people, SignIn(ADA, PASSWORD, "000000"), Visitor(f"198.51.100.{number}"))

    with pytest.raises(ResourceExhausted):
        await sign_in(desk.identity.people, SignIn(ADA, PASSWORD, "000000"), AWAY)


async def test_codes_that_are_right_are_not_counted(desk: Desk) -> None:
    _, secret, _ = await with_factor(desk)

    for _ in range(2 * MOST):
        desk.clock.seconds += STEP_S
        await enter(desk, code=code(desk, secret))


async def test_a_recovery_code_opens_once(desk: Desk) -> None:
    _, _, codes = await with_factor(desk)
    assert (await enter(desk, code=codes[0].replace("-", " "))).access_token

    with pytest.raises(Unauthenticated):
        await enter(desk, code=codes[0])
    assert (await enter(desk, code=codes[1])).access_token


async def test_there_are_ten_recovery_codes_kept_as_hashes(desk: Desk) -> None:
    principal, secret, codes = await with_factor(desk)

    stored = str(await desk.documents.get(USERS, principal.user_id or ""))

    assert len(set(codes)) == RECOVERY_CODES
    for shown in (secret, codes[0], codes[0].replace("-", "")):
        assert shown not in stored


async def test_a_second_factor_counts_when_it_was_confirmed(desk: Desk) -> None:
    principal, _ = await signed_in(desk)
    await begin_second_factor(desk.identity.people, principal, PASSWORD, HOME)

    assert (await enter(desk)).access_token


async def test_a_wrong_code_confirms_nothing(desk: Desk) -> None:
    principal, _ = await signed_in(desk)
    await begin_second_factor(desk.identity.people, principal, PASSWORD, HOME)

    with pytest.raises(InvalidInput, match="code"):
        await confirm_second_factor(desk.identity.people, principal, "000000")
    assert (await enter(desk)).access_token


async def test_a_stolen_session_can_neither_add_nor_remove_a_second_factor(desk: Desk) -> None:
    principal, _, _ = await with_factor(desk)

    with pytest.raises(InvalidInput, match="password"):
        await remove_second_factor(desk.identity.people, principal, OTHER, HOME)
    with pytest.raises(InvalidInput, match="password"):
        await begin_second_factor(desk.identity.people, principal, OTHER, HOME)


async def test_a_second_factor_is_removed_before_another_begins(desk: Desk) -> None:
    principal, _, _ = await with_factor(desk)
    with pytest.raises(FailedPrecondition):
        await begin_second_factor(desk.identity.people, principal, PASSWORD, HOME)

    await remove_second_factor(desk.identity.people, principal, PASSWORD, HOME)

    assert (await enter(desk)).access_token
    assert (await begin_second_factor(desk.identity.people, principal, PASSWORD, HOME)).uri.startswith(
        "otpauth://totp/Quietzone:ada%40example.com?"
    )


async def test_nothing_can_be_confirmed_that_was_not_begun(desk: Desk) -> None:
    principal, _ = await signed_in(desk)

    with pytest.raises(FailedPrecondition):
        await confirm_second_factor(desk.identity.people, principal, "000000")


async def renew(desk: Desk, principal: Principal, given: str, password: str = PASSWORD) -> list[str]:
    return await renew_recovery_codes(desk.identity.people, principal, Proof(password, given), HOME)


async def test_new_recovery_codes_take_the_place_of_those_before(desk: Desk) -> None:
    principal, secret, codes = await with_factor(desk)

    renewed = await renew(desk, principal, code(desk, secret))

    assert (len(set(renewed)), set(renewed) & set(codes)) == (RECOVERY_CODES, set())
    with pytest.raises(Unauthenticated):
        await enter(desk, code=codes[0])
    assert (await enter(desk, code=renewed[0])).access_token


async def test_who_lost_his_phone_gets_new_recovery_codes_by_one_of_the_last(desk: Desk) -> None:
    principal, _, codes = await with_factor(desk)

    assert len(await renew(desk, principal, codes[0])) == RECOVERY_CODES
    with pytest.raises(InvalidInput, match="code"):
        await renew(desk, principal, codes[0])


async def test_a_stolen_session_is_not_enough_for_new_recovery_codes(desk: Desk) -> None:
    principal, secret, codes = await with_factor(desk)

    with pytest.raises(InvalidInput, match="password"):
        await renew(desk, principal, code(desk, secret), OTHER)
    with pytest.raises(InvalidInput, match="code"):
        await renew(desk, principal, "000000")
    assert (await enter(desk, code=codes[0])).access_token


async def test_replay_of_a_code_brings_no_new_recovery_codes(desk: Desk) -> None:
    principal, secret, _ = await with_factor(desk)
    await enter(desk, code=code(desk, secret))

    with pytest.raises(InvalidInput, match="code"):
        await renew(desk, principal, code(desk, secret))


async def test_guessing_codes_for_new_recovery_codes_ends_after_five(desk: Desk) -> None:
    principal, secret, _ = await with_factor(desk)
    for _ in range(MOST):
        with pytest.raises(InvalidInput):
            await renew(desk, principal, "000000")

    with pytest.raises(ResourceExhausted):
        await renew(desk, principal, code(desk, secret))


async def test_without_a_second_factor_there_are_no_recovery_codes(desk: Desk) -> None:
    principal, _ = await signed_in(desk)

    with pytest.raises(FailedPrecondition):
        await renew(desk, principal, "000000")


async def test_whose_second_factor_changes_is_told_by_mail(desk: Desk) -> None:
    principal, secret, codes = await with_factor(desk)
    await enter(desk, code=codes[0])
    await renew(desk, principal, code(desk, secret))
    await remove_second_factor(desk.identity.people, principal, PASSWORD, HOME)

    mails = await desk.mailed()

    assert {mail.to for mail in mails} == {ADA}
    assert sorted(mail.subject for mail in mails) == [
        "A recovery code was used",
        "You have a second factor",
        "You have new recovery codes",
        "You have no second factor any more",
    ]
    assert not any(shown in mail.text for mail in mails for shown in (secret, *codes))


async def test_what_never_counted_is_not_told_of(desk: Desk) -> None:
    principal, _ = await signed_in(desk)
    await begin_second_factor(desk.identity.people, principal, PASSWORD, HOME)
    await remove_second_factor(desk.identity.people, principal, PASSWORD, HOME)

    assert await desk.mailed() == []


async def test_the_audit_log_hears_of_second_factors(desk: Desk) -> None:
    principal, _, codes = await with_factor(desk)
    await enter(desk, code=codes[0])
    await renew(desk, principal, codes[1])
    await remove_second_factor(desk.identity.people, principal, PASSWORD, HOME)

    told = await desk.told(USERS, principal.user_id or "")

    assert [event.action for event in told[2:]] == [
        "user.second_factor_added",
        "user.recovery_code_used",
        "user.recovery_codes_renewed",
        "user.second_factor_removed",
    ]
