"""What is made of an upload keeps within the room of its account, like the upload itself."""

import asyncio
from contextlib import suppress

import pytest
from unit.storage.test_uploads import LOGO, Studio
from unit.storage.world import OURS, Crash, World

from quietzone_storage.assets.domain import State


@pytest.fixture
def studio(world: World) -> Studio:
    return Studio(world)


async def test_an_upload_for_whose_copies_there_is_no_room_is_quarantined_and_takes_what_came(studio: Studio) -> None:
    begun = await studio.begin(size=len(LOGO), most_stored=len(LOGO) + 10)
    await studio.send(begun)
    await studio.work()
    asset = await studio.asset(begun)

    assert (asset.state, "no room for its copies" in asset.reason) == (State.QUARANTINED, True)
    assert await studio.world.ledger.bytes_of(OURS) == len(LOGO)


async def test_what_is_made_of_uploads_side_by_side_never_takes_an_account_beyond_its_room(studio: Studio) -> None:
    most = 3 * len(LOGO) + 60  # 28 are made of each
    begun = [await studio.begin(size=len(LOGO), most_stored=most) for _ in range(3)]
    for each in begun:
        await studio.send(each)
    await asyncio.gather(*(studio.pipeline.process(each.asset.asset_id) for each in begun))

    assert 3 * len(LOGO) < await studio.world.ledger.bytes_of(OURS) <= most


async def test_an_upload_that_was_cut_off_while_it_got_room_gets_it_once(studio: Studio) -> None:
    begun = await studio.begin(size=len(LOGO), most_stored=len(LOGO) + 100)
    await studio.send(begun)
    for writes in range(20):
        studio.world.fuse.left = writes
        with suppress(Crash):
            await studio.pipeline.process(begun.asset.asset_id)
        studio.world.fuse.left = None
    await studio.pipeline.process(begun.asset.asset_id)
    asset = await studio.asset(begun)

    assert (asset.state, asset.reserved, asset.bytes) == (State.READY, 0, await studio.world.ledger.bytes_of(OURS))
