"""Who guesses passwords: what is counted, for whom, and for how long."""

import pytest
from unit.gateway.identity.desk import CHEAP, Desk, opened
from unit.gateway.identity.persons import ADA, AWAY, HOME, OTHER, PASSWORD, Counting, cheap, enter, known

from quietzone_gateway.identity.attempts import ATTEMPTS, MOST, Bound
from quietzone_gateway.identity.domain import Visitor
from quietzone_gateway.identity.sessions.use_cases import SignIn, sign_in
from quietzone_kit.errors import ResourceExhausted, Unauthenticated


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


async def test_guessing_passwords_of_an_account_from_a_network_ends_after_five(desk: Desk) -> None:
    await known(desk)
    for _ in range(CHEAP.sign_in_failures):
        with pytest.raises(Unauthenticated):
            await _guess(desk, HOME)

    with pytest.raises(ResourceExhausted) as caught:
        await enter(desk)
    assert 0 < (caught.value.retry_after_s or 0) <= CHEAP.sign_in_window_s


async def test_locking_somebody_out_from_elsewhere_is_not_possible(desk: Desk) -> None:
    await known(desk)
    for number in range(4 * CHEAP.sign_in_failures):
        with pytest.raises(Unauthenticated if number < CHEAP.sign_in_failures else ResourceExhausted):
            await _guess(desk, AWAY)

    assert (await enter(desk)).access_token


async def test_guessing_passwords_of_an_account_from_many_networks_ends_too() -> None:
    async with opened(settings=CHEAP.model_copy(update={"sign_in_failures_of_address": 7})) as desk:
        await known(desk)
        for number in range(7):
            with pytest.raises(Unauthenticated):
                await _guess(desk, Visitor(f"198.51.100.{number}"))

        with pytest.raises(ResourceExhausted):
            await enter(desk)


async def test_spraying_a_password_over_many_accounts_from_a_network_ends() -> None:
    async with opened(settings=CHEAP.model_copy(update={"sign_in_failures_of_network": 7})) as desk:
        await known(desk)
        for number in range(7):
            with pytest.raises(Unauthenticated):
                await enter(desk, f"nobody{number}@example.com")

        with pytest.raises(ResourceExhausted):
            await enter(desk)
        assert (await sign_in(desk.identity.people, SignIn(ADA, PASSWORD), AWAY)).access_token


async def test_guessing_from_one_household_counts_as_one_network(desk: Desk) -> None:
    for number in range(CHEAP.sign_in_failures):
        with pytest.raises(Unauthenticated):
            await _guess(desk, Visitor(f"2001:db8:1:2::{number}"))

    with pytest.raises(ResourceExhausted):
        await _guess(desk, Visitor("2001:db8:1:2:ffff::1"))


async def test_what_one_counter_refuses_counts_in_no_other(desk: Desk) -> None:
    attempts = desk.identity.people.attempts
    for _ in range(MOST):
        await attempts.take(Bound("narrow"))

    for _ in range(2 * MOST):
        with pytest.raises(ResourceExhausted):
            await attempts.take(Bound("wide"), Bound("narrow"))

    assert len(await attempts.take(Bound("wide", 1))) == 1


async def test_failures_are_forgotten_after_a_quarter_of_an_hour(desk: Desk) -> None:
    await known(desk)
    for _ in range(MOST):
        with pytest.raises(Unauthenticated):
            await enter(desk, password=OTHER)
    desk.clock.seconds += CHEAP.sign_in_window_s

    assert (await enter(desk)).access_token


async def test_successes_are_not_counted(desk: Desk) -> None:
    await known(desk)

    for _ in range(3 * MOST):
        await enter(desk)


async def test_what_is_counted_is_stored_without_addresses(desk: Desk) -> None:
    with pytest.raises(Unauthenticated):
        await enter(desk)

    page = await desk.documents.scan(ATTEMPTS, limit=10)
    assert len(page.items) == 3
    assert ADA not in str(page.items)
    assert HOME.address not in str(page.items)


async def _guess(desk: Desk, visitor: Visitor, email: str = ADA) -> None:
    await sign_in(desk.identity.people, SignIn(email, OTHER), visitor)
