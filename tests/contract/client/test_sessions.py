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
async def test_a_refresh_token_that_is_used_twice_ends_its_session(served: Addressed) -> None:
    kept: list[str] = []
    async with AsyncClient(served.url, Tokens(keep=kept.append)) as client:
        await client.sign_in(**ADA)
    async with AsyncClient(served.url, Tokens(kept[0])) as client:
        await client.codes.get(CODE_ID)
    async with AsyncClient(served.url, Tokens(kept[0])) as thief:
        with pytest.raises(Unauthenticated):
            await thief.codes.get(CODE_ID)


async def test_a_wrong_password_is_refused(served: Addressed) -> None:
    async with AsyncClient(served.url, Tokens()) as client:
        with pytest.raises(Unauthenticated):
            await client.sign_in("ada@example.com", "Wrong-horse-1")
