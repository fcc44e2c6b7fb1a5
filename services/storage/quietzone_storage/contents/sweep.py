"""Removing bytes that nobody needs: what was written for an asset that never came, and what assets have let go of."""

from array import array
from bisect import bisect_left
from dataclasses import dataclass

from quietzone_kit.documents import VersionConflict
from quietzone_kit.runtime import Clock
from quietzone_storage.assets.domain import BlobKey
from quietzone_storage.assets.repository import Assets
from quietzone_storage.contents.domain import FOLDER, Standing, is_blob, token_of
from quietzone_storage.contents.repository import Held
from quietzone_storage.contents.use_cases import Shelf
from quietzone_storage.deadlines import blobs_answer

PAGE = 200
"""Contents that are looked at between two looks at the clock: a second's work."""


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep has seen and done."""

    looked_at: int = 0
    needed: int = 0
    removed: int = 0
    removed_bytes: int = 0

    def plus(self, *, needed: int = 0, removed: int = 0, removed_bytes: int = 0) -> "Swept":
        """After one more."""
        return Swept(self.looked_at + 1, self.needed + needed, self.removed + removed, self.removed_bytes + removed_bytes)


async def sweep(shelf: Shelf, assets: Assets, clock: Clock, *, grace_ms: int, dry_run: bool = False) -> Swept:
    """Remove contents that no asset has named for `grace_ms`, the time in which whoever writes them is done. Raises Unavailable."""
    swept, cursor = Swept(), None
    before_ms = clock.now_ms() - grace_ms
    while True:
        held, cursor = await shelf.contents.to_check(before_ms, limit=PAGE, after=cursor)
        for each in held:
            swept = await _look_at(shelf, assets, each, swept, dry_run=dry_run)
        if cursor is None:
            return swept


async def sweep_blobs(shelf: Shelf, assets: Assets, *, before_ms: int, dry_run: bool = False) -> Swept:
    """Remove blobs that neither content nor asset knows, which a store that was restored from a copy leaves; only those written before a
    moment, since whoever writes a blob has written its content first. Raises Unavailable.
    """
    swept, cursor = Swept(), None
    known = await _tokens(shelf)
    while True:
        async with blobs_answer():
            page = await shelf.blobs.list(f"{FOLDER}/", after=cursor)
        for entry in page.entries:
            if entry.modified_ms >= before_ms or not is_blob(entry.key):
                continue
            if _holds(known, token_of(entry.key)) or await assets.names(BlobKey(entry.key)):
                swept = swept.plus(needed=1)
                continue
            if not dry_run:
                async with blobs_answer():
                    await shelf.blobs.delete(entry.key)
            swept = swept.plus(removed=1, removed_bytes=entry.size)
        cursor = page.cursor
        if cursor is None:
            return swept


async def _tokens(shelf: Shelf) -> "array[int]":
    """The tokens of all contents' blobs in order, 8 bytes each: 8 MB for a million, 16 while it grows. A blob that has another's token by
    chance is kept.
    """
    tokens, cursor = array("Q"), None
    while True:
        held, cursor = await shelf.contents.page(limit=1_000, after=cursor)
        tokens.extend(token_of(each.content.blob) for each in held)
        if cursor is None:
            return array("Q", sorted(tokens))


def _holds(tokens: "array[int]", token: int) -> bool:
    at = bisect_left(tokens, token)
    return at < len(tokens) and tokens[at] == token


async def _look_at(shelf: Shelf, assets: Assets, held: Held, swept: Swept, *, dry_run: bool) -> Swept:
    try:
        return await (_would(assets, held, swept) if dry_run else _settle(shelf, assets, held, swept))
    except VersionConflict:
        return swept.plus(needed=1)  # somebody begins to need it just now; it is looked at again next time


async def _would(assets: Assets, held: Held, swept: Swept) -> Swept:
    if held.content.standing is not Standing.GONE and await assets.names(held.content.blob):
        return swept.plus(needed=1)
    return swept.plus(removed=1, removed_bytes=held.content.size)


async def _settle(shelf: Shelf, assets: Assets, held: Held, swept: Swept) -> Swept:
    """One content; raises VersionConflict when somebody else was at it."""
    contents = shelf.contents
    if held.content.standing is Standing.LIVE:
        if await assets.names(held.content.blob):
            await contents.replace(held, held.content.needed())
            return swept.plus(needed=1)
        held = await contents.replace(held, held.content.condemned())
    if held.content.standing is Standing.CONDEMNED:
        if await assets.names(held.content.blob):
            await contents.replace(held, held.content.needed())
            return swept.plus(needed=1)
        held = await contents.replace(held, held.content.gone())
    async with blobs_answer():
        await shelf.blobs.delete(held.content.blob)
    await contents.delete(held)
    return swept.plus(removed=1, removed_bytes=held.content.size)
