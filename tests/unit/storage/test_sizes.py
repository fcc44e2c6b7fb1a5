"""Uploads are made in other sizes when somebody asks: once, few at a time, and only as long as they are served at all."""

import asyncio
from dataclasses import dataclass, field

import pytest
from ports import Inline
from unit.storage.world import BORN_MS, OURS, World

from quietzone_kit.errors import FailedPrecondition, InvalidInput, NotFound, ResourceExhausted, Unavailable
from quietzone_storage.assets.domain import Asset, AssetId, Kind, Tier, Variant
from quietzone_storage.assets.use_cases import Drawing
from quietzone_storage.images.messages import Made
from quietzone_storage.images.process import ImageFailed
from quietzone_storage.lifecycle.returns import Returns
from quietzone_storage.serving import sizes
from quietzone_storage.serving.held import HeldFiles
from quietzone_storage.serving.links import UrlKeys
from quietzone_storage.serving.sizes import MAX_RESIZED_WAITING, RESIZED_AT_ONCE, Sizes
from quietzone_storage.serving.use_cases import BytesLost, Finder, Wanted, sign_url
from quietzone_storage.variants.domain import JPEG, PNG, WEBP, Form

LOGO = AssetId("019a0b2e-7c1e-7f3a-9d55-2f6d1c0b7a02")
SHARP = b"sharp"


