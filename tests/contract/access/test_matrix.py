"""Operation by role by foreign account, generated from the contracts: every service enforces scopes and ownership by itself."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
from contract.access.requests import EXAMPLES, About, Things
from contract.access.services import NOTHING, OWNER, STRANGER, Place, contracts, served

from quietzone_gateway.identity.domain import SCOPES_OF
from quietzone_kit.errors import NotFound, PermissionDenied, QuietzoneError, Unauthenticated
from quietzone_kit.rpc import SCOPE_EDGE, SCOPE_OPERATOR, SERVICE_SCOPES, Caller, scope_of

ROLES: Mapping[str, frozenset[str]] = {
    **{role.value: scopes for role, scopes in SCOPES_OF.items()},
    "operator": frozenset({SCOPE_OPERATOR}),
    "edge": frozenset({SCOPE_EDGE}),
    "nobody": frozenset(),
}
"""Who there is: the roles of an account, and those of the platform."""

METHODS = sorted(contracts())
BY_ABOUT = {about: [method for method in METHODS if method in EXAMPLES and EXAMPLES[method].about is about] for about in About}


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with served(tmp_path) as opened:
        yield opened


def test_the_contracts_have_methods() -> None:
    assert len(METHODS) >= 24


@pytest.mark.parametrize("method", METHODS)
def test_each_method_names_its_scope_and_has_an_example(method: str) -> None:
    assert scope_of(method) in SERVICE_SCOPES | {SCOPE_OPERATOR, SCOPE_EDGE}
    assert method in EXAMPLES, "add a request of it to tests/contract/access/requests.py"


def test_each_example_is_of_a_method() -> None:
    assert set(EXAMPLES) <= set(METHODS)


@pytest.mark.parametrize("method", METHODS)
def test_what_is_the_platforms_needs_a_scope_that_no_role_of_an_account_has(method: str) -> None:
    given_by_accounts = frozenset[str]().union(*SCOPES_OF.values())

    assert (EXAMPLES[method].about is About.PLATFORM) == (scope_of(method) not in given_by_accounts)


@pytest.mark.parametrize("method", METHODS)
async def test_who_lacks_the_scope_is_refused(place: Place, method: str) -> None:
    lacking = {role: scopes for role, scopes in ROLES.items() if scope_of(method) not in scopes}
    before = await place.of_owner()

    answers = {role: await answer(place, method, Caller(OWNER.account_id, scopes)) for role, scopes in lacking.items()}

    assert answers == dict.fromkeys(lacking, PermissionDenied.code)
    assert lacking
    assert await place.of_owner() == before


@pytest.mark.parametrize("method", METHODS)
async def test_who_has_the_scope_alone_is_let_in(place: Place, method: str) -> None:
    caller = Caller(OWNER.account_id, frozenset({scope_of(method)}))

    assert await answer(place, method, caller) in ("OK", "FAILED_PRECONDITION")  # the export isn't done yet


@pytest.mark.parametrize("method", METHODS)
async def test_who_is_nobody_is_refused(place: Place, method: str) -> None:
    assert await answer(place, method, None) == Unauthenticated.code


@pytest.mark.parametrize("method", [method for method in METHODS if EXAMPLES[method].about is not About.PLATFORM])
async def test_a_service_has_no_account_to_act_for(place: Place, method: str) -> None:
    assert await answer(place, method, Caller("", SERVICE_SCOPES)) == PermissionDenied.code


@pytest.mark.parametrize("method", BY_ABOUT[About.THING])
async def test_another_accounts_thing_is_not_found(place: Place, method: str) -> None:
    before = await place.of_owner()

    with pytest.raises(NotFound):
        await place.call(method, STRANGER)

    assert await place.of_owner() == before


@pytest.mark.parametrize("method", BY_ABOUT[About.ACCOUNT])
async def test_another_account_is_answered_as_if_there_were_nothing(place: Place, method: str) -> None:
    before = await place.of_owner()
    nothing = await place.call(method, STRANGER, NOTHING)

    told = await place.call(method, STRANGER)

    assert anonymous(str(told), place.things) == anonymous(str(nothing), NOTHING)
    assert await place.of_owner() == before


@pytest.mark.parametrize("method", BY_ABOUT[About.ACCOUNT])
async def test_the_account_itself_is_answered_otherwise(place: Place, method: str) -> None:
    """Else the test above would say nothing."""
    nothing = await place.call(method, STRANGER, NOTHING)

    told = await place.call(method, OWNER)

    assert anonymous(str(told), place.things) != anonymous(str(nothing), NOTHING)


@pytest.mark.parametrize("method", BY_ABOUT[About.NEW])
async def test_the_same_request_of_another_account_makes_it_a_thing_of_its_own(place: Place, method: str) -> None:
    before = await place.of_owner()

    told = str(await place.call(method, STRANGER))

    assert "secret" not in told.replace("secret: ", "")  # the name of a field
    assert place.things.code_id not in told
    assert place.things.export_id not in told
    assert place.things.asset_id not in told
    assert await place.of_owner() == before


async def answer(place: Place, method: str, caller: Caller | None) -> str:
    """The code of the error that a call ends in; OK without one."""
    try:
        await place.call(method, caller)
    except QuietzoneError as error:
        return error.code
    return "OK"


def anonymous(text: str, things: Things) -> str:
    """An answer without the names of what was asked for."""
    for name in (things.code_id, things.slug, things.export_id, things.asset_id):
        text = text.replace(name, "…")
    return text
