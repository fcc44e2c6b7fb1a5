import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ports import Inline
from unit.gateway.identity.desk import CHEAP, NOON_MS, OPERATOR, RANDOMNESS, Desk, of_role, opened
from unit.gateway.identity.persons import signed_in

from quietzone_gateway.identity.accounts.repository import ACCOUNTS
from quietzone_gateway.identity.authentication import Credentials
from quietzone_gateway.identity.authorisers.ask import NoPolicy, Question, Refused
from quietzone_gateway.identity.authorisers.domain import (
    GRANTABLE,
    InvalidAuthoriser,
    InvalidPolicy,
    Place,
    Policy,
    granted,
    holds_s,
    place_of,
    policy_of,
)
from quietzone_gateway.identity.authorisers.known import MOST_OF_ONE, REFUSED_S
from quietzone_gateway.identity.authorisers.use_cases import AskedAuthoriser, get_authoriser, put_authoriser, remove_authoriser
from quietzone_gateway.identity.build import Identity, Parts, build_identity
from quietzone_gateway.identity.domain import CODES_READ, CODES_WRITE, Means, Principal, Role
from quietzone_gateway.identity.shelf import Changed
from quietzone_kit.errors import InvalidInput, NotFound, PermissionDenied, Unauthenticated, Unavailable

TOKEN = "token"  # noqa: S105 - the example
URL = "https://auth.example.com/quietzone"
EDITOR = AskedAuthoriser(URL, GRANTABLE, 300)
READS = Policy("ada", frozenset({CODES_READ}), None)


@dataclass
class Answers:
    """In the place of the asker: gives `policy`, or raises it, when `gate` is open."""

    policy: Policy | Exception = READS
    asked: list[tuple[Place, Question]] = field(default_factory=list)
    gate: asyncio.Event | None = None

    async def ask(self, place: Place, secret: bytes, question: Question) -> Policy:
        assert len(secret) == 32
        self.asked.append((place, question))
        if self.gate is not None:
            await self.gate.wait()
        if isinstance(self.policy, Exception):
            raise self.policy
        return self.policy


@dataclass
class Door:
    """An installation whose first account has an authoriser, and what that answers."""

    desk: Desk
    identity: Identity
    answers: Answers

    async def who(self, token: str = TOKEN, account: str = "first") -> Principal:
        shown = Credentials("192.0.2.7", bearer=token, account=account, method="POST", path="/v1/codes", request_id="request-1")
        return await self.identity.authentication.principal_of(shown)

    async def put(self, asked: AskedAuthoriser = EDITOR, by: Principal = OPERATOR) -> str:
        return (await put_authoriser(self.identity.people, self.identity.cache, by, asked)).secret


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    async with opened() as desk:
        answers = Answers()
        parts = Parts(desk.documents, desk.cache, desk.clock, RANDOMNESS, Inline(), asker=answers)  # type: ignore[arg-type]
        door = Door(desk, build_identity(parts, CHEAP), answers)
        await door.put()
        yield door


async def test_who_shows_a_token_is_who_the_authoriser_says(door: Door) -> None:
    found = await door.who()

    assert found == Principal("first", "webhook:first/ada", frozenset({CODES_READ}), "unlimited", Means.WEBHOOK, address="192.0.2.0")


async def test_an_authoriser_hears_what_it_needs_to_decide(door: Door) -> None:
    await door.who()

    assert door.answers.asked == [
        (Place("auth.example.com", 443, "/quietzone"), Question("token", "POST", "/v1/codes", "192.0.2.7", "request-1"))
    ]


async def test_what_it_said_is_remembered_by_token(door: Door) -> None:
    for token in ("one", "one", "two", "one"):
        await door.who(token)

    assert [question.token for _, question in door.answers.asked] == ["one", "two"]


@pytest.mark.parametrize(("said_s", "holds"), [(None, 300), (10, 10), (3600, 300), (0, 0)])
async def test_what_it_said_holds_as_long_as_it_says_and_at_most_as_long_as_the_account_allows(
    door: Door, said_s: int | None, holds: int
) -> None:
    door.answers.policy = replace(READS, ttl_s=said_s)
    await door.who()
    door.desk.clock.seconds += holds - 1 if holds else 0
    await door.who()
    door.desk.clock.seconds += 1
    await door.who()

    assert len(door.answers.asked) == (2 if holds else 3)


