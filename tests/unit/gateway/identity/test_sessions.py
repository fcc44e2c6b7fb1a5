"""Sessions: carried on, ended, in a browser."""

import asyncio
from dataclasses import replace

import pytest
from ports import Inline
from unit.gateway.identity.desk import CHEAP, RANDOMNESS, Desk, opened
from unit.gateway.identity.persons import HOME, by_token, enter, known, resigned, signed_in

from quietzone_gateway.identity.authentication import Credentials
from quietzone_gateway.identity.build import Parts, build_identity
from quietzone_gateway.identity.domain import Means, Principal
from quietzone_gateway.identity.remembered import REMEMBERED_S
from quietzone_gateway.identity.sessions import use_cases
from quietzone_gateway.identity.sessions.domain import MAX_SESSIONS
from quietzone_gateway.identity.sessions.repository import SESSIONS
from quietzone_gateway.identity.sessions.use_cases import SignedIn, kill_session, list_sessions, refresh, sign_out
from quietzone_kit.errors import NotFound, PermissionDenied, Unauthenticated

ORIGIN = "https://qr.example.com"
DAY_S = 86_400


async def by_cookie(desk: Desk, signed: SignedIn, **shown: str) -> Principal:
    asked = Credentials(HOME.address, cookie=signed.cookie, **shown)  # type: ignore[arg-type]
    return await desk.identity.authentication.principal_of(asked)


async def test_a_session_is_carried_on(desk: Desk) -> None:
    principal, signed = await signed_in(desk)
    desk.clock.seconds += 10 * DAY_S

    again = await refresh(desk.identity.people, signed.refresh_token)

    assert again.refresh_token != signed.refresh_token
    found = await by_token(desk, again.access_token)
    assert found == replace(principal, expires_at_ms=found.expires_at_ms)  # the new token's


async def test_refresh_reuse_ends_the_session(desk: Desk) -> None:
    _, signed = await signed_in(desk)
    second = await refresh(desk.identity.people, signed.refresh_token)
    third = await refresh(desk.identity.people, second.refresh_token)
    await by_token(desk, third.access_token)

    with pytest.raises(Unauthenticated):
        await refresh(desk.identity.people, signed.refresh_token)

    with pytest.raises(Unauthenticated):
        await refresh(desk.identity.people, third.refresh_token)
    with pytest.raises(Unauthenticated):
        await by_token(desk, third.access_token)


async def test_a_made_up_refresh_token_ends_nobody_s_session(desk: Desk) -> None:
    principal, signed = await signed_in(desk)
    for forged in (
        f"qzr_{principal.session_id}.1.forged",
        f"qzr_{principal.session_id}.999.forged",
        f"qzr_{principal.session_id}",
        "qzr_..",
        signed.refresh_token[:-1],
        signed.refresh_token.replace(".1.", ".2."),
        signed.access_token,
        "",
    ):
        with pytest.raises(Unauthenticated):
            await refresh(desk.identity.people, forged)

    assert (await refresh(desk.identity.people, signed.refresh_token)).access_token


async def test_a_session_is_not_carried_on_for_ever(desk: Desk) -> None:
    _, signed = await signed_in(desk)
    desk.clock.seconds += 30 * DAY_S

    with pytest.raises(Unauthenticated):
        await refresh(desk.identity.people, signed.refresh_token)


async def test_signing_out_ends_a_session_at_once(desk: Desk) -> None:
    principal, signed = await signed_in(desk)

    await sign_out(desk.identity.people, principal)

    with pytest.raises(Unauthenticated):
        await by_token(desk, signed.access_token)


async def test_a_killed_session_ends_within_seconds_where_nobody_hears_of_it(desk: Desk) -> None:
    principal, signed = await signed_in(desk)
    elsewhere = desk.replica().authentication
    shown = Credentials(HOME.address, bearer=signed.access_token)
    await elsewhere.principal_of(shown)

    await kill_session(desk.identity.people, principal, principal.session_id)
    desk.clock.seconds += REMEMBERED_S + 0.1

    with pytest.raises(Unauthenticated):
        await elsewhere.principal_of(shown)


