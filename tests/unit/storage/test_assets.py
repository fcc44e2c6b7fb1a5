"""What can become of an asset, what its files are called, and what others are told of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.storage.world import BORN_MS, OURS, World

from quietzone.storage.v1 import asset_pb2
from quietzone_kit.errors import InvalidInput, NotFound, RevisionMismatch
from quietzone_storage.assets.domain import (
    TRANSITIONS,
    AccountId,
    Asset,
    AssetId,
    BlobKey,
    InvalidTransition,
    Kind,
    Source,
    State,
    Variant,
    files_gone,
)
from quietzone_storage.assets.repository import ASSETS
from quietzone_storage.assets.use_cases import delete_upload, get_asset, list_assets

BLANK = Asset(AssetId("a1"), OURS, Kind.UPLOAD, State.PENDING, "logo.png", BORN_MS, BORN_MS)


def variant(name: str = "_thumb", blob: str = "b1", media_type: str = "image/jpeg") -> Variant:
    return Variant(name, BlobKey(blob), 10, media_type, 256, 256)


def test_files_are_named_by_asset_variant_and_media_type() -> None:
    ready = BLANK.ready((variant("", media_type="image/png"), variant("_thumb"), variant("_thumb_webp", media_type="image/webp")), BORN_MS)

    assert list(ready.files()) == ["a1.png", "a1_thumb.jpeg", "a1_thumb_webp.webp"]


def test_a_deleted_asset_keeps_neither_files_nor_name() -> None:
    deleted = BLANK.ready((variant(),), BORN_MS).deleted(BORN_MS)

    assert (deleted.variants, deleted.name, deleted.bytes, deleted.blobs) == ((), "", 0, ())


def test_deleting_twice_changes_nothing() -> None:
    deleted = BLANK.deleted(BORN_MS)

    assert deleted.deleted(BORN_MS + 1) is deleted


def test_a_deleted_asset_never_comes_back() -> None:
    with pytest.raises(InvalidTransition):
        BLANK.deleted(BORN_MS).ready((), BORN_MS)


def test_a_file_that_was_quarantined_takes_no_new_bytes() -> None:
    with pytest.raises(InvalidTransition, match="begin a new one"):
        BLANK.quarantined("infected", BORN_MS).sourced(Source(BlobKey("b"), 1, "image/png"), BORN_MS)


def test_what_is_quarantined_has_no_files() -> None:
    assert BLANK.ready((variant(),), BORN_MS).quarantined("infected", BORN_MS).files() == {}


def test_copies_are_forgotten_of_exactly_those_files_that_are_others_now_or_none() -> None:
    before = BLANK.ready((variant("_thumb", "b1"), variant("_medium", "b2"), variant("_large", "b3")), BORN_MS)
    after = before.ready((variant("_thumb", "b1"), variant("_medium", "b9"), variant("_new", "b4")), BORN_MS)

    assert files_gone(before, after) == ("a1_medium.jpeg", "a1_large.jpeg")


def test_copies_of_all_files_of_a_deleted_asset_are_forgotten() -> None:
    before = BLANK.ready((variant("_thumb"), variant("_thumb_webp", media_type="image/webp")), BORN_MS)

    assert files_gone(before, before.deleted(BORN_MS)) == ("a1_thumb.jpeg", "a1_thumb_webp.webp")


@given(
    moves=st.lists(st.sampled_from(["ready", "quarantined", "deleted"]), max_size=6), at=st.lists(st.integers(0, 2 * BORN_MS), min_size=6)
)
def test_an_assets_history_only_goes_forward(moves: list[str], at: list[int]) -> None:
    asset = BLANK
    for move, at_ms in zip(moves, at, strict=False):
        before = asset
        if State(move) not in TRANSITIONS[asset.state]:
            continue
        if move == "ready":
            asset = asset.ready((), at_ms)
        else:
            asset = asset.quarantined("no", at_ms) if move == "quarantined" else asset.deleted(at_ms)
        assert (asset.revision, asset.updated_at_ms >= before.updated_at_ms) == (before.revision + 1, True)


async def test_an_asset_is_stored_as_it_is(world: World) -> None:
    filled = await world.fill("a1", b"one", b"two")

    held = await world.assets.get(OURS, AssetId("a1"))

    assert held is not None
    assert held.asset == filled.asset


async def test_another_accounts_asset_is_not_found(world: World) -> None:
    await world.fill("a1", b"one")

    with pytest.raises(NotFound):
        await get_asset(world.assets, AccountId("theirs"), "a1")


async def test_a_deleted_asset_is_not_found(world: World) -> None:
    await world.fill("a1", b"one")
    await world.drop("a1")

    with pytest.raises(NotFound):
        await get_asset(world.assets, OURS, "a1")


async def test_assets_are_listed_newest_first_without_deleted_ones_and_without_those_of_others(world: World) -> None:
    for asset_id in ("a1", "a2", "a3"):
        await world.fill(asset_id, b"one")
        world.clock.seconds += 1
    await world.fill("b1", b"one", account_id=AccountId("theirs"))
    await world.drop("a2")

    page = await list_assets(world.assets, OURS, kind=None, state=None, page_size=10, page_token="")

    assert [asset.asset_id for asset in page.assets] == ["a3", "a1"]


async def test_assets_are_listed_by_kind_and_by_state(world: World) -> None:
    await world.insert("a1", kind=Kind.CODE)
    await world.fill("a2", b"one")

    codes = await list_assets(world.assets, OURS, kind=Kind.CODE, state=None, page_size=0, page_token="")
    ready = await list_assets(world.assets, OURS, kind=None, state=State.READY, page_size=0, page_token="")

    assert ([a.asset_id for a in codes.assets], [a.asset_id for a in ready.assets]) == (["a1"], ["a2"])


async def test_a_list_that_no_index_serves_is_refused(world: World) -> None:
    with pytest.raises(InvalidInput):
        await list_assets(world.assets, OURS, kind=Kind.CODE, state=State.READY, page_size=0, page_token="")


async def test_a_token_of_another_list_is_refused(world: World) -> None:
    with pytest.raises(InvalidInput, match="page_token"):
        await list_assets(world.assets, OURS, kind=None, state=None, page_size=0, page_token="nonsense")  # noqa: S106 - no secret


async def test_the_image_of_a_code_isnt_deleted_alone(world: World) -> None:
    await world.insert("a1", kind=Kind.CODE)

    with pytest.raises(InvalidInput):
        await delete_upload(world.keeper, world.clock, OURS, "a1")


async def test_an_asset_that_has_moved_on_isnt_deleted_by_who_expects_another(world: World) -> None:
    await world.fill("a1", b"one")

    with pytest.raises(RevisionMismatch):
        await delete_upload(world.keeper, world.clock, OURS, "a1", expected_revision=1)


async def test_each_change_is_told_with_what_was_before_and_which_files_are_gone(world: World) -> None:
    await world.fill("a1", b"one")
    await world.drop("a1")

    told = await world.told("a1")

    assert [event.kind for event in told] == [
        asset_pb2.ASSET_CHANGE_CREATED,
        asset_pb2.ASSET_CHANGE_CHANGED,
        asset_pb2.ASSET_CHANGE_DELETED,
    ]
    assert (list(told[2].gone), told[2].before.state) == (["a1_0.png"], asset_pb2.ASSET_STATE_READY)


async def test_a_field_of_a_newer_release_survives(world: World) -> None:
    held = await world.insert("a1")
    await world.documents.replace(ASSETS, {**held.stored.body, "newer": 1}, if_version=held.stored.version)

    filled = await world.fill("a1", b"one")

    assert filled.stored.body["newer"] == 1
