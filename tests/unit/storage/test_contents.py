"""Bytes are there as long as an asset has them, and no longer."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import chain, repeat
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.storage.world import GRACE_MS, OURS, Crash, World

from quietzone_kit.documents import VersionConflict
from quietzone_kit.errors import Unavailable
from quietzone_storage.assets.domain import AccountId, AssetId, InvalidTransition
from quietzone_storage.assets.repository import AssetExists, Assets
from quietzone_storage.contents.domain import Standing, is_blob
from quietzone_storage.contents.repository import CONTENTS
from quietzone_storage.contents.sweep import sweep, sweep_blobs
from quietzone_storage.contents.use_cases import File, Shelf

THEIRS = AccountId("theirs")


async def test_equal_bytes_of_an_account_are_kept_once(world: World) -> None:
    await world.fill("a1", b"logo")
    await world.fill("a2", b"logo")

    assert list(world.memory.held.values()) == [b"logo"]


async def test_accounts_share_no_bytes(world: World) -> None:
    await world.fill("a1", b"logo")
    await world.fill("a2", b"logo", account_id=THEIRS)

    assert len(world.memory.held) == 2


async def test_bytes_stay_while_another_asset_has_them(world: World) -> None:
    await world.fill("a1", b"logo")
    await world.fill("a2", b"logo")
    await world.drop("a1")

    await world.sweep()

    assert await world.missing() == []


async def test_bytes_that_no_asset_has_any_more_are_removed(world: World) -> None:
    await world.fill("a1", b"logo")
    await world.drop("a1")

    swept = await world.sweep()

    assert (swept.removed, world.memory.held) == (1, {})


async def test_a_dry_run_says_what_would_go_and_removes_nothing(world: World) -> None:
    await world.fill("a1", b"logo")
    await world.drop("a1")

    swept = await world.sweep(dry_run=True)

    assert (swept.removed_bytes, len(world.memory.held)) == (4, 1)


async def test_bytes_younger_than_the_grace_are_left_alone(world: World) -> None:
    await world.shelf.keep(OURS, [File(b"orphan", "image/png")])

    await world.sweep(later_ms=GRACE_MS - 1)

    assert len(world.memory.held) == 1


async def test_bytes_whose_asset_never_came_are_removed(world: World) -> None:
    await world.shelf.keep(OURS, [File(b"orphan", "image/png")])

    await world.sweep()

    assert world.memory.held == {}


async def test_bytes_that_an_asset_is_about_to_need_are_left_alone(world: World) -> None:
    held = await world.insert("a1")
    [content] = await world.shelf.keep(OURS, [File(b"soon", "image/png")])
    await world.assets.replace(held, held.asset, naming=[content.blob])

    await world.sweep()

    assert len(world.memory.held) == 1


async def test_who_comes_for_bytes_that_are_being_removed_gets_others(world: World) -> None:
    [old] = await world.shelf.keep(OURS, [File(b"logo", "image/png")])
    held = (await world.shelf.contents.get_many(OURS, [old.content_id]))[old.content_id]
    await world.shelf.contents.replace(held, held.content.gone())

    [new] = await world.shelf.keep(OURS, [File(b"logo", "image/png")])
    await world.blobs.delete(old.blob)  # whoever removed it was slow

    assert world.memory.held == {new.blob: b"logo"}


async def test_who_comes_for_condemned_bytes_doesnt_take_them_from_an_asset_that_has_them(world: World) -> None:
    filled = await world.fill("a1", b"logo")
    page, _ = await world.shelf.contents.page(limit=1, after=None)
    await world.shelf.contents.replace(page[0], page[0].content.doubted(0).condemned())

    [content] = await world.shelf.keep(OURS, [File(b"logo", "image/png")])

    assert filled.asset.blobs == (content.blob,)


async def test_a_blob_whose_removal_was_cut_off_is_removed_by_who_comes_for_its_bytes(world: World) -> None:
    [old] = await world.shelf.keep(OURS, [File(b"logo", "image/png")])
    held = (await world.shelf.contents.get_many(OURS, [old.content_id]))[old.content_id]
    await world.shelf.contents.replace(held, held.content.gone())

    [new] = await world.shelf.keep(OURS, [File(b"logo", "image/png")])

    assert list(world.memory.held) == [new.blob]


async def test_a_blob_that_an_asset_names_is_never_spare(world: World) -> None:
    filled = await world.fill("a1", b"logo")
    page, _ = await world.shelf.contents.page(limit=1, after=None)
    await world.shelf.contents.delete(page[0])

    await sweep_blobs(world.shelf, world.assets, before_ms=1)

    assert list(world.memory.held) == list(filled.asset.blobs)


async def test_bytes_that_were_condemned_after_they_were_kept_are_not_counted_on(world: World) -> None:
    contents = await world.shelf.keep(OURS, [File(b"logo", "image/png")])
    held = (await world.shelf.contents.get_many(OURS, [contents[0].content_id]))[contents[0].content_id]
    await world.shelf.contents.replace(held, held.content.condemned())

    assert not await world.shelf.holds(OURS, contents)


async def test_what_was_condemned_and_is_needed_after_all_lives_on(world: World) -> None:
    filled = await world.fill("a1", b"logo")
    page, _ = await world.shelf.contents.page(limit=1, after=None)
    await world.shelf.contents.replace(page[0], page[0].content.doubted(0).condemned())

    await world.sweep()

    assert (await world.shelf.contents.page(limit=1, after=None))[0][0].content.standing is Standing.LIVE
    assert list(world.memory.held) == list(filled.asset.blobs)


async def test_a_sweeper_that_found_bytes_needed_loses_against_who_lets_go_of_them(world: World) -> None:
    await world.fill("a1", b"logo")
    page, _ = await world.shelf.contents.page(limit=1, after=None)
    await world.drop("a1")

    with pytest.raises(VersionConflict):
        await world.shelf.contents.replace(page[0], page[0].content.needed())


async def test_blobs_that_a_restored_store_knows_nothing_of_are_removed(world: World) -> None:
    await world.fill("a1", b"kept")
    [lost] = await world.shelf.keep(OURS, [File(b"lost", "image/png")])
    held = (await world.shelf.contents.get_many(OURS, [lost.content_id]))[lost.content_id]
    await world.shelf.contents.delete(held)

    swept = await sweep_blobs(world.shelf, world.assets, before_ms=1)

    assert (swept.removed, list(world.memory.held.values())) == (1, [b"kept"])


async def test_blobs_of_others_in_the_same_place_are_left_alone(world: World) -> None:
    await world.blobs.put("contents/ab/notes.txt", b"somebody's")

    await sweep_blobs(world.shelf, world.assets, before_ms=1)

    assert list(world.memory.held) == ["contents/ab/notes.txt"]


async def test_every_blob_has_a_name_that_tells_its_digest(world: World) -> None:
    await world.fill("a1", b"one", b"two")

    assert all(is_blob(key) for key in world.memory.held)


class Meddled:
    """A port in which something else happens after the first call of one method."""

    def __init__(self, port: object, method: str, meddle: Callable[[], Awaitable[object]]) -> None:
        self._port = port
        self._method = method
        self._meddle: Callable[[], Awaitable[object]] | None = meddle

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        return self._meddled if name == self._method else found

    async def _meddled(self, *args: Any, **named: Any) -> Any:
        result = await getattr(self._port, self._method)(*args, **named)
        meddle, self._meddle = self._meddle, None
        if meddle is not None:
            await meddle()
        return result


async def test_bytes_that_are_swept_before_they_are_named_are_kept_again(world: World) -> None:
    shelf = world.shelf
    world.keeper.shelf = cast("Shelf", Meddled(shelf, "keep", world.sweep))

    await world.fill("a1", b"logo")

    assert (await world.missing(), len(world.memory.held)) == ([], 1)


async def test_bytes_that_are_named_while_the_sweeper_makes_up_its_mind_are_kept(world: World) -> None:
    await world.shelf.keep(OURS, [File(b"logo", "image/png")])
    world.clock.seconds += 2 * GRACE_MS / 1000
    assets = cast("Assets", Meddled(world.assets, "names", lambda: world.fill("a1", b"logo")))

    await sweep(world.shelf, assets, world.clock, grace_ms=GRACE_MS)

    assert (await world.missing(), len(world.memory.held)) == ([], 1)


@pytest.mark.parametrize("after", [False, True], ids=["before the write", "after the write"])
@pytest.mark.parametrize("step", range(12))
async def test_a_crash_while_files_are_changed_loses_nothing_and_leaves_nothing(world: World, step: int, after: bool) -> None:
    await world.fill("a1", b"old", b"same")
    world.fuse.left, world.fuse.after = step, after
    try:
        await world.fill("a1", b"new", b"same")
    except Crash:
        assert await world.missing() == []
    world.fuse.left = None

    await world.fill("a1", b"new", b"same")
    await world.sweep()
    await world.sweep()

    assert sorted(world.memory.held.values()) == [b"new", b"same"]


@pytest.mark.parametrize("after", [False, True], ids=["before the write", "after the write"])
@pytest.mark.parametrize("step", range(9))
async def test_a_crash_while_an_asset_is_deleted_and_swept_leaves_nothing(world: World, step: int, after: bool) -> None:
    await world.fill("a1", b"one", b"two")
    await world.fill("a2", b"two")
    world.fuse.left, world.fuse.after = step, after
    try:
        await world.drop("a1")
        await world.sweep()
    except Crash:
        assert await world.missing() == []
    world.fuse.left = None

    await world.drop("a1")
    await world.sweep()
    await world.sweep()

    assert list(world.memory.held.values()) == [b"two"]


ACTS = st.lists(
    st.tuples(
        st.sampled_from(["fill", "drop", "sweep"]),
        st.sampled_from(["a1", "a2", "a3"]),
        st.sets(st.sampled_from([b"one", b"two", b"three"]), min_size=1),
        st.none() | st.integers(0, 14),
        st.booleans(),
    ),
    max_size=12,
)


@settings(deadline=None)  # a history takes longer than an example usually may
@given(acts=ACTS)
async def test_whatever_happens_no_asset_lacks_bytes_and_in_the_end_none_are_spare(
    acts: list[tuple[str, str, set[bytes], int | None, bool]],
) -> None:
    world = await World().open()
    for what, asset_id, datas, crash_at, after in acts:
        world.fuse.left, world.fuse.after = crash_at, after
        with suppress(Crash):
            await act(world, what, asset_id, datas)
        world.fuse.left = None
        assert await world.missing() == []
    await settle(world)

    assert await world.spare() == set()
    assert await world.ledger.bytes_of(OURS) == await world.summed()
    await world.documents.close()


@settings(deadline=None)  # a history takes longer than an example usually may
@given(
    acts=st.lists(st.tuples(st.sampled_from(["fill", "drop", "sweep"]), st.sampled_from(["a1", "a2"])), min_size=2, max_size=5),
    turns=st.lists(st.integers(0, 6), max_size=60),
)
async def test_whoever_works_at_the_same_time_no_asset_lacks_bytes(acts: list[tuple[str, str]], turns: list[int]) -> None:
    world = await World().open()
    await world.fill("a1", b"one")
    world.clock.seconds += 2 * GRACE_MS / 1000  # what is let go of from now on is old enough at once
    world.fuse.turns = chain(turns, repeat(1))

    async with asyncio.TaskGroup() as group:
        for number, (what, asset_id) in enumerate(acts):
            group.create_task(at_once(world, what, asset_id, {b"one", b"%d" % (number % 2)}))
    world.fuse.turns = iter(())

    assert await world.missing() == []
    await settle(world)
    assert await world.spare() == set()
    assert await world.ledger.bytes_of(OURS) == await world.summed()
    await world.documents.close()


async def act(world: World, what: str, asset_id: str, datas: set[bytes]) -> None:
    if what == "drop":
        await world.drop(asset_id)
    elif what == "sweep":
        await world.sweep()
    elif (held := await world.assets.get(OURS, AssetId(asset_id))) is None or held.asset.variants or held.asset.revision == 1:
        await world.fill(asset_id, *sorted(datas))


async def at_once(world: World, what: str, asset_id: str, datas: set[bytes]) -> None:
    with suppress(VersionConflict, AssetExists, InvalidTransition, Unavailable):  # somebody else was faster
        if what == "sweep":
            await world.sweep(later_ms=GRACE_MS * 2)
        else:
            await act(world, what, asset_id, datas)


async def settle(world: World) -> None:
    for _ in range(3):
        await world.sweep()
        await world.ledger.count_all()
    left = await world.documents.scan(CONTENTS, limit=100)
    assert {str(stored.body["blob"]) for stored in left.items} >= {str(blob) for asset in await world.all() for blob in asset.blobs}
