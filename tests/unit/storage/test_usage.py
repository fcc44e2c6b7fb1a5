"""What an account has stored is added up exactly, whatever crashes."""

from contextlib import suppress

import pytest
from unit.storage.world import OURS, Crash, World

from quietzone_storage.assets.domain import AccountId
from quietzone_storage.usage.domain import MAX_OPEN
from quietzone_storage.usage.repository import USAGE, Usages


async def test_an_account_without_assets_has_stored_nothing(world: World) -> None:
    assert await world.ledger.bytes_of(OURS) == 0


async def test_each_asset_counts_what_it_has_also_when_the_bytes_are_kept_once(world: World) -> None:
    await world.fill("a1", b"logo")
    await world.fill("a2", b"logo")

    assert await world.ledger.bytes_of(OURS) == 8


async def test_bytes_of_other_accounts_arent_counted(world: World) -> None:
    await world.fill("a1", b"logo", account_id=AccountId("theirs"))

    assert await world.ledger.bytes_of(OURS) == 0


async def test_what_was_deleted_isnt_counted(world: World) -> None:
    await world.fill("a1", b"logo")
    await world.drop("a1")

    assert await world.ledger.bytes_of(OURS) == 0


@pytest.mark.parametrize("after", [False, True], ids=["before the write", "after the write"])
@pytest.mark.parametrize("step", range(10))
async def test_a_change_that_was_cut_off_counts_once(world: World, step: int, after: bool) -> None:
    await world.fill("a1", b"old")
    world.fuse.left, world.fuse.after = step, after
    with suppress(Crash):
        await world.fill("a1", b"newer")
        await world.drop("a1")
    world.fuse.left = None

    assert await world.ledger.bytes_of(OURS) == await world.summed()


async def test_what_a_crash_left_uncounted_is_counted_later(world: World) -> None:
    world.fuse.left = 6  # the asset has its files, the sum isn't told
    with pytest.raises(Crash):
        await world.fill("a1", b"logo")
    world.fuse.left = None

    assert await world.ledger.count_all() == 1


async def test_a_sum_forgets_the_changes_that_their_assets_know(world: World) -> None:
    for number in range(MAX_OPEN + 10):
        await world.fill(f"a{number}", b"logo")

    assert len((await Usages(world.documents).get(OURS)).usage.open) <= MAX_OPEN
    assert await world.ledger.bytes_of(OURS) == 4 * (MAX_OPEN + 10)


async def test_a_field_of_a_newer_release_survives(world: World) -> None:
    await world.fill("a1", b"logo")
    stored = await world.documents.get(USAGE, OURS)
    assert stored is not None
    await world.documents.replace(USAGE, {**stored.body, "newer": 1}, if_version=stored.version)

    await world.fill("a2", b"logo")

    found = await world.documents.get(USAGE, OURS)
    assert found is not None
    assert found.body["newer"] == 1
