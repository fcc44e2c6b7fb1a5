"""Storage with its ports: a store and blobs in memory that break off in the middle of what is done, and a clock that is moved by hand."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar, cast

from ports import Hands, Inline
from unit.analytics.archive.places import MemoryBlobs

from quietzone.storage.v1.asset_pb2 import AssetEvent
from quietzone_kit.blobs import AT_ONCE, PLAIN, About, Blob, BlobNotFound, Blobs, Content, Page, Tier
from quietzone_kit.documents import Body, Collection, Documents, Outcome, Put, Query, Stored, open_documents
from quietzone_kit.documents import Page as DocumentPage
from quietzone_kit.outbox import waiting
from quietzone_kit.runtime import Randomness, SystemRandomness
from quietzone_kit.tasks import Tasks
from quietzone_storage.assets.domain import AccountId, Asset, AssetId, Kind, State, Variant
from quietzone_storage.assets.repository import ASSETS, Assets, Held
from quietzone_storage.assets.use_cases import Drawing, Keeper
from quietzone_storage.collections import COLLECTIONS
from quietzone_storage.contents.repository import Contents
from quietzone_storage.contents.sweep import Swept, sweep
from quietzone_storage.contents.use_cases import Shelf
from quietzone_storage.usage.repository import Usages
from quietzone_storage.usage.use_cases import Ledger

T = TypeVar("T")

OURS = AccountId("ours")
BORN_MS = 1_772_445_600_000
GRACE_MS = 3_600_000


class Crash(Exception):
    """The process has died."""


class Fuse:
    """Counts writes, and ends the process at one of them: before it is done, or after."""

    def __init__(self) -> None:
        self.left: int | None = None
        self.after = False
        self.turns: Iterator[int] = iter(())

    async def write(self, call: Callable[[], Awaitable[T]]) -> T:
        await self.let_others()
        if self.left is None:
            return await call()
        if self.left == 0 and not self.after:
            raise Crash
        if self.left == 0:
            await call()
            raise Crash
        self.left -= 1
        return await call()

    async def let_others(self) -> None:
        for _ in range(next(self.turns, 0)):
            await asyncio.sleep(0)


class BrittleDocuments:
    """A store behind a fuse; the embedded one in memory unless another is given."""

    def __init__(self, fuse: Fuse, documents: Documents | None = None) -> None:
        self._documents = documents or open_documents("sqlite://:memory:", executor=Inline(), randomness=SystemRandomness())
        self._fuse = fuse

    def __getattr__(self, name: str) -> Any:
        return getattr(self._documents, name)

    async def get(self, collection: Collection, key: str) -> Stored | None:
        await self._fuse.let_others()
        return await self._documents.get(collection, key)

    async def get_many(self, collection: Collection, keys: Sequence[str]) -> dict[str, Stored]:
        await self._fuse.let_others()
        return await self._documents.get_many(collection, keys)

    async def query(self, collection: Collection, query: Query) -> DocumentPage:
        await self._fuse.let_others()
        return await self._documents.query(collection, query)

    async def insert(self, collection: Collection, body: Body) -> Stored:
        return await self._fuse.write(lambda: self._documents.insert(collection, body))

    async def replace(self, collection: Collection, body: Body, *, if_version: int) -> Stored:
        return await self._fuse.write(lambda: self._documents.replace(collection, body, if_version=if_version))

    async def delete(self, collection: Collection, key: str, *, if_version: int) -> None:
        await self._fuse.write(lambda: self._documents.delete(collection, key, if_version=if_version))

    async def bulk(self, collection: Collection, puts: Sequence[Put]) -> list[Outcome]:
        """Row by row: a process may die in the middle of one."""
        outcomes: list[Outcome] = []
        for put in puts:
            outcomes += await self._fuse.write(lambda put=put: self._documents.bulk(collection, [put]))  # type: ignore[misc]
        return outcomes


class BrittleBlobs(MemoryBlobs):
    """Blobs in memory, behind a fuse."""

    def __init__(self, fuse: Fuse) -> None:
        super().__init__()
        self._fuse = fuse
        self.slow = 0
        self.reads = 0

    async def get(self, key: str, *, start: int = 0, end: int | None = None) -> bytes:
        self.reads += 1
        return await super().get(key, start=start, end=end)

    async def put(self, key: str, content: Content, about: About = PLAIN) -> Blob:
        put = super().put
        return await self._fuse.write(lambda: put(key, content, about))

    async def delete(self, key: str) -> None:
        delete = super().delete
        await self._fuse.write(lambda: delete(key))

    async def move(self, key: str, tier: Tier, tags: Mapping[str, str]) -> bool:
        """A store that takes `slow` calls to bring something back."""
        if tier in AT_ONCE and self.tiers.get(key) not in {*AT_ONCE, None} and self.slow > 0:
            self.slow -= 1
            return False
        move = super().move
        return await self._fuse.write(lambda: move(key, tier, tags))

    async def head(self, key: str) -> Blob:
        await self._fuse.let_others()
        if key not in self.held:
            raise BlobNotFound(key)
        return await super().head(key)

    async def list(self, prefix: str = "", *, limit: int = 1_000, after: str | None = None) -> Page:
        return await super().list(prefix, limit=limit, after=after)


class FusedBlobs:
    """Blobs behind a fuse."""

    def __init__(self, fuse: Fuse, blobs: Blobs) -> None:
        self._fuse = fuse
        self._blobs = blobs

    def __getattr__(self, name: str) -> Any:
        return getattr(self._blobs, name)

    async def put(self, key: str, content: Content, about: About = PLAIN) -> Blob:
        return await self._fuse.write(lambda: self._blobs.put(key, content, about))

    async def delete(self, key: str) -> None:
        await self._fuse.write(lambda: self._blobs.delete(key))

    async def move(self, key: str, tier: Tier, tags: Mapping[str, str]) -> bool:
        return await self._fuse.write(lambda: self._blobs.move(key, tier, tags))

    async def head(self, key: str) -> Blob:
        await self._fuse.let_others()
        return await self._blobs.head(key)


class World:
    """One installation, in memory unless a store and blobs are given."""

    def __init__(self, documents: Documents | None = None, blobs: Blobs | None = None, randomness: Randomness | None = None) -> None:
        self.fuse = Fuse()
        self.clock = Hands(since_ms=BORN_MS)
        self.documents = cast("Documents", BrittleDocuments(self.fuse, documents))
        self.memory = BrittleBlobs(self.fuse)
        self.blobs = cast("Blobs", self.memory if blobs is None else FusedBlobs(self.fuse, blobs))
        self.randomness = randomness or SystemRandomness()
        self.assets = Assets(self.documents)
        self.shelf = Shelf(Contents(self.documents), self.blobs, self.clock, self.randomness)
        self.ledger = Ledger(Usages(self.documents), self.assets)
        self.keeper = Keeper(self.assets, self.shelf, self.ledger)
        self.tasks = Tasks(self.documents, self.clock, self.randomness)

    async def open(self) -> "World":
        await self.documents.ensure(*COLLECTIONS)
        return self

    async def insert(self, asset_id: str = "a1", *, account_id: AccountId = OURS, kind: Kind = Kind.UPLOAD) -> Held:
        now_ms = self.clock.now_ms()
        return await self.assets.insert(Asset(AssetId(asset_id), account_id, kind, State.PENDING, "logo.png", now_ms, now_ms))

    async def fill(self, asset_id: str, *datas: bytes, account_id: AccountId = OURS) -> Held:
        """Give an asset these files, as a process would that may have died on the way before."""
        held = await self.assets.get(account_id, AssetId(asset_id)) or await self.insert(asset_id, account_id=account_id)
        files = [Drawing(f"_{number}", data, "image/png", 1, 1) for number, data in enumerate(datas)]

        def finish(asset: Asset, variants: tuple[Variant, ...]) -> Asset:
            return asset.ready(variants, self.clock.now_ms())

        return await self.keeper.furnish(held, files, finish)

    async def drop(self, asset_id: str, *, account_id: AccountId = OURS) -> None:
        held = await self.assets.get(account_id, AssetId(asset_id))
        if held is not None and held.asset.state is not State.DELETED:
            await self.keeper.change(held, held.asset.deleted(self.clock.now_ms()))

    async def sweep(self, *, later_ms: int = 2 * GRACE_MS, dry_run: bool = False) -> Swept:
        self.clock.seconds += later_ms / 1000
        return await sweep(self.shelf, self.assets, self.clock, grace_ms=GRACE_MS, dry_run=dry_run)

    async def all(self) -> list[Asset]:
        page = await self.documents.scan(ASSETS, limit=1_000)
        return [held.asset for stored in page.items if (held := await self.assets.of_any_account(AssetId(str(stored.body["asset_id"]))))]

    async def missing(self) -> list[str]:
        """Files of assets that are ready, and whose bytes aren't there."""
        return [
            variant.name
            for asset in await self.all()
            if asset.state is State.READY
            for variant in asset.variants
            if len(self.memory.held.get(variant.blob, b"")) != variant.size
        ]

    async def spare(self) -> set[str]:
        """Blobs that no asset has."""
        page = await self.documents.scan(ASSETS, limit=1_000)
        held = (await self.blobs.list("contents/", limit=1_000)).entries
        return {entry.key for entry in held} - {blob for stored in page.items for blob in cast("list[str]", stored.body["blobs"])}

    async def summed(self, account_id: AccountId = OURS) -> int:
        return sum(asset.bytes for asset in await self.all() if asset.account_id == account_id)

    async def told(self, asset_id: str) -> list[AssetEvent]:
        stored = await self.documents.get(ASSETS, asset_id)
        assert stored is not None
        return [AssetEvent.FromString(outgoing.event.data) for outgoing in waiting(stored.body)]
