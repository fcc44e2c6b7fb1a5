"""Identity, as live updates ask it."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import cast

import pytest
from unit.gateway.identity.desk import OPERATOR, Desk, opened
from unit.gateway.identity.persons import signed_in

from quietzone_gateway.identity import Means, Principal
from quietzone_gateway.identity.accounts.operators import AccountChange, change_any_account
from quietzone_gateway.identity.authentication import Authentication, Credentials
from quietzone_gateway.identity.domain import SCOPES_OF, Role
from quietzone_gateway.identity.keys.use_cases import NewKey, create_key, revoke_key
from quietzone_gateway.identity.remembered import News
from quietzone_gateway.identity.sessions.ending import end_session
from quietzone_gateway.identity.sessions.use_cases import sign_out
from quietzone_gateway.live.authority import Comer, Concerns, Principals
from quietzone_gateway.live.domain import Watcher
from quietzone_gateway.plans import LimitReached, MethodClass, Plans
from quietzone_kit.cache import open_cache
from quietzone_kit.errors import PermissionDenied, Unauthenticated
from quietzone_kit.http.clients import Clients
from quietzone_kit.runtime import SystemClock, SystemRandomness

COMER = Comer(Clients(()).peer("192.0.2.7"), "/v1/stream", "request-1")
ANA = Principal("first", "user:ana", frozenset({"codes:read"}), "free", Means.COOKIE, "session-1", expires_at_ms=7)


class Shown:
    """Lets everybody in as one, and keeps what was shown."""

    def __init__(self, principal: Principal) -> None:
        self.principal = principal
        self.credentials: list[Credentials] = []
        self.error: Exception | None = None

    async def principal_of(self, shown: Credentials) -> Principal:
        self.credentials.append(shown)
        if self.error:
            raise self.error
        return self.principal


class Admitting:
    """Plans that allow `most` requests, and keep whose they were."""

    def __init__(self, most: int = 100) -> None:
        self.most = most
        self.admitted: list[tuple[str, str]] = []

    async def admit(self, account_id: str, plan: str, _kind: MethodClass, _client: object) -> None:
        if len(self.admitted) == self.most:
            raise LimitReached("no more now", 1, {})
        self.admitted.append((account_id, plan))


def principals(principal: Principal, plans: Admitting | None = None) -> tuple[Principals, Shown]:
    shown = Shown(principal)
    news = News(open_cache("memory://", clock=SystemClock(), randomness=SystemRandomness()))
    return Principals(cast("Authentication", shown), news, cast("Plans", plans or Admitting())), shown


async def ended(desk: Desk, by: Principal, do: Callable[[Desk, Principal], Awaitable[object]]) -> bool:
    """Whether those who watch as `by` are looked at again at once, and are nobody then."""
    identity = desk.identity
    authority = Principals(identity.authentication, identity.ports.news, cast("Plans", Admitting()))
    concerned = list[Concerns]()
    authority.listen(concerned.append)
    await do(desk, by)
    watcher = Watcher(by.account_id, by.subject, by.scopes, by.session_id, by.expires_at_ms)
    return any(concerns(watcher) for concerns in concerned)


ENDS: dict[str, Callable[[Desk, Principal], Awaitable[object]]] = {
    "signing out": lambda desk, by: sign_out(desk.identity.people, by),
    "a session that is ended": lambda desk, by: end_session(desk.identity.people, by.session_id),
    "an account that is suspended": lambda desk, by: change_any_account(
        desk.identity.people, OPERATOR, by.account_id, AccountChange(None, suspended=True)
    ),
}


@pytest.mark.parametrize("do", ENDS.values(), ids=ENDS)
async def test_a_person_who_may_no_longer_watch_is_looked_at_at_once(do: Callable[[Desk, Principal], Awaitable[object]]) -> None:
    async with opened() as desk:
        ada, _ = await signed_in(desk)
        assert await ended(desk, ada, do)


async def test_a_key_that_is_revoked_is_looked_at_at_once_and_no_other() -> None:
    async with opened() as desk:
        keys, ports = desk.identity.keys, desk.identity.ports
        till, bar = [(await create_key(keys, ports, OPERATOR, NewKey(name, SCOPES_OF[Role.VIEWER], []))).key for name in ("till", "bar")]
        seen = [
            await ended(
                desk,
                replace(OPERATOR, subject=f"key:{till.key_id}"),
                lambda desk, _by, key=key: revoke_key(desk.identity.accounts, keys, ports, OPERATOR, key.key_id),
            )
            for key in (bar, till)
        ]

    assert seen == [False, True]


async def test_whoever_comes_makes_a_request_of_his_account_and_being_asked_again_is_none() -> None:
    plans = Admitting()
    authority, _ = principals(ANA, plans)
    watcher = await authority.enter({}, COMER)

    assert (watcher, plans.admitted) == (await authority.identify({}, COMER), [("first", "free")])


async def test_whoever_comes_beyond_his_limit_is_refused() -> None:
    authority, _ = principals(ANA, Admitting(most=0))

    with pytest.raises(LimitReached):
        await authority.enter({}, COMER)


async def test_keys_that_nobody_knows_count_for_their_address() -> None:
    plans = Admitting()
    authority, shown = principals(ANA, plans)
    shown.error = Unauthenticated("nobody known")
    with pytest.raises(Unauthenticated):
        await authority.enter({}, COMER)

    assert plans.admitted == [("", "")]


async def test_a_watcher_is_the_principal_that_a_request_would_have() -> None:
    authority, _ = principals(ANA)

    assert await authority.identify({}, COMER) == Watcher("first", "user:ana", frozenset({"codes:read"}), "session-1", 7)


@pytest.mark.parametrize(
    ("headers", "shown"),
    [
        ({"authorization": "Bearer  qz_x "}, Credentials("192.0.2.7", bearer="qz_x")),
        ({"authorization": "Bearer abc", "x-quietzone-account": " first "}, Credentials("192.0.2.7", bearer="abc", account="first")),
        ({"authorization": "Basic eDp5"}, Credentials("192.0.2.7")),
        ({"x-api-key": " qz_x"}, Credentials("192.0.2.7", api_key="qz_x")),
        ({"cookie": "theme=dark; __Host-quietzone=abc"}, Credentials("192.0.2.7", cookie="abc")),
        ({"cookie": "theme=dark"}, Credentials("192.0.2.7")),
    ],
)
async def test_what_a_request_could_show_is_shown(headers: dict[str, str], shown: Credentials) -> None:
    authority, seen = principals(ANA)

    await authority.identify(headers, COMER)

    assert seen.credentials == [replace(shown, path="/v1/stream", request_id="request-1")]


async def test_a_person_in_no_account_has_nothing_to_watch() -> None:
    authority, _ = principals(Principal("", "user:ana", frozenset(), "", Means.TOKEN))

    with pytest.raises(PermissionDenied):
        await authority.identify({}, COMER)
