"""A person's session by the client, as identity gives it."""

import pytest
from contract.client.addressed import Addressed
from contract.gateway.served import CODE_ID, Api
from contract.gateway.test_auth import ADA, mailed, post

from quietzone_client import AsyncClient, Client, Tokens, Unauthenticated


@pytest.fixture
async def ada(api: Api) -> None:
    """She has signed up, and shown that the address is hers."""
    assert (await post(api, "sign-up", ADA | {"name": "Ada"})).status_code == 202
    assert (await post(api, "verify", {"token": await mailed(api)})).status_code == 204


@pytest.mark.usefixtures("ada")
async def test_a_person_signs_in_goes_on_and_signs_out(served: Addressed) -> None:
    kept: list[str] = []
    async with AsyncClient(served.url, Tokens(keep=kept.append)) as client:
        await client.sign_in(**ADA)
        await client.codes.get(CODE_ID)
    async with AsyncClient(served.url, Tokens(kept[-1], keep=kept.append)) as client:
        await client.codes.get(CODE_ID)
        await client.sign_out()
        with pytest.raises(Unauthenticated):
            await client.codes.get(CODE_ID)

    assert len(kept) == 2


@pytest.mark.usefixtures("ada")
async def test_a_blocking_client_signs_in_too(served: Addressed) -> None:
    def use(_client: Client) -> str:
        with Client(served.url, Tokens()) as client:
            client.sign_in(**ADA)
            return client.codes.get(CODE_ID).id

    assert await served.blocking(use) == CODE_ID


@pytest.mark.usefixtures("ada")
@pytest.mark.parametrize("api", [{"refresh_leeway_s": 0}], indirect=True)
async def test_refresh_reuse_by_a_thief_ends_the_session_of_both(served: Addressed) -> None:
    kept = await _signed_in(served)
    await _gone_on(served, kept[0], kept)

    for token in kept:
        with pytest.raises(Unauthenticated):
            await _gone_on(served, token, [])


@pytest.mark.usefixtures("ada")
async def test_an_answer_to_a_refresh_that_was_lost_costs_no_session(served: Addressed) -> None:
    kept = await _signed_in(served)
    for _ in range(2):
        await _gone_on(served, kept[0], kept)

    assert kept[1] == kept[2]
    await _gone_on(served, kept[2], kept)


@pytest.mark.usefixtures("ada")
async def test_refresh_reuse_by_a_thief_who_comes_right_behind_signs_the_client_out_who_notices(served: Addressed) -> None:
    kept = await _signed_in(served)
    for token in (kept[0], kept[0]):
        await _gone_on(served, token, kept)
    client, thief = kept[1:]
    await _gone_on(served, thief, kept)

    with pytest.raises(Unauthenticated):
        await _gone_on(served, client, [])
    with pytest.raises(Unauthenticated):
        await _gone_on(served, kept[-1], [])


async def _signed_in(served: Addressed) -> list[str]:
    """The refresh token of a session that begins."""
    kept: list[str] = []
    async with AsyncClient(served.url, Tokens(keep=kept.append)) as client:
        await client.sign_in(**ADA)
    return kept


async def _gone_on(served: Addressed, token: str, kept: list[str]) -> None:
    """Refresh by a token, and use what it brings."""
    async with AsyncClient(served.url, Tokens(token, keep=kept.append)) as client:
        await client.codes.get(CODE_ID)


async def test_a_wrong_password_is_refused(served: Addressed) -> None:
    async with AsyncClient(served.url, Tokens()) as client:
        with pytest.raises(Unauthenticated):
            await client.sign_in("ada@example.com", "Wrong-horse-1")
