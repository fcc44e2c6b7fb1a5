"""What nobody asks for goes to cheaper tiers, and at last away; by its own age, never early, and never the master of a live code."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.storage.lifecycle import CODE, DAY_S, asset_of, clean, cleaner, draw_code, finder
from unit.storage.world import BORN_MS, OURS, Crash, World

from quietzone_kit.blobs import Tier as BlobTier
from quietzone_kit.errors import InvalidInput, NotFound
from quietzone_kit.tasks import TASKS, Again
from quietzone_kit.tasks import State as TaskState
from quietzone_storage.assets.domain import DAY_MS, AccountId, Asset, AssetId, BlobKey, Kind, Source, State, Tier, Variant
from quietzone_storage.contents.domain import Content
from quietzone_storage.contents.use_cases import File
from quietzone_storage.lifecycle import moves, use_cases
from quietzone_storage.lifecycle import tasks as tasks_of_lifecycle
from quietzone_storage.lifecycle.domain import Act, Policy, Report, decide
from quietzone_storage.lifecycle.moves import STALLED_MS
from quietzone_storage.lifecycle.tasks import CleanUps, begin_clean_up, begin_move
from quietzone_storage.lifecycle.use_cases import CleanUp, check_prefix
from quietzone_storage.metrics import CLEANED

WRITES = 8


def upload(*, tier: Tier = Tier.HOT, used_at_ms: int | None = None) -> Asset:
    blob = BlobKey(f"contents/aa/{'a' * 64}.{'b' * 16}")
    ready = Asset(AssetId("a"), OURS, Kind.UPLOAD, State.READY, "logo", BORN_MS, BORN_MS, uploaded_at_ms=BORN_MS, tier=tier)
    return replace(
        ready, source=Source(blob, 10, "image/png"), variants=(Variant("_original", blob, 10, "image/png", 1, 1),), used_at_ms=used_at_ms
    )


@pytest.mark.parametrize(
    ("days", "tier", "act"),
    [
        (29.9, Tier.HOT, Act.KEEP),
        (30, Tier.HOT, Act.WARM),
        (30, Tier.WARM, Act.KEEP),
        (90, Tier.WARM, Act.KEEP),
        (91, Tier.WARM, Act.ARCHIVE),
        (91, Tier.HOT, Act.ARCHIVE),
        (91, Tier.ARCHIVE, Act.KEEP),
        (365, Tier.ARCHIVE, Act.KEEP),
        (366, Tier.ARCHIVE, Act.KEEP),
        (366.1, Tier.ARCHIVE, Act.DELETE),
        (366.1, Tier.HOT, Act.DELETE),
    ],
)
def test_it_is_the_assets_own_age_that_decides_and_not_the_threshold(days: float, tier: Tier, act: Act) -> None:
    assert decide(upload(tier=tier), Policy(), BORN_MS + int(days * DAY_MS)) is act


def test_age_begins_anew_with_each_use() -> None:
    used = upload(used_at_ms=BORN_MS + 80 * DAY_MS)

    assert decide(used, Policy(), BORN_MS + 100 * DAY_MS) is Act.KEEP


async def test_a_clean_up_reports_what_it_did(world: World) -> None:
    await world.fill("oldest", b"1234")
    world.clock.seconds += 300 * DAY_S
    await world.fill("older", b"123")
    world.clock.seconds += 60 * DAY_S
    await world.fill("old", b"12")
    world.clock.seconds += 10 * DAY_S
    await world.fill("new", b"1")

    assert await clean(world, days=25) == Report(processed=3, warmed=1, archived=1, deleted=1, kept=0, bytes=9)
    assert [(asset.asset_id, asset.state, asset.tier) for asset in sorted(await world.all(), key=lambda each: each.created_at_ms)] == [
        ("oldest", State.DELETED, Tier.HOT),
        ("older", State.READY, Tier.ARCHIVE),
        ("old", State.READY, Tier.WARM),
        ("new", State.READY, Tier.HOT),
    ]


async def test_bytes_that_are_lost_keep_a_clean_up_from_nothing_else(world: World) -> None:
    lost = await world.fill("a1", b"one")
    await world.fill("a2", b"two")
    await world.memory.delete(lost.asset.variants[0].blob)

    report = await clean(world, days=31)

    assert (report.processed, report.warmed) == (2, 2)
    assert (await asset_of(world, "a2")).tier is Tier.WARM


async def test_blobs_go_to_their_assets_tier_and_are_tagged_so(world: World) -> None:
    await world.fill("a", b"one")
    await clean(world, days=91)

    assert list(world.memory.tiers.values()) == [BlobTier.ARCHIVE]
    assert list(world.memory.tags.values()) == [{"StorageTier": "ARCHIVE", "CreatedBy": "Quietzone"}]


async def test_new_blobs_are_tagged_hot_and_know_when_they_came(world: World) -> None:
    await world.fill("a", b"one")

    [about] = world.memory.abouts.values()
    assert (dict(about.metadata), dict(about.tags)) == ({"uploadedat": str(BORN_MS)}, {"StorageTier": "HOT", "CreatedBy": "Quietzone"})


async def test_what_is_too_small_to_be_cheaper_elsewhere_stays_hot_until_it_is_deleted(world: World) -> None:
    frugal = cleaner(world, moved_from=100)
    small, both = await world.fill("small", b"x"), await world.fill("both", b"x" * 99, b"x" * 100)
    world.clock.seconds += 91 * DAY_S

    would, did = (await frugal.clean_up(CleanUp(dry_run=True))).report, (await frugal.clean_up(CleanUp())).report

    assert did == would == Report(processed=2, archived=1, kept=1, bytes=100)
    assert ((await asset_of(world, "small")).tier, (await asset_of(world, "both")).tier) == (Tier.HOT, Tier.ARCHIVE)
    assert [world.memory.tiers[blob] for blob in (*small.asset.blobs, *both.asset.blobs)] == [*[BlobTier.HOT] * 2, BlobTier.ARCHIVE]

    assert await frugal.move(OURS, AssetId("both"), Tier.HOT)
    assert set(world.memory.tiers.values()) == {BlobTier.HOT}
    world.clock.seconds += 367 * DAY_S
    assert (await frugal.clean_up(CleanUp())).report == Report(processed=2, deleted=2, bytes=200)


async def test_who_wants_a_file_elsewhere_has_it_moved_however_small_it_is(world: World) -> None:
    await world.fill("small", b"x")

    assert await cleaner(world, moved_from=100).move(OURS, AssetId("small"), Tier.COLD)
    assert list(world.memory.tiers.values()) == [BlobTier.COLD]


async def test_what_its_owner_wants_back_is_not_deleted_while_the_store_brings_it_back(world: World) -> None:
    await world.fill("a", b"one")
    await clean(world, days=364)
    world.memory.slow = 10

    assert not await cleaner(world).move(OURS, AssetId("a"), Tier.HOT)
    assert (await clean(world, days=2)).deleted == 0


@pytest.mark.parametrize("ended", [TaskState.CANCELLED, TaskState.DEAD])
async def test_a_move_that_failed_or_was_cancelled_can_be_asked_for_again(world: World, ended: TaskState) -> None:
    asset = (await world.fill("a", b"one")).asset
    task = await begin_move(world.tasks, asset, Tier.ARCHIVE)
    if ended is TaskState.CANCELLED:
        await world.tasks.cancel(OURS, task.task_id)
    else:
        stored = await world.documents.get(TASKS, task.task_id)
        assert stored is not None
        await world.documents.replace(TASKS, {**stored.body, "state": "dead", "wake_at_ms": None}, if_version=stored.version)

    assert (await begin_move(world.tasks, asset, Tier.ARCHIVE)).state is TaskState.WAITING


async def test_what_is_brought_back_for_days_hides_no_other_move_that_was_cut_off(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moves, "PAGE", 1)
    archived = await world.fill("a", b"one")
    cut = await world.fill("b", b"two")
    for asset in (archived, cut):
        for held in (await world.shelf.contents.page(limit=10, after=None))[0]:
            if held.content.blob in asset.asset.blobs:
                await world.shelf.contents.replace(held, held.content.moving(Tier.HOT, world.clock.now_ms()))
        world.clock.seconds += 1
    await world.memory.move(archived.asset.blobs[0], BlobTier.ARCHIVE, {})
    world.memory.slow = 100
    world.clock.seconds += STALLED_MS / 1000 + 1

    assert [await moves.finish(world.shelf, world.assets, world.clock) for _ in range(2)] == [0, 1]


async def test_a_second_clean_up_finds_nothing_to_do(world: World) -> None:
    await world.fill("a", b"one")
    await clean(world, days=91)

    assert await clean(world) == Report(processed=1, kept=1)


async def test_a_clean_up_goes_on_from_where_a_part_has_ended(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(use_cases, "PAGE", 1)
    for name in ("a", "b", "c"):
        await world.fill(name, name.encode())
        world.clock.seconds += 1
    world.clock.seconds += 91 * DAY_S

    part, parts = await cleaner(world).clean_up(CleanUp(), for_s=0), 1
    while part.cursor is not None:
        world.clock.seconds += 3_600
        part, parts = await cleaner(world).clean_up(CleanUp(), part, for_s=0), parts + 1

    assert (part.report, parts) == (Report(processed=3, archived=3, bytes=3), 3)
    assert {asset.tier for asset in await world.all()} == {Tier.ARCHIVE}


async def test_a_task_of_a_clean_up_takes_up_its_report_and_counts_nothing_twice(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(use_cases, "PAGE", 1)
    monkeypatch.setattr(tasks_of_lifecycle, "PART_S", 0)
    for name in ("a", "b"):
        await world.fill(name, name.encode())
    world.clock.seconds += 91 * DAY_S
    handler, before = CleanUps(cleaner(world), every_h=0), CLEANED.labels("archived")._value.get()
    task, parts = await begin_clean_up(world.tasks, CleanUp(OURS), request_id=None), 1

    while isinstance(after := await handler.run(task, lambda _: None), Again):
        task, parts = replace(task, result=after.result), parts + 1

    assert (after.result, parts) == (asdict(Report(processed=2, archived=2, bytes=2)), 2)
    assert CLEANED.labels("archived")._value.get() - before == 2


async def test_a_dry_run_changes_nothing_and_says_what_would_be_done(world: World) -> None:
    await world.fill("a", b"one")
    before = await world.all()

    assert await clean(world, days=400, dry_run=True) == Report(processed=1, deleted=1, bytes=3)
    assert await world.all() == before


async def test_a_prefix_keeps_a_clean_up_to_what_begins_with_it(world: World) -> None:
    await world.fill("aa", b"one")
    await world.fill("ab", b"two")

    assert (await clean(world, days=91, prefix="codes/", dry_run=True)).processed == 0
    assert (await clean(world, prefix="uploads/", dry_run=True)).processed == 2
    assert (await clean(world, prefix="uploads/ab")).archived == 1


@pytest.mark.parametrize("prefix", ["upload/", "/uploads", "x", "uploads/" + "a" * 100])
def test_a_prefix_that_nothing_can_have_is_refused(prefix: str) -> None:
    with pytest.raises(InvalidInput, match="prefix: use codes/ or uploads/"):
        check_prefix(prefix)


async def test_a_clean_up_of_one_account_touches_no_other(world: World) -> None:
    await world.fill("a", b"one")
    await world.fill("b", b"one", account_id=AccountId("others"))

    assert (await clean(world, days=400, account_id=OURS)).deleted == 1
    assert [asset.state for asset in await world.all() if asset.account_id == "others"] == [State.READY]


async def test_the_master_of_a_live_code_is_kept_for_ever_and_the_rest_can_be_drawn(world: World) -> None:
    await draw_code(world)
    before = await asset_of(world, CODE)
    files = {name: (await finder(world).find(name)).data for name in before.files()}

    for days in (91, 400):
        assert (await clean(world, days=days)).processed == 1
    asset = await asset_of(world, CODE)

    assert [variant.name for variant in asset.variants] == [""]
    assert world.memory.tiers[asset.variants[0].blob] is BlobTier.HOT
    assert {name: (await finder(world).find(name)).data for name in before.files()} == files


async def test_an_archived_file_of_a_code_is_drawn_and_not_waited_for(world: World) -> None:
    await draw_code(world)
    name = next(name for name in (await asset_of(world, CODE)).files() if "_thumb.jpeg" in name)
    before = (await finder(world).find(name)).data
    await clean(world, days=91)

    assert (await asset_of(world, CODE)).tier is Tier.ARCHIVE
    assert (await finder(world).find(name)).data == before


async def test_what_became_of_an_image_is_told_so_that_copies_are_forgotten(world: World) -> None:
    await draw_code(world)
    await clean(world, days=400)

    assert {name.removeprefix(CODE) for name in (await world.told(CODE))[-1].gone} == {
        "_thumb.jpeg",
        "_medium.png",
        "_large.png",
        "_thumb_webp.webp",
    }


async def test_a_file_that_is_asked_for_keeps_its_asset_young(world: World) -> None:
    await draw_code(world)
    world.clock.seconds += 80 * DAY_S
    await finder(world).find(f"{CODE}.png")
    used = await asset_of(world, CODE)

    assert (used.used_at_ms, used.revision) == (world.clock.now_ms(), 2)
    assert (await clean(world, days=20)).processed == 0


async def test_use_is_written_down_once_a_day(world: World) -> None:
    await draw_code(world)
    world.clock.seconds += DAY_S
    await finder(world).find(f"{CODE}.png")
    world.fuse.left = 0
    world.clock.seconds += DAY_S - 1

    await finder(world).find(f"{CODE}.png")  # a write would break off


@pytest.mark.parametrize("tier", [Tier.WARM, Tier.COLD, Tier.ARCHIVE])
async def test_an_owner_moves_an_upload_to_any_tier(world: World, tier: Tier) -> None:
    await world.fill("a", b"one", b"two")

    assert await cleaner(world).move(OURS, AssetId("a"), tier)
    assert {each.value for each in world.memory.tiers.values()} == {(await asset_of(world, "a")).tier.value} == {tier.value}


async def test_the_image_of_a_code_is_moved_by_nobody(world: World) -> None:
    await draw_code(world)

    with pytest.raises(InvalidInput, match="is drawn"):
        await cleaner(world).move(OURS, CODE, Tier.ARCHIVE)


async def test_anothers_upload_is_not_found(world: World) -> None:
    await world.fill("a", b"one")

    with pytest.raises(NotFound):
        await cleaner(world).move(AccountId("others"), AssetId("a"), Tier.ARCHIVE)


async def test_bytes_that_a_younger_asset_has_stay_where_they_are_read_at_once(world: World) -> None:
    await world.fill("old", b"same")
    world.clock.seconds += 91 * DAY_S
    await world.fill("young", b"same")

    assert (await clean(world)).archived == 1
    assert await world.shelf.read((await asset_of(world, "young")).blobs[0]) == b"same"


async def test_archived_bytes_that_come_anew_are_had_at_once(world: World) -> None:
    await world.fill("old", b"same")
    await clean(world, days=91)
    await world.fill("young", b"same")

    assert await world.shelf.read((await asset_of(world, "young")).blobs[0]) == b"same"
    await clean(world, days=91)
    assert set(world.memory.tiers.values()) == {BlobTier.ARCHIVE}


async def test_a_quarantined_upload_goes_too(world: World) -> None:
    held = await world.insert("a")
    held = await world.keeper.keep(
        held,
        [],
        lambda asset, _: asset.quarantined("infected", world.clock.now_ms()),
    )

    assert (await clean(world, days=400)).kept == 1  # it has no bytes
    assert held.asset.state is State.QUARANTINED


async def test_the_bytes_of_a_quarantined_upload_are_deleted_when_they_are_old(world: World) -> None:
    held = await world.insert("a")

    def infected(asset: Asset, contents: Sequence[Content]) -> Asset:
        source = Source(contents[0].blob, contents[0].size, contents[0].media_type)
        return asset.sourced(source, world.clock.now_ms()).quarantined("infected", world.clock.now_ms())

    await world.keeper.keep(held, [File(b"virus", "image/png")], infected)

    assert await clean(world, days=400) == Report(processed=1, deleted=1, bytes=5)
    await world.sweep()
    assert (world.memory.held, (await asset_of(world, "a")).state) == ({}, State.DELETED)


async def of_two_ages(world: World) -> None:
    """An asset to be archived, and a young one that shares bytes with it."""
    await world.fill("old", b"one", b"shared")
    world.clock.seconds += 91 * DAY_S
    await world.fill("young", b"shared")


async def test_a_clean_up_writes_no_more_often_than_crashes_are_tried(world: World) -> None:
    await of_two_ages(world)
    world.fuse.left = WRITES

    assert (await clean(world)).archived == 1


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("step", range(WRITES))
async def test_a_crash_at_any_step_leaves_every_asset_readable_or_archived_whole(world: World, step: int, after: bool) -> None:
    await of_two_ages(world)
    world.fuse.left, world.fuse.after = step, after
    with suppress(Crash):
        await clean(world)
    world.fuse.left = None
    await _readable(world)
    world.clock.seconds += STALLED_MS / 1000 + 1
    await clean(world)

    await _readable(world)
    old = await asset_of(world, "old")
    assert old.tier is Tier.ARCHIVE
    assert await world.missing() == []


async def _readable(world: World) -> None:
    """Whatever an asset says is to be had at once is; nothing is half there."""
    for asset in await world.all():
        if asset.state is State.READY and asset.tier in {Tier.HOT, Tier.WARM}:
            for blob in asset.blobs:
                await world.shelf.read(blob)


ACTS = st.lists(
    st.tuples(
        st.sampled_from(["fill", "clean", "back", "drop", "sweep"]),
        st.sampled_from("abc"),
        st.integers(0, 120),
        st.none() | st.integers(0, 8),
    ),
    max_size=12,
)


@settings(max_examples=40, deadline=None)  # a history takes longer than an example usually may
@given(acts=ACTS)
async def test_whatever_happens_nothing_is_lost_and_nothing_is_deleted_early(acts: list[tuple[str, str, int, int | None]]) -> None:
    world = await World().open()
    for what, asset_id, days, crash_at in acts:
        before = {asset.asset_id: asset for asset in await world.all()}
        world.fuse.left = crash_at
        with suppress(Crash):
            await act(world, what, AssetId(asset_id), days)
        world.fuse.left = None
        for asset in await world.all() if what == "clean" else ():
            was = before[asset.asset_id]
            is_early = world.clock.now_ms() - was.last_used_ms <= 365 * DAY_MS
            assert not (is_early and was.state is not asset.state)
        await _readable(world)
    assert await world.missing() == []
    await world.documents.close()


async def act(world: World, what: str, asset_id: AssetId, days: int) -> None:
    held = await world.assets.get(OURS, asset_id)
    is_alive = held is not None and held.asset.state is State.READY
    if what == "clean":
        await clean(world, days=days)
    elif what == "sweep":
        await world.sweep()
    elif what == "drop":
        await world.drop(asset_id)
    elif what == "back" and is_alive:
        await cleaner(world).move(OURS, asset_id, Tier.HOT)
    elif what == "fill" and (held is None or is_alive):
        await world.fill(asset_id, b"same", asset_id.encode())
