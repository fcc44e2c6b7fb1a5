"""Keeping bytes, and letting go of them. `contents.domain` has the order that holds it together."""

import asyncio
import hashlib
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass

from quietzone_kit.blobs import About, BlobNotFound, Blobs
from quietzone_kit.blobs import Tier as BlobTier
from quietzone_kit.documents import VersionConflict
from quietzone_kit.errors import Unavailable
from quietzone_kit.runtime import Clock, Randomness
from quietzone_storage.assets.domain import BlobKey, Tier, tags_of
from quietzone_storage.contents.domain import TOKEN_BYTES, Content, Standing, content_id, digest, digest_of, new_blob
from quietzone_storage.contents.repository import Contents, Held, is_at_hand
from quietzone_storage.deadlines import blobs_answer

ATTEMPTS = 5
"""Two writers and the sweeper may meet at one content; a fifth time means that something else is going on."""

HASHED_AT_ONCE_BYTES = 256_000
"""Half a millisecond of SHA-256, then others have their turn."""


class BytesDamaged(Exception):
    """What is in a blob isn't what was written there."""


@dataclass(frozen=True, slots=True)
class File:
    """Bytes that are to be kept."""

    data: bytes
    media_type: str


class Shelf:
    """Bytes of all accounts, with what is written of them."""

    def __init__(self, contents: Contents, blobs: Blobs, clock: Clock, randomness: Randomness) -> None:
        self.contents = contents
        self.blobs = blobs
        self._clock = clock
        self._randomness = randomness

    async def keep(self, account_id: str, files: Sequence[File]) -> list[Content]:
        """Have these bytes in blobs, each once; in order. They are the caller's to count on when his asset's document names them and
        `holds` says so after that.

        Raises:
            Unavailable: store or blobs don't answer, or somebody else changes these contents all the time.
        """
        wanted = {digest(file.data): file for file in files}
        for _ in range(ATTEMPTS):
            found = await self._live(account_id, wanted)
            if found is not None:
                if not await self._write(found.values(), wanted):
                    await self.forget(account_id, list(found.values()))
                    continue
                return [found[digest(file.data)] for file in files]
        raise Unavailable("these bytes come and go: try again")

    async def holds(self, account_id: str, contents: Sequence[Content]) -> bool:
        """Whether all of them can be counted on, and read at once, by whoever has named them before."""
        found = await self.contents.get_many(account_id, list({content.content_id for content in contents}))
        return all(is_at_hand(found.get(content.content_id), content) for content in contents)

    async def forget(self, account_id: str, contents: Sequence[Content]) -> None:
        """Remove blobs that were written too late: their contents are GONE, or have others by now, and nobody will ever count on them."""
        found = await self.contents.get_many(account_id, list({content.content_id for content in contents}))
        for content in contents:
            now = found.get(content.content_id)
            if now is None or now.content.blob != content.blob or now.content.standing is Standing.GONE:
                async with blobs_answer():
                    await self.blobs.delete(content.blob)

    async def doubt(self, account_id: str, blobs: Sequence[BlobKey]) -> None:
        """Have the sweeper look at bytes, before an asset names them no more: what is cut off in between costs a look."""
        ids = list({content_id(account_id, digest_of(blob)) for blob in blobs})
        for _ in range(ATTEMPTS):
            found = await self.contents.get_many(account_id, ids)
            # Also those that are doubted already: a sweeper that is about to find them needed must lose against this write.
            now_ms = self._clock.now_ms()
            changes = [(held, held.content.doubted(now_ms)) for held in found.values() if held.content.blob in blobs]
            if not changes or await self.contents.replace_many(changes):
                return
        raise Unavailable("these bytes come and go: try again")

    async def read(self, blob: BlobKey) -> bytes:
        """The bytes of a blob, as they were written.

        Raises:
            Unavailable: the blobs don't answer.
            BlobNotFound: they are gone.
            BytesDamaged: they are others.
        """
        async with blobs_answer():
            data = await self.blobs.get(blob)
        if await _digest(data) != digest_of(blob):
            raise BytesDamaged(f"{blob}: {len(data):,} bytes that aren't those that were written; restore it from a copy")
        return data

    async def mend(self, account_id: str, blob: BlobKey, file: File) -> None:
        """Write the bytes of a blob again, in its own place.

        Raises:
            ValueError: these are others.
            Unavailable: store or blobs don't answer.
        """
        if digest(file.data) != digest_of(blob):
            raise ValueError(f"{blob} had other bytes")
        async with blobs_answer():
            await self.blobs.put(blob, file.data, self._about(file.media_type))
        key = content_id(account_id, digest_of(blob))
        held = (await self.contents.get_many(account_id, [key])).get(key)
        if held is None or held.content.blob != blob or held.content.standing is Standing.GONE:
            async with blobs_answer():
                await self.blobs.delete(blob)  # somebody has let go of it meanwhile
        elif held.content.tier is not Tier.HOT and held.content.moving_since_ms is None:
            await self.move(blob, held.content.tier)

    async def move(self, blob: BlobKey, tier: Tier) -> bool:
        """Have a blob at a tier; False while it is brought back. Raises Unavailable, BlobNotFound."""
        async with blobs_answer():
            return await self.blobs.move(blob, BlobTier(tier.value), tags_of(tier))

    async def _live(self, account_id: str, wanted: dict[str, File]) -> dict[str, Content] | None:
        """A live content for each digest; None when somebody else was at one of them meanwhile."""
        ids = {sha256: content_id(account_id, sha256) for sha256 in wanted}
        found = await self.contents.get_many(account_id, list(ids.values()))
        absent = [self._new(account_id, sha256, wanted[sha256]) for sha256, key in ids.items() if key not in found]
        for held in found.values():
            if held.content.standing is not Standing.LIVE and not await self._revive(held, wanted[held.content.digest]):
                return None
        if absent:
            await self.contents.insert_many(absent)  # whoever was first with one of them has chosen its blob
        if absent or any(held.content.standing is not Standing.LIVE for held in found.values()):
            found = await self.contents.get_many(account_id, list(ids.values()))
        live = {held.content.digest: held.content for held in found.values() if held.content.standing is Standing.LIVE}
        return live if len(live) == len(wanted) else None

    async def _revive(self, held: Held, file: File) -> bool:
        """Have a content LIVE again; False when somebody else was at it.

        One that is CONDEMNED keeps its blob, which an asset may have named meanwhile: this write keeps the sweeper from going on. One that
        is GONE gets another blob, since the old one may be removed at any moment; it is removed here first, as nobody would know of it.
        """
        after = held.content.doubted(self._clock.now_ms()).revived()
        if held.content.standing is Standing.GONE:
            async with blobs_answer():
                await self.blobs.delete(held.content.blob)
            after = self._new(held.content.account_id, held.content.digest, file)
        try:
            await self.contents.replace(held, after)
        except VersionConflict:
            return False
        return True

    def _new(self, account_id: str, sha256: str, file: File) -> Content:
        return Content(
            content_id=content_id(account_id, sha256),
            account_id=account_id,
            digest=sha256,
            blob=new_blob(sha256, self._randomness.token(TOKEN_BYTES)),
            size=len(file.data),
            media_type=file.media_type,
            standing=Standing.LIVE,
            check_at_ms=self._clock.now_ms(),
        )

    async def _write(self, contents: Collection[Content], wanted: dict[str, File]) -> bool:
        """Have the bytes of contents in their blobs; False when somebody else was at one of them meanwhile."""
        try:
            for content in contents:
                await self._put_if_absent(content, wanted[content.digest].data)
        except BlobNotFound:  # removed as soon as it was there: its content was GONE by then
            return False
        return await self._heat([content for content in contents if not content.is_at_rest])

    async def _heat(self, written: Sequence[Content]) -> bool:
        """Say that bytes that were elsewhere, or on their way, are HOT, since they were just written again; False when somebody else was at
        one of them.
        """
        if not written:
            return True
        found = await self.contents.get_many(written[0].account_id, [content.content_id for content in written])
        changes = [(held, held.content.heated()) for held in found.values() if held.content in written]
        return len(changes) == len(written) and await self.contents.replace_many(changes)

    async def _put_if_absent(self, content: Content, data: bytes) -> None:
        async with blobs_answer():
            if content.is_at_rest:
                with suppress(BlobNotFound):
                    await self.blobs.head(content.blob)
                    return
            await self.blobs.put(
                content.blob, data, self._about(content.media_type)
            )  # bytes that are archived are had sooner by writing them than by restoring

    def _about(self, media_type: str) -> About:
        return About(media_type, {"uploadedat": str(self._clock.now_ms())}, tags_of(Tier.HOT))


async def _digest(data: bytes) -> str:
    """As `digest`, and others have their turn meanwhile."""
    if len(data) <= HASHED_AT_ONCE_BYTES:
        return digest(data)
    hashing = hashlib.sha256()
    for start in range(0, len(data), HASHED_AT_ONCE_BYTES):
        hashing.update(memoryview(data)[start : start + HASHED_AT_ONCE_BYTES])
        await asyncio.sleep(0)
    return hashing.hexdigest()
