"""What is used again comes back: a code's files by themselves, an upload's from WARM by themselves and from the archive by its owner."""

import pytest
from unit.storage.lifecycle import CODE, DAY_S, asset_of, clean, cleaner, draw_code, finder, followed, work
from unit.storage.world import OURS, World

from quietzone_kit.blobs import Tier as BlobTier
from quietzone_kit.errors import FailedPrecondition
from quietzone_storage.assets.domain import AssetId, State, Tier
from quietzone_storage.codes.tasks import DRAW
from quietzone_storage.lifecycle.tasks import MOVE


@pytest.mark.parametrize("days", [(31,), (91,), (91, 400)], ids=["warm", "archived", "given up"])
async def test_the_files_of_a_code_that_is_used_again_are_kept_again(world: World, days: tuple[int, ...]) -> None:
    await draw_code(world)
    before = await asset_of(world, CODE)
    for some in days:
        await clean(world, days=some)
    files = {name: (await finder(world).find(name)).data for name in before.files()}

    assert await work(world) == [DRAW]
    after = await asset_of(world, CODE)
    assert (after.tier, after.variants, after.code_revision) == (Tier.HOT, before.variants, before.code_revision)
    assert {name: await world.shelf.read(variant.blob) for name, variant in after.files().items()} == files
    assert (await clean(world, days=29)).processed == 0


async def test_a_code_whose_files_are_at_hand_is_not_drawn_again(world: World) -> None:
    await draw_code(world)
    revision = (await asset_of(world, CODE)).revision
    world.clock.seconds += 2 * DAY_S
    await finder(world).find(f"{CODE}.png")

    assert await work(world) == []
    assert await followed(world).draw_again(OURS, CODE) is False
    assert (await asset_of(world, CODE)).revision == revision


async def test_a_code_that_was_deleted_meanwhile_is_not_drawn_again(world: World) -> None:
    await draw_code(world)
    await clean(world, days=91)
    await finder(world).find(f"{CODE}.png")
    await world.drop(CODE)

    await work(world)
    assert (await asset_of(world, CODE)).state is State.DELETED


async def test_an_upload_that_is_used_again_leaves_the_warm_tier(world: World) -> None:
    asset_id = AssetId("019a0b2e-7c1e-7f3a-9d55-2f6d1c0b7a02")
    await world.fill(asset_id, b"one")
    await clean(world, days=31)
    await finder(world).find(f"{asset_id}_0.png")

    assert await work(world) == [MOVE]
    assert (await asset_of(world, asset_id)).tier is Tier.HOT
    assert list(world.memory.tiers.values()) == [BlobTier.HOT]


async def test_an_archived_upload_is_brought_back_by_nobody_but_its_owner(world: World) -> None:
    asset_id = AssetId("019a0b2e-7c1e-7f3a-9d55-2f6d1c0b7a02")
    await world.fill(asset_id, b"one")
    await clean(world, days=91)
    with pytest.raises(FailedPrecondition):
        await finder(world).find(f"{asset_id}_0.png")

    assert await work(world) == []


async def test_an_archived_upload_is_refused_until_it_was_brought_back(world: World) -> None:
    asset_id = AssetId("019a0b2e-7c1e-7f3a-9d55-2f6d1c0b7a02")
    await world.fill(asset_id, b"one")
    await clean(world, days=91)
    with pytest.raises(FailedPrecondition, match="archived"):
        await finder(world).find(f"{asset_id}_0.png")
    world.memory.slow = 1

    assert await cleaner(world).move(OURS, asset_id, Tier.HOT) is False  # the store brings it back
    assert await cleaner(world).move(OURS, asset_id, Tier.HOT) is True
    assert (await finder(world).find(f"{asset_id}_0.png")).data == b"one"
    assert (await clean(world)).processed == 0  # whoever brings it back means to use it