async def test_who_comes_meanwhile_waits_for_the_same_answer(door: Door) -> None:
    door.answers.gate = asyncio.Event()
    waiting = [asyncio.ensure_future(door.who()) for _ in range(20)]
    await asyncio.sleep(0)
    door.answers.gate.set()

    assert len({(await one).subject for one in waiting}) == 1
    assert len(door.answers.asked) == 1


async def test_a_token_that_it_does_not_know_is_refused_and_that_is_remembered(door: Door) -> None:
    door.answers.policy = Refused()
    for _ in range(3):
        with pytest.raises(Unauthenticated):
            await door.who()
    door.desk.clock.seconds += REFUSED_S
    with pytest.raises(Unauthenticated):
        await door.who()

    assert len(door.answers.asked) == 2


async def test_an_authoriser_that_fails_lets_nobody_in_and_is_asked_again(door: Door) -> None:
    door.answers.policy = NoPolicy("it answers 500, not 200")
    with pytest.raises(Unavailable, match="500"):
        await door.who()
    door.answers.policy = READS

    assert (await door.who()).subject == "webhook:first/ada"


async def test_privilege_escalation_by_a_policy_is_cut_to_what_the_account_allows(door: Door) -> None:
    await door.put(replace(EDITOR, scopes=frozenset({CODES_READ})))
    door.answers.policy = Policy("eve", frozenset({CODES_READ, CODES_WRITE, "members:write", "operator"}), None)

    assert (await door.who()).scopes == {CODES_READ}


async def test_privilege_escalation_by_the_authoriser_of_an_account_stays_within_it(door: Door) -> None:
    door.answers.policy = Policy("../other/eve", frozenset(), None)

    assert (await door.who()).account_id == "first"


@pytest.mark.parametrize("scopes", [frozenset({"members:read"}), frozenset({"operator"}), frozenset({"account:write"}), frozenset()])
async def test_an_authoriser_never_grants_more_than_an_editor_has(door: Door, scopes: frozenset[str]) -> None:
    with pytest.raises(InvalidInput, match="scopes"):
        await door.put(replace(EDITOR, scopes=scopes))


async def test_privilege_escalation_by_setting_an_authoriser_that_grants_more_is_refused(door: Door) -> None:
    with pytest.raises(PermissionDenied):
        await door.put(by=replace(of_role(Role.VIEWER), scopes=frozenset({"account:write", CODES_READ})))


async def test_an_account_without_one_refuses_as_one_that_is_not_there(door: Door) -> None:
    ada, _ = await signed_in(door.desk)
    said = []
    for account in (ada.account_id, "nobody", "x" * 300, "\x00"):
        with pytest.raises(Unauthenticated) as caught:
            await door.who(account=account)
        said.append(str(caught.value))

    assert len(set(said)) == 1


async def test_another_authoriser_forgets_what_the_one_before_said(door: Door) -> None:
    await door.who()
    door.answers.policy = Policy("bob", frozenset(), None)

    await door.put()

    assert (await door.who()).subject == "webhook:first/bob"


async def test_a_removed_authoriser_lets_nobody_in_at_once(door: Door) -> None:
    await door.who()

    await remove_authoriser(door.identity.people, door.identity.cache, OPERATOR)

    with pytest.raises(Unauthenticated):
        await door.who()
    with pytest.raises(NotFound):
        await get_authoriser(door.identity.people, OPERATOR)


async def test_the_authoriser_of_a_suspended_account_lets_nobody_in(door: Door) -> None:
    await door.who()
    await door.identity.accounts.change("first", lambda account: Changed(account.suspended(NOON_MS)))
    await door.identity.ports.news.tell("account", "first")

    with pytest.raises(PermissionDenied):
        await door.who()


async def test_an_authoriser_that_hangs_holds_up_few_requests(door: Door) -> None:
    door.answers.gate = asyncio.Event()
    waiting = [asyncio.ensure_future(door.who(f"token {number}")) for number in range(MOST_OF_ONE)]
    while len(door.answers.asked) < MOST_OF_ONE:
        await asyncio.sleep(0)

    with pytest.raises(Unavailable, match="too many"):
        await door.who("one more")
    door.answers.gate.set()
    assert len(await asyncio.gather(*waiting)) == MOST_OF_ONE


