"""All bytes are read again; what isn't as it was written is made again where that can be, and named where it can't."""

import math
import sys
from collections.abc import Sequence
from dataclasses import replace

import pytest
from ports import Inline
from unit.storage.drawings import symbol
from unit.storage.world import GRACE_MS, OURS, World

from quietzone_kit.tasks import Again, NewTask, Task
from quietzone_storage.assets.domain import DAY_MS, ORIGINAL, Asset, AssetId, BlobKey, Kind, Source, Variant
from quietzone_storage.assets.repository import Held
from quietzone_storage.assets.use_cases import Drawing
from quietzone_storage.contents import mending, tasks
from quietzone_storage.contents.domain import Content
from quietzone_storage.contents.mending import Mender
from quietzone_storage.contents.scrub import Scrubbed, scrub
from quietzone_storage.contents.tasks import PAUSE_MS, SCRUB, Scrubs
from quietzone_storage.contents.use_cases import File
from quietzone_storage.images.messages import Made
from quietzone_storage.variants.domain import JPEG, PNG, THUMB, Form
from quietzone_storage.variants.symbol import draw, draw_code

THIS = sys.modules[__name__]
SYMBOL = symbol()
SENT = File(b"as it came", PNG)
THUMB_FILE = Made("_thumb", b"small", JPEG, 1, 1)


class Resampler:
    """Makes the same small file of everything."""

    async def make(self, _data: bytes, _media_type: str) -> tuple[Made, ...]:
        return (Made("_medium", b"other", PNG, 1, 1), THUMB_FILE)


def mender(world: World) -> Mender:
    return Mender(world.keeper, Resampler(), Inline(), world.clock)  # type: ignore[arg-type] # as much of one as is asked


async def scrubbed(world: World) -> Scrubbed:
    found, cursor = await scrub(mender(world), world.clock, Scrubbed(), None, for_s=math.inf)
    assert cursor is None
    return found


async def code(world: World, asset_id: str = "c1") -> Held:
    """A code with all its files."""

    def finish(asset: Asset, variants: tuple[Variant, ...]) -> Asset:
        return asset.ready(variants, world.clock.now_ms(), symbol=SYMBOL)

    return await world.keeper.furnish(await world.insert(asset_id, kind=Kind.CODE), draw_code(SYMBOL), finish)


async def upload(world: World) -> Held:
    """An upload that was kept, and has a small file."""

    def take(asset: Asset, contents: Sequence[Content]) -> Asset:
        return asset.sourced(Source(contents[0].blob, contents[0].size, PNG), world.clock.now_ms())

    def finish(asset: Asset, variants: tuple[Variant, ...]) -> Asset:
        assert asset.source is not None
        return asset.ready((Variant(ORIGINAL, asset.source.blob, asset.source.size, PNG, 1, 1), *variants), world.clock.now_ms())

    held = await world.keeper.keep(await world.insert("u1"), [SENT], take)
    return await world.keeper.furnish(held, [Drawing(THUMB_FILE.variant, THUMB_FILE.data, JPEG, 1, 1)], finish)


def blob_of(held: Held, variant: str) -> BlobKey:
    return next(one.blob for one in held.asset.variants if one.name == variant)


async def test_sound_bytes_are_read_and_nothing_is_said_of_them(world: World) -> None:
    await world.fill("a1", b"one", b"three")

    assert await scrubbed(world) == Scrubbed(read=2, read_bytes=8)


async def test_bytes_that_have_changed_and_cant_be_made_again_are_named(world: World) -> None:
    filled = await world.fill("a1", b"one")
    [blob] = filled.asset.blobs
    world.memory.held[blob] = b"0ne"

    found = await scrubbed(world)

    assert (found.wrong, found.lost, blob in found.told()) == (1, 1, True)


async def test_bytes_that_are_gone_are_named(world: World) -> None:
    filled = await world.fill("a1", b"one")
    del world.memory.held[filled.asset.blobs[0]]

    assert "gone" in (await scrubbed(world)).told()


async def test_bytes_that_arent_written_yet_are_not_missed(world: World) -> None:
    [content] = await world.shelf.keep(OURS, [File(b"soon", "image/png")])
    del world.memory.held[content.blob]

    assert (await scrubbed(world)).wrong == 0


@pytest.mark.parametrize("left", [None, b"damaged"])
async def test_a_codes_file_is_drawn_again_in_its_place(world: World, left: bytes | None) -> None:
    blob = blob_of(await code(world), "_medium")
    sound = world.memory.held.pop(blob)
    if left is not None:
        world.memory.held[blob] = left

    found = await scrubbed(world)

    assert (found.wrong, found.mended, found.named, world.memory.held[blob] == sound) == (1, 1, (), True)


