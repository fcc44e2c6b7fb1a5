"""The key that the tour listens with, made by the client at the served API."""

import pytest
from contract.client.addressed import Addressed
from contract.gateway.served import CODE_ID

from quietzone_cli.errors import TourFailed
from quietzone_cli.tour.live import KEY_NAME, reading_key, refused_change
from quietzone_client import AsyncClient, Unauthenticated


async def test_tours_share_one_key_whose_secret_each_has_for_itself(served: Addressed) -> None:
    async with served.on_loop() as api:
        first, second = await reading_key(api), await reading_key(api)

        assert [key.name for key in await api.keys.list()].count(KEY_NAME) == 1
    async with AsyncClient(served.url, first) as before, AsyncClient(served.url, second) as after:
        assert (await after.codes.get(CODE_ID)).id == CODE_ID
        with pytest.raises(Unauthenticated):
            await before.codes.get(CODE_ID)


async def test_a_key_that_only_reads_is_told_what_it_lacks(served: Addressed) -> None:
    async with served.on_loop() as api, AsyncClient(served.url, await reading_key(api)) as reader:
        assert await refused_change(reader, await reader.codes.get(CODE_ID)) == "this needs the scope 'codes:write'"


async def test_a_tour_fails_when_a_key_may_more_than_it_should(served: Addressed) -> None:
    async with served.on_loop() as api:
        with pytest.raises(TourFailed, match="without the scope codes:write"):
            await refused_change(api, await api.codes.get(CODE_ID))