async def test_its_secret_lies_sealed_in_the_store_and_is_a_new_one_each_time(door: Door) -> None:
    first, second = await door.put(), await door.put()

    stored = str(await door.desk.documents.get(ACCOUNTS, "first"))

    assert first != second
    assert second.removeprefix("whsec_") not in stored


async def test_the_audit_log_hears_of_authorisers_and_no_secret(door: Door) -> None:
    secret = await door.put(replace(EDITOR, ttl_s=60))

    told = await door.desk.told(ACCOUNTS, "first")

    assert [event.action for event in told] == ["account.authoriser_put"] * 2
    assert (told[1].before, told[1].after) == ('{"ttl_s":300}', '{"ttl_s":60}')
    assert secret not in str(told)


async def test_without_the_header_a_token_is_none_of_the_authoriser_s(door: Door) -> None:
    with pytest.raises(Unauthenticated):
        await door.identity.authentication.principal_of(Credentials("192.0.2.7", bearer="token"))
    assert door.answers.asked == []


@pytest.mark.parametrize(
    "url",
    [
        "http://auth.example.com",
        "https://",
        "https://user@auth.example.com",
        "https://user:password@auth.example.com",
        "https://auth.example.com#x",
        "https://auth.example.com:22",
        "https://auth.example.com:0",
        "https://auth.example.com:99999",
        "https://auth.example.com\\@evil.com",
        "https://auth example.com",
        "https://aüth.example.com",
        "https://auth.example.com/\r\nHost: evil",
        "https://-auth.example.com",
        "https://auth..example.com",
        "//auth.example.com",
        "javascript:alert(1)",
        "https://[::1",
        "https://a.example.com/" + "x" * 2048,
        "",
    ],
)
def test_a_url_that_could_lead_elsewhere_is_refused(url: str) -> None:
    with pytest.raises(InvalidAuthoriser):
        place_of(url)


def test_a_url_s_parts_are_what_is_asked() -> None:
    assert place_of("https://Auth.Example.com:8443/a/b?c=d") == Place("auth.example.com", 8443, "/a/b?c=d")
    assert place_of("https://auth.example.com") == Place("auth.example.com", 443, "/")


STATEMENTS = st.lists(
    st.fixed_dictionaries({"effect": st.sampled_from(["Allow", "Deny"]), "scopes": st.lists(st.sampled_from(sorted(GRANTABLE)))}),
    max_size=8,
)


@given(STATEMENTS)
def test_a_denial_wins_wherever_it_stands(statements: list[dict[str, object]]) -> None:
    denied = {scope for each in statements if each["effect"] == "Deny" for scope in each["scopes"]}  # type: ignore[attr-defined]

    policy = policy_of({"principalId": "ada", "policy": statements})

    assert not policy.scopes & denied


@given(st.frozensets(st.text()), st.frozensets(st.sampled_from(sorted(GRANTABLE))), st.none() | st.integers(0), st.integers(0, 3600))
def test_nothing_beyond_what_is_allowed_is_granted_nor_for_longer(
    scopes: frozenset[str], most: frozenset[str], said_s: int | None, most_s: int
) -> None:
    policy = Policy("ada", scopes, said_s)

    assert granted(policy, most) <= most
    assert 0 <= holds_s(policy, most_s) <= most_s


@pytest.mark.parametrize(
    "answer",
    [
        None,
        [],
        "policy",
        {},
        {"principalId": "ada"},
        {"principalId": "", "policy": []},
        {"principalId": "a b", "policy": []},
        {"principalId": "x" * 129, "policy": []},
        {"principalId": 1, "policy": []},
        {"principalId": "ada", "policy": {}},
        {"principalId": "ada", "policy": [{"effect": "allow", "scopes": []}]},
        {"principalId": "ada", "policy": [{"effect": "Allow", "scopes": "codes:read"}]},
        {"principalId": "ada", "policy": [{"effect": "Allow", "scopes": [1]}]},
        {"principalId": "ada", "policy": [{"effect": "Allow"}]},
        {"principalId": "ada", "policy": [], "ttl": -1},
        {"principalId": "ada", "policy": [], "ttl": True},
        {"principalId": "ada", "policy": [], "ttl": "60"},
        {"principalId": "ada", "policy": [{"effect": "Allow", "scopes": []}] * 101},
    ],
)
def test_what_is_no_policy_grants_nothing(answer: object) -> None:
    with pytest.raises(InvalidPolicy):
        policy_of(answer)