@dataclass
class Resizer:
    """Says what it was asked for."""

    asked: list[tuple[bytes, str, Form]] = field(default_factory=list)
    may_go_on: asyncio.Event = field(default_factory=asyncio.Event)
    at_once: int = 0
    most_at_once: int = 0
    failure: Exception | None = None

    def __post_init__(self) -> None:
        self.may_go_on.set()

    async def resize(self, data: bytes, media_type: str, form: Form) -> Made:
        self.asked.append((data, media_type, form))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await self.may_go_on.wait()
        finally:
            self.at_once -= 1
        if self.failure is not None:
            raise self.failure
        return Made(form.variant, f"{form.side_px} px".encode(), form.media_type, form.side_px, form.side_px // 2)


class Desk:
    """Uploads and who finds their files; nothing is held in memory but what `Sizes` keeps."""

    def __init__(self, world: World) -> None:
        self.world, self.resizer = world, Resizer()
        made = Sizes(world.shelf, self.resizer, Inline())
        self.finder = Finder(
            world.assets,
            world.shelf,
            HeldFiles(world.clock, max_bytes=0),
            world.clock,
            sizes=made,
            returns=Returns(world.tasks, world.clock),
        )

    async def upload(self, *, copy: str = "_web_png", kind: Kind = Kind.UPLOAD) -> Asset:
        held = await self.world.insert(LOGO, kind=kind)

        def finish(asset: Asset, variants: tuple[Variant, ...]) -> Asset:
            return asset.ready(variants, BORN_MS)

        return (await self.world.keeper.furnish(held, [Drawing(copy, SHARP, PNG, 2048, 1024)], finish)).asset

    async def sign(self, **wanted: object) -> str:
        asked = Wanted(**({"asset_id": LOGO, "media_type": WEBP} | wanted))  # type: ignore[arg-type] # its own
        url = await sign_url(self.world.assets, UrlKeys(["k" * 32]), self.world.clock, base="", account_id=OURS, wanted=asked)
        return url.url

    async def bytes_of(self, name: str) -> bytes:
        return (await self.finder.find(name)).data


@pytest.fixture
async def desk(world: World) -> Desk:
    made = Desk(world)
    await made.upload()
    return made


async def test_a_size_is_made_from_the_copy_without_loss(desk: Desk) -> None:
    url = await desk.sign(size_px=300, media_type=JPEG)
    served = await desk.finder.find(f"{LOGO}_300px.jpeg")

    assert url.startswith(f"/files/{LOGO}_300px.jpeg?")
    assert (served.data, served.media_type) == (b"300 px", JPEG)
    assert desk.resizer.asked == [(SHARP, PNG, Form("", 300, JPEG, 80))]


async def test_a_size_that_is_asked_for_again_is_not_made_again(desk: Desk) -> None:
    for _ in range(3):
        await desk.bytes_of(f"{LOGO}_300px.webp")
    await desk.bytes_of(f"{LOGO}_301px.webp")

    assert [form.side_px for _, _, form in desk.resizer.asked] == [300, 301]


async def test_who_asks_for_a_size_at_the_same_time_waits_for_the_one_that_is_made(desk: Desk) -> None:
    assert await asyncio.gather(*[desk.bytes_of(f"{LOGO}_300px.webp") for _ in range(20)]) == [b"300 px"] * 20
    assert len(desk.resizer.asked) == 1


async def test_sizes_are_made_one_after_the_other_and_too_many_are_refused(desk: Desk) -> None:
    desk.resizer.may_go_on.clear()
    names = [f"{LOGO}_{300 + number}px.webp" for number in range(MAX_RESIZED_WAITING + 1)]
    async with asyncio.TaskGroup() as group:
        waiting = [group.create_task(desk.bytes_of(name)) for name in names[:-1]]
        async with asyncio.timeout(10):
            while not desk.resizer.asked:
                await asyncio.sleep(0)
        for _ in range(100):  # the others come to wait
            await asyncio.sleep(0)
        with pytest.raises(ResourceExhausted, match="try again"):
            await desk.bytes_of(names[-1])
        desk.resizer.may_go_on.set()

    assert (len({task.result() for task in waiting}), desk.resizer.most_at_once) == (MAX_RESIZED_WAITING, RESIZED_AT_ONCE)
    assert await desk.bytes_of(names[-1])


async def test_what_is_kept_has_a_bound(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sizes, "KEPT_BYTES", len(b"300 px") * 2)
    for px in (300, 301, 302, 302, 300):
        await desk.bytes_of(f"{LOGO}_{px}px.webp")

    assert [form.side_px for _, _, form in desk.resizer.asked] == [300, 301, 302, 300]


async def test_a_deleted_upload_is_served_in_no_size_any_more(desk: Desk) -> None:
    await desk.bytes_of(f"{LOGO}_300px.webp")
    await desk.world.drop(LOGO)

    with pytest.raises(NotFound):
        await desk.bytes_of(f"{LOGO}_300px.webp")


async def test_an_archived_upload_is_made_in_no_size(desk: Desk) -> None:
    held = await desk.world.assets.get(OURS, LOGO)
    assert held is not None
    await desk.world.keeper.change(held, held.asset.tiered(Tier.ARCHIVE, BORN_MS))

    with pytest.raises(FailedPrecondition, match="its owner can have it brought back"):
        await desk.bytes_of(f"{LOGO}_300px.webp")
    assert desk.resizer.asked == []


async def test_what_cannot_be_made_says_so_and_is_tried_again(desk: Desk) -> None:
    desk.resizer.failure = ImageFailed("its decoder was ended")
    with pytest.raises(FailedPrecondition, match="its decoder was ended"):
        await desk.bytes_of(f"{LOGO}_300px.webp")
    desk.resizer.failure = Unavailable("busy")
    with pytest.raises(Unavailable):
        await desk.bytes_of(f"{LOGO}_300px.webp")
    desk.resizer.failure = None

    assert await desk.bytes_of(f"{LOGO}_300px.webp") == b"300 px"


async def test_a_copy_whose_bytes_are_lost_is_said(desk: Desk) -> None:
    [blob] = desk.world.memory.held
    del desk.world.memory.held[blob]

    with pytest.raises(BytesLost):
        await desk.bytes_of(f"{LOGO}_300px.webp")


async def test_who_gives_up_leaves_no_place_taken(desk: Desk) -> None:
    desk.resizer.may_go_on.clear()
    async with asyncio.TaskGroup() as group:
        for number in range(2 * MAX_RESIZED_WAITING):
            asked = group.create_task(desk.bytes_of(f"{LOGO}_{300 + number}px.webp"))
            for _ in range(number):  # some wait for their turn, some are at it
                await asyncio.sleep(0)
            asked.cancel()
            await asyncio.wait([asked])
    desk.resizer.may_go_on.set()

    assert await desk.bytes_of(f"{LOGO}_300px.webp") == b"300 px"


@pytest.mark.parametrize(("copy", "kind"), [("_original", Kind.UPLOAD), ("", Kind.PRINT)])
async def test_what_is_no_image_has_no_other_size(world: World, copy: str, kind: Kind) -> None:
    desk = Desk(world)
    await desk.upload(copy=copy, kind=kind)

    with pytest.raises(InvalidInput, match="only images"):
        await desk.sign(size_px=300)
    with pytest.raises(NotFound):
        await desk.bytes_of(f"{LOGO}_300px.webp")


@pytest.mark.parametrize("size_px", [1, 15, 2_049])
async def test_a_size_out_of_bounds_is_neither_signed_nor_made(desk: Desk, size_px: int) -> None:
    with pytest.raises(InvalidInput, match="16 to 2048 pixels"):
        await desk.sign(size_px=size_px)
    with pytest.raises(NotFound):
        await desk.bytes_of(f"{LOGO}_{size_px}px.webp")