async def test_a_killed_session_ends_at_once_where_it_is_heard_of(desk: Desk) -> None:
    principal, signed = await signed_in(desk)
    elsewhere = build_identity(Parts(desk.documents, desk.cache, desk.clock, RANDOMNESS, Inline()), CHEAP)
    shown = Credentials(HOME.address, bearer=signed.access_token)
    await elsewhere.authentication.principal_of(shown)
    hearing = asyncio.ensure_future(elsewhere.ports.news.run())
    await asyncio.sleep(0)

    await kill_session(desk.identity.people, principal, principal.session_id)
    await asyncio.sleep(0)

    with pytest.raises(Unauthenticated):
        await elsewhere.authentication.principal_of(shown)
    hearing.cancel()


async def test_a_refresh_whose_answer_was_lost_brings_the_same_token_again(desk: Desk) -> None:
    _, signed = await signed_in(desk)

    ends = await asyncio.gather(*(refresh(desk.identity.people, signed.refresh_token) for _ in range(4)))

    assert len({end.refresh_token for end in ends}) == 1
    await refresh(desk.identity.people, ends[0].refresh_token)


async def test_refresh_reuse_ends_the_session_once_its_answer_cannot_be_on_its_way_any_more(desk: Desk) -> None:
    _, signed = await signed_in(desk)
    second = await refresh(desk.identity.people, signed.refresh_token)
    desk.clock.seconds += CHEAP.refresh_leeway_s

    for token in (signed.refresh_token, second.refresh_token):
        with pytest.raises(Unauthenticated):
            await refresh(desk.identity.people, token)


async def test_refresh_reuse_by_a_thief_within_the_moment_ends_the_session_with_the_next_token(desk: Desk) -> None:
    _, signed = await signed_in(desk)
    owner, thief = [await refresh(desk.identity.people, signed.refresh_token) for _ in range(2)]
    third = await refresh(desk.identity.people, thief.refresh_token)
    desk.clock.seconds += CHEAP.refresh_leeway_s

    for token in (owner.refresh_token, third.refresh_token):
        with pytest.raises(Unauthenticated):
            await refresh(desk.identity.people, token)


@pytest.mark.parametrize("first", ["owner", "thief"])
async def test_refresh_reuse_by_a_thief_who_comes_right_behind_each_time_ends_the_session(desk: Desk, first: str) -> None:
    _, signed = await signed_in(desk)
    owner, thief = [await refresh(desk.identity.people, signed.refresh_token) for _ in range(2)]
    desk.clock.seconds += CHEAP.access_token_s
    order = (owner, thief) if first == "owner" else (thief, owner)
    third = await refresh(desk.identity.people, order[0].refresh_token)

    for token in (order[1].refresh_token, third.refresh_token):
        with pytest.raises(Unauthenticated):
            await refresh(desk.identity.people, token)


async def test_answers_of_two_refreshes_may_be_lost_with_one_between_them(desk: Desk) -> None:
    _, signed = await signed_in(desk)
    for times in (2, 1, 2, 1):
        for _ in range(times):
            after = await refresh(desk.identity.people, signed.refresh_token)
        signed = after

    assert (await by_token(desk, signed.access_token)).account_id


async def test_without_a_leeway_each_token_is_good_once() -> None:
    async with opened(settings=CHEAP.model_copy(update={"refresh_leeway_s": 0})) as desk:
        _, signed = await signed_in(desk)
        await refresh(desk.identity.people, signed.refresh_token)

        with pytest.raises(Unauthenticated):
            await refresh(desk.identity.people, signed.refresh_token)


async def test_lifetimes_are_those_of_the_settings() -> None:
    settings = CHEAP.model_copy(update={"cookie_hours": 2, "access_token_s": 60, "session_days": 3})
    async with opened(settings=settings) as desk:
        _, signed = await signed_in(desk)
        browser = await enter(desk, cookie=True)

    ends = [session.expires_at_ms - session.created_at_ms for session in (signed.session, browser.session)]
    assert (signed.expires_in_s, browser.expires_in_s, ends) == (60, 7_200, [3 * DAY_S * 1000, 7_200_000])


async def test_sessions_are_listed_and_killed_by_their_owner_alone(desk: Desk) -> None:
    ada, _ = await signed_in(desk)
    eve, _ = await signed_in(desk, "eve@example.com")

    assert [session.session_id for session in await list_sessions(desk.identity.people, ada)] == [ada.session_id]
    with pytest.raises(NotFound):
        await kill_session(desk.identity.people, eve, ada.session_id)