async def test_an_uploads_copy_is_made_again_from_its_original(world: World) -> None:
    blob = blob_of(await upload(world), "_thumb")
    world.memory.held[blob] = b"smell"

    assert ((await scrubbed(world)).mended, world.memory.held[blob]) == (1, b"small")


@pytest.mark.parametrize("most", [10, 10_000])
async def test_a_copy_that_another_release_makes_otherwise_needs_no_room_and_takes_only_its_own(
    world: World, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    held = await upload(world)
    held = await world.keeper.change(held, replace(held.asset, most_stored=most))
    world.memory.held[blob_of(held, "_thumb")] = b"smell"
    monkeypatch.setattr(THIS, "THUMB_FILE", Made("_thumb", b"small, otherwise", JPEG, 1, 1))

    found = await scrubbed(world)
    after = await world.assets.get(OURS, AssetId("u1"))

    assert after is not None
    assert (found.mended, after.asset.reserved) == (1, 0)
    assert await world.ledger.bytes_of(OURS) == len(SENT.data) + len(b"small, otherwise")


async def test_an_original_cant_be_made_from_anything(world: World) -> None:
    blob = blob_of(await upload(world), ORIGINAL)
    world.memory.held[blob] = b"as it went"

    assert (await scrubbed(world)).lost == 1


async def test_a_copy_whose_original_is_damaged_too_is_lost(world: World) -> None:
    held = await upload(world)
    for blob in held.asset.blobs:
        world.memory.held[blob] = b"damaged"

    assert (await scrubbed(world)).lost == 2


async def test_a_file_that_another_release_draws_otherwise_takes_the_place_of_the_lost_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await code(world)
    del world.memory.held[blob_of(before, "_thumb")]

    def drawn_otherwise(_symbol: object, form: Form) -> Drawing:
        return Drawing(form.variant, draw(SYMBOL, form).data + b"\0", form.media_type, form.side_px, form.side_px)

    monkeypatch.setattr(mending, "draw", drawn_otherwise)
    found = await scrubbed(world)
    after = await world.assets.get(OURS, AssetId("c1"))

    assert after is not None
    assert (found.mended, world.memory.held[blob_of(after, "_thumb")]) == (1, drawn_otherwise(None, THUMB).data)


async def test_whoever_keeps_a_copy_of_the_lost_one_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    before = await code(world)
    del world.memory.held[blob_of(before, "_thumb")]
    monkeypatch.setattr(mending, "draw", lambda _symbol, form: Drawing(form.variant, b"another", form.media_type, 256, 256))

    await scrubbed(world)

    assert list((await world.told("c1"))[-1].gone) == ["c1_thumb.jpeg"]


async def run(world: World, result: dict[str, object] | None = None, *, every_days: int = 7) -> Again:
    task = await world.tasks.add(NewTask("", SCRUB, {}))
    handler = Scrubs(mender(world), world.clock, every_days=every_days, grace_ms=GRACE_MS)
    return await handler.run(Task(**{**_fields(task), "result": result}), lambda _: None)


def _fields(task: Task) -> dict[str, object]:
    return {name: getattr(task, name) for name in Task.__slots__}


async def test_a_scrub_goes_on_where_its_last_part_ended(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "PART_S", 0.0)
    monkeypatch.setattr("quietzone_storage.contents.scrub.PAGE", 2)
    await world.fill("a1", b"one", b"two", b"three")

    first = await run(world)
    last = await run(world, first.result)

    assert (first.after_ms, first.result["read"], last.after_ms, last.result["read"]) == (PAUSE_MS, 2, 7 * DAY_MS, 3)


async def test_a_scrub_begins_anew_after_its_end(world: World) -> None:
    await world.fill("a1", b"one")
    first = await run(world)

    assert (await run(world, first.result)).result["read"] == 1


async def test_bytes_that_no_document_knows_are_counted_and_left_alone(world: World) -> None:
    known = (await world.fill("a1", b"one")).asset.blobs[0]
    blob = f"contents/aa/{'a' * 64}.{'1' * 16}"
    world.memory.held[blob], world.memory.ages[blob], world.memory.abouts[blob] = b"unknown", 1, world.memory.abouts[known]

    found = await run(world)

    assert (found.result["unknown_bytes"], blob in world.memory.held) == (7, True)


async def test_nothing_is_read_where_nobody_wants_it(world: World) -> None:
    await world.fill("a1", b"one")

    assert await run(world, every_days=0) == Again(after_ms=DAY_MS)
