"""All bytes are read again, and what isn't as it was written is named."""

from unit.storage.world import OURS, World

from quietzone_storage.contents.scrub import scrub
from quietzone_storage.contents.use_cases import File


async def test_sound_bytes_are_read_and_nothing_is_said_of_them(world: World) -> None:
    await world.fill("a1", b"one", b"three")

    scrubbed = await scrub(world.shelf, world.assets)

    assert (scrubbed.read, scrubbed.read_bytes, scrubbed.wrong, scrubbed.named) == (2, 8, 0, ())


async def test_bytes_that_have_changed_are_named(world: World) -> None:
    filled = await world.fill("a1", b"one")
    [blob] = filled.asset.blobs
    world.memory.held[blob] = b"0ne"

    scrubbed = await scrub(world.shelf, world.assets)

    assert (scrubbed.wrong, blob in scrubbed.told()) == (1, True)


async def test_bytes_that_are_gone_are_named(world: World) -> None:
    filled = await world.fill("a1", b"one")
    del world.memory.held[filled.asset.blobs[0]]

    assert "gone" in (await scrub(world.shelf, world.assets)).told()


async def test_bytes_that_arent_written_yet_are_not_missed(world: World) -> None:
    [content] = await world.shelf.keep(OURS, [File(b"soon", "image/png")])
    del world.memory.held[content.blob]

    assert (await scrub(world.shelf, world.assets)).wrong == 0