async def test_a_person_has_a_bounded_number_of_sessions(desk: Desk) -> None:
    principal, first = await signed_in(desk)
    for _ in range(MAX_SESSIONS):
        desk.clock.seconds += 1
        await enter(desk)

    assert len(await desk.identity.people.sessions.live_of(principal.user_id or "", desk.clock.now_ms())) == MAX_SESSIONS
    with pytest.raises(Unauthenticated):
        await by_token(desk, first.access_token)


async def test_session_fixation_is_impossible_since_each_sign_in_has_an_id_of_its_own(desk: Desk) -> None:
    await known(desk)

    first, second = await enter(desk, cookie=True), await enter(desk, cookie=True)

    assert first.session.session_id != second.session.session_id
    assert first.cookie != second.cookie


async def test_a_cookie_shows_who_somebody_is_for_a_day(desk: Desk) -> None:
    user = await known(desk)
    signed = await enter(desk, cookie=True)

    principal = await by_cookie(desk, signed)
    desk.clock.seconds += CHEAP.cookie_hours * 3_600

    assert (principal.user_id, principal.means) == (user.user_id, Means.COOKIE)
    with pytest.raises(Unauthenticated):
        await by_cookie(desk, signed)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "TRACE"])
@pytest.mark.parametrize("origin", ["https://evil.example.com", "null", "", "https://qr.example.com.evil.com", "http://qr.example.com"])
async def test_csrf_from_another_origin_is_refused(desk: Desk, method: str, origin: str) -> None:
    await known(desk)
    signed = await enter(desk, cookie=True)

    with pytest.raises(PermissionDenied):
        await by_cookie(desk, signed, method=method, origin=origin, csrf=signed.csrf_token)


async def test_csrf_without_the_token_is_refused(desk: Desk) -> None:
    await known(desk)
    signed, other = await enter(desk, cookie=True), await enter(desk, cookie=True)

    for csrf in ("", "x", other.csrf_token, signed.cookie):
        with pytest.raises(PermissionDenied):
            await by_cookie(desk, signed, method="POST", origin=ORIGIN, csrf=csrf)
    assert (await by_cookie(desk, signed, method="POST", origin=ORIGIN, csrf=signed.csrf_token)).account_id


async def test_a_forged_cookie_is_refused(desk: Desk) -> None:
    await known(desk)
    signed = await enter(desk, cookie=True)

    for forged in ("", ".", signed.session.session_id, f"{signed.session.session_id}.forged", signed.cookie[:-1]):
        with pytest.raises(Unauthenticated):
            await by_cookie(desk, replace(signed, cookie=forged))


async def test_what_belongs_to_one_kind_of_session_opens_no_other(desk: Desk) -> None:
    _, signed = await signed_in(desk)
    with_cookie = await enter(desk, cookie=True)

    with pytest.raises(Unauthenticated):
        await by_token(desk, await resigned(desk, signed.access_token, sid=with_cookie.session.session_id))
    with pytest.raises(Unauthenticated):
        await by_cookie(desk, replace(with_cookie, cookie=f"{signed.session.session_id}.x"))


async def test_what_opens_does_not_lie_in_the_store(desk: Desk) -> None:
    _, signed = await signed_in(desk)
    with_cookie = await enter(desk, cookie=True)

    stored = str((await desk.documents.scan(SESSIONS, limit=10)).items)

    for secret in (signed.refresh_token, signed.access_token, with_cookie.cookie, with_cookie.csrf_token):
        assert secret.rpartition(".")[2] not in stored
    assert HOME.address not in stored


async def test_who_was_signed_in_and_is_gone_is_refused(desk: Desk) -> None:
    principal, _ = await signed_in(desk)

    with pytest.raises(Unauthenticated):
        await use_cases.sign_out(desk.identity.people, replace(principal, subject="user:gone"))


async def test_old_sessions_are_swept(desk: Desk) -> None:
    principal, _ = await signed_in(desk)
    await enter(desk)
    await sign_out(desk.identity.people, principal)
    desk.clock.seconds += DAY_S + 1

    await desk.work.house.tidy()

    assert len((await desk.documents.scan(SESSIONS, limit=10)).items) == 1
