"""Histories of storage: codes that come, change and go, uploads, moves, clean-ups and sweeps, several at once, and a process that dies at
any write. What was done before a crash may be done again, as the bus and the tasks do it.

A history keeps its own books: what each code looks like, which uploads were taken and what is in them, and who was deleted. After each
act nothing may be half there, lost, or deleted early; in the end everything is as the books say, and no byte is left over.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from ports import Inline
from unit.storage.drawings import symbol
from unit.storage.test_files import image
from unit.storage.world import OURS, Crash, World

from quietzone_kit.blobs import BlobArchived, Blobs
from quietzone_kit.documents import Documents, VersionConflict
from quietzone_kit.errors import FailedPrecondition, NotFound, Unavailable
from quietzone_storage.assets.domain import DAY_MS, AccountId, Asset, AssetId, State, Symbol, Tier, Variant
from quietzone_storage.codes.domain import Heard
from quietzone_storage.codes.tasks import DRAW
from quietzone_storage.codes.use_cases import Followed
from quietzone_storage.contents.domain import content_id, digest_of
from quietzone_storage.contents.mending import Mender
from quietzone_storage.contents.scrub import Scrubbed, scrub
from quietzone_storage.contents.sweep import sweep_blobs
from quietzone_storage.images.messages import Made
from quietzone_storage.images.process import ImageFailed, Images
from quietzone_storage.lifecycle.domain import Policy
from quietzone_storage.lifecycle.moves import STALLED_MS as MOVE_STALLED_MS
from quietzone_storage.lifecycle.returns import Returns
from quietzone_storage.lifecycle.tasks import MOVE
from quietzone_storage.lifecycle.use_cases import Cleaner, CleanUp
from quietzone_storage.serving.links import UrlKeys
from quietzone_storage.uploads.files import PNG
from quietzone_storage.uploads.use_cases import STALLED_MS, NewUpload, Pipeline, Uploads, look_after
from simulation.chance import Chance, SeededRandomness

if TYPE_CHECKING:
    from quietzone_storage.scanning import Scanner

ACTS = 40
"""Of a history: enough for an upload to be made, archived, brought back and deleted."""

KEYS = UrlKeys(["u" * 32])
LOOKS = tuple(symbol(f"https://q.example/{name}") for name in ("menu", "summer", "winter"))
FILES = tuple(image(size=(20 + number, 20)) for number in range(6))
SOUND, BROKEN, INFECTED = FILES[:4], FILES[4], FILES[5]
EXPECTED = (FailedPrecondition, NotFound, Unavailable, VersionConflict)
"""What somebody is told who comes too late, or while others are at it."""


class Wrong(AssertionError):
    """A history went otherwise than it may."""


@dataclass
class Code:
    """A code as qr has it, and the events that it tells of it."""

    code_id: AssetId
    look: Symbol
    told: list[Heard] = field(default_factory=list)
    delivered: int = 0

    @property
    def is_deleted(self) -> bool:
        return bool(self.told) and self.told[-1].is_deleted

    def tell(self, *, looks_different: bool = False, is_deleted: bool = False) -> None:
        revision = len(self.told) + 1
        self.told.append(Heard(self.code_id, OURS, revision, looks_different=looks_different, is_deleted=is_deleted))


@dataclass
class Sent:
    """An upload, what was sent, and what its owner has asked for since."""

    asset_id: AssetId
    data: bytes
    is_taken: bool = False
    is_deleted: bool = False
    wanted_ms: int = 0  # when its owner asked it back last


class Outside:
    """What storage asks: qr, a decoder and a scanner, which go by what is in the books."""

    def __init__(self, codes: dict[AssetId, Code]) -> None:
        self._codes = codes

    async def symbol(self, account_id: AccountId, code_id: AssetId) -> Symbol:  # noqa: ARG002 - as the port has it
        code = self._codes[code_id]
        if code.is_deleted:
            raise NotFound("no code")
        return code.look

    async def look(self, data: bytes, media_type: str) -> tuple[int, int]:  # noqa: ARG002 - as the port has it
        if data == BROKEN:
            raise ImageFailed("it can't be decoded: broken")
        return 20, 20

    async def make(self, data: bytes, media_type: str) -> tuple[Made, ...]:  # noqa: ARG002 - as the port has it
        return (Made("_thumb", b"small" + data[-9:], "image/jpeg", 256, 256), Made("_web_webp", b"web", "image/webp", 20, 20))

    async def scan(self, data: bytes) -> str | None:
        return "Eicar-Test" if data == INFECTED else None


class History:
    """One history, which follows from its chance alone."""

    def __init__(self, chance: Chance, world: World, *, uploads: int = 4, codes: int = 3) -> None:
        self.chance, self.world = chance, world
        self.codes = {code.code_id: code for code in (Code(AssetId(f"c{number}"), LOOKS[0]) for number in range(codes))}
        self.sent: list[Sent] = []
        self._most = uploads
        self.crashes = 0
        outside = Outside(self.codes)
        self._outside = outside
        self._followed = Followed(world.keeper, outside, Inline(), world.clock)
        self._uploads = Uploads(world.keeper, world.tasks, Inline(), world.clock, world.randomness)
        self._mender = Mender(world.keeper, cast("Images", outside), Inline(), world.clock)
        self._pipeline = Pipeline(world.keeper, cast("Images", outside), cast("Scanner", outside), world.clock)
        self._of_store = chance.fork("store")
        moved_from = self._of_store.pick((0, 6))  # of 6: copies of 3 bytes stay where they are
        self._cleaner = Cleaner(world.keeper, world.clock, Policy(moved_from=moved_from))
        self._returns = Returns(world.tasks, world.clock)

    async def play(self) -> None:
        """Raises Wrong."""
        acts = (
            self.change_code,
            self.hear,
            self.upload,
            self.send,
            self.work,
            self.use,
            self.delete,
            self.move,
            self.clean,
            self.sweep,
            self.wait,
        )
        for _ in range(ACTS):
            await self._at_once([self.chance.pick(acts) for _ in range(self.chance.between(1, 3))])
            await self.check()
        await self.settle()

    async def _at_once(self, acts: list[Callable[[], Awaitable[None]]]) -> None:
        """Several acts side by side, in a process that may die at any write of theirs."""
        fuse = self.world.fuse
        fuse.left, fuse.after = (self.chance.between(0, 12), self.chance.happens(0.5)) if self.chance.happens(0.4) else (None, False)
        fuse.turns = (self.chance.between(0, 3) for _ in range(1_000))
        try:
            async with asyncio.TaskGroup() as group:
                for act in acts:
                    group.create_task(_of(act))
        except* Crash:
            self.crashes += 1
        fuse.left, fuse.turns = None, iter(())

    async def change_code(self) -> None:
        code = self.chance.pick(list(self.codes.values()))
        if not code.told:
            code.tell(looks_different=True)
        elif not code.is_deleted:
            what = self.chance.between(0, 5)
            if what == 0:
                code.tell(is_deleted=True)
            elif what < 3:
                code.look = self.chance.pick(LOOKS)
                code.tell(looks_different=True)
            else:
                code.tell()

    async def hear(self) -> None:
        """The next event of a code, or some of those before again, as a bus does it."""
        code = self.chance.pick(list(self.codes.values()))
        if code.delivered and self.chance.happens(0.2):
            code.delivered -= self.chance.between(1, code.delivered)
        if code.delivered < len(code.told):
            at = code.delivered
            await self._followed.follow(code.told[at])
            code.delivered = max(code.delivered, at + 1)

    async def upload(self) -> None:
        if len(self.sent) < self._most:
            data = self.chance.pick(FILES)
            begun = await self._uploads.begin(KEYS, OURS, NewUpload("logo.png", PNG, len(data)), base="http://files.test", max_bytes=10_000)
            self.sent.append(Sent(begun.asset.asset_id, data))

    async def send(self) -> None:
        if waiting := [one for one in self.sent if not one.is_taken]:
            one = self.chance.pick(waiting)
            await self._uploads.receive(one.asset_id, one.data, PNG)
            one.is_taken = True

    async def work(self) -> None:
        """What is due, as a worker does it."""
        for task in (await self.world.tasks.list(OURS)).tasks:
            asset_id = AssetId(str(task.payload["asset_id"]))
            if task.kind == DRAW:
                await self._followed.draw_again(OURS, asset_id)
            elif task.kind == MOVE:
                with suppress(NotFound, FailedPrecondition):  # it is gone, or kept from everybody by now
                    await self._cleaner.move(OURS, asset_id, Tier(str(task.payload["tier"])))
            else:
                await self._pipeline.process(asset_id)

    async def use(self) -> None:
        """A file is asked for, after long or not."""
        if live := [asset for asset in await self.world.all() if asset.state is State.READY]:
            await self._returns.begin(self.chance.pick(live))

    async def delete(self) -> None:
        if self.sent and self.chance.happens(0.4):
            one = self.chance.pick(self.sent)
            one.is_deleted = True  # it may be gone from here on
            await self.world.drop(one.asset_id)

    async def move(self) -> None:
        if self.sent:
            one, tier = self.chance.pick(self.sent), self.chance.pick(tuple(Tier))
            held = await self.world.assets.get(OURS, one.asset_id)
            await self._cleaner.move(OURS, one.asset_id, tier)
            if tier is Tier.HOT and held is not None and held.asset.tier is not Tier.HOT:
                one.wanted_ms = self.world.clock.now_ms()

    async def clean(self) -> None:
        prefix = self.chance.pick(("", "", "uploads/", "codes/"))
        await self._cleaner.clean_up(CleanUp(self.chance.pick((None, OURS)), prefix, dry_run=self.chance.happens(0.2)))

    async def sweep(self) -> None:
        await self.world.sweep(later_ms=0)

    async def wait(self) -> None:
        """Time passes, between acts only: what others hold for an hour outlives no act."""
        self.world.clock.seconds += self.chance.pick((60, 7_200, 40 * 86_400, 100 * 86_400))
        self.world.memory.slow = self._of_store.pick((0, 0, 5))  # looks until the store has brought back what is archived

    async def check(self) -> None:
        """Nothing is half there, lost or deleted early; raises Wrong."""
        assets = {asset.asset_id: asset for asset in await self.world.all()}
        for asset in assets.values():
            if asset.state is State.READY and asset.tier in {Tier.HOT, Tier.WARM}:
                await self._read(asset)
        for one in self.sent:
            asset = assets.get(one.asset_id)
            is_gone = asset is None or (asset.state is State.DELETED and not self._is_old(asset, one.wanted_ms))
            if one.is_taken and not one.is_deleted and is_gone:
                raise Wrong(f"upload {one.asset_id} was taken, and is gone")
        for code in self.codes.values():
            asset = assets.get(code.code_id)
            if asset is not None and asset.state is State.DELETED and not code.is_deleted:
                raise Wrong(f"the image of code {code.code_id}, which is live, was deleted")

    async def _read(self, asset: Asset) -> None:
        for variant in asset.variants:
            try:
                size = len(await self.world.shelf.read(variant.blob))
            except BlobArchived:
                if await self._is_on_its_way(variant):
                    continue  # whoever moved it away died before he saw that it was needed; it is brought back within the hour
                raise
            if size != variant.size:
                raise Wrong(f"{asset.asset_id}{variant.name} is half there")

    async def _is_on_its_way(self, variant: Variant) -> bool:
        found = await self.world.shelf.contents.get_many(OURS, [content_id(OURS, digest_of(variant.blob))])
        return all(held.content.moving_since_ms is not None for held in found.values())

    def _is_old(self, asset: Asset, wanted_ms: int) -> bool:
        return self.world.clock.now_ms() - max(asset.last_used_ms, wanted_ms) > Policy().delete * DAY_MS

    async def settle(self) -> None:
        """Everything is told and done without a fault, and all books agree; raises Wrong."""
        world = self.world
        world.memory.slow = 0
        for code in self.codes.values():
            for told in code.told:
                await self._followed.follow(told)
        for one in self.sent:
            one.is_deleted |= not one.is_taken
            if one.is_deleted:  # a deletion that was cut off is asked for again
                await world.drop(one.asset_id)
        world.clock.seconds += (2 * max(STALLED_MS, MOVE_STALLED_MS)) / 1000
        await look_after(world.keeper, self._uploads, self._pipeline, world.clock)
        await self.work()
        await self._cleaner.clean_up(CleanUp(None))  # finishes moves, too
        await world.ledger.count_all()
        await world.sweep()
        await sweep_blobs(world.shelf, world.assets, before_ms=2**62)  # as the role `sweep` does it; nobody writes now
        await self.check()
        assets = {asset.asset_id: asset for asset in await world.all()}
        self._agree(assets)
        if left := await world.spare():
            raise Wrong(f"bytes that nobody needs are left: {sorted(left)}")
        if (found := await world.ledger.bytes_of(OURS)) != (really := await world.summed()):
            raise Wrong(f"{found} bytes are said to be used, {really} are")
        scrubbed, _ = await scrub(self._mender, world.clock, Scrubbed(), None, for_s=math.inf)
        if scrubbed.wrong:
            raise Wrong(scrubbed.told())

    def _agree(self, assets: dict[AssetId, Asset]) -> None:
        for code in self.codes.values():
            if code.told:
                asset = assets[code.code_id]
                wanted = State.DELETED if code.is_deleted else State.READY
                if asset.state is not wanted or (wanted is State.READY and asset.symbol != code.look):
                    raise Wrong(f"the image of code {code.code_id} is {asset.state}, or of another look")
        for one in self.sent:
            asset = assets[one.asset_id]
            wanted = State.DELETED if one.is_deleted else State.READY if one.data in SOUND else State.QUARANTINED
            if asset.state is not wanted and not (asset.state is State.DELETED and self._is_old(asset, one.wanted_ms)):
                raise Wrong(f"upload {one.asset_id} is {asset.state}, not {wanted}")


async def _of(act: Callable[[], Awaitable[None]]) -> None:
    try:
        await act()
    except EXPECTED:
        return


async def play(seed: int, documents: Documents | None = None, blobs: Blobs | None = None) -> int:
    """One history from start to end, in memory unless a store and blobs are given, and how many crashes it had; raises Wrong."""
    chance = Chance(f"storage/{seed}")
    world = await World(documents, blobs, SeededRandomness(chance.fork("ids"))).open()
    history = History(chance, world)
    await history.play()
    await world.documents.close()
    return history.crashes
