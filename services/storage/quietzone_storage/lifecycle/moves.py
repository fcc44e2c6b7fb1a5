"""Moving an asset's bytes between tiers, in an order that holds through crashes and beside others.

1. each content says where it will be, and that it is on its way; 2. nobody else needs the bytes at once, else the content says HOT again;
3. the asset says where it is; 4. each blob is moved, and its content says that it is there. Who is cut off before 3 leaves contents whose
asset is still needed at once, after 3 some that are to be moved: `finish` does what their assets say. Whoever begins to need the bytes
names them in his asset first and looks whether their content says HOT then: either he sees that they are on their way, and writes them
anew, or step 2 sees him. Who writes them anew says HOT and leaves the mark of the way, since somebody may still be moving them; whoever
that is sees it at the end and moves them back, and `finish` does it if he can't.
"""

from collections.abc import Sequence
from contextlib import suppress

from quietzone_kit.blobs import BlobNotFound
from quietzone_kit.documents import VersionConflict
from quietzone_kit.runtime import Clock
from quietzone_storage.assets.domain import AssetId, BlobKey, Tier
from quietzone_storage.assets.repository import Assets
from quietzone_storage.assets.repository import Held as HeldAsset
from quietzone_storage.assets.use_cases import Keeper
from quietzone_storage.contents.domain import Content, Standing, content_id, digest_of
from quietzone_storage.contents.repository import Held
from quietzone_storage.contents.use_cases import Shelf

STALLED_MS = 3_600_000
"""After which a move is taken for cut off: an asset's ten blobs take seconds."""
PAGE = 200


async def cool(keeper: Keeper, clock: Clock, held: HeldAsset, tier: Tier, blobs: Sequence[BlobKey]) -> HeldAsset:
    """Bring an asset to a cheaper tier, and with it these of its movable bytes.

    Raises:
        VersionConflict: somebody else has changed the asset, or needs its bytes; nothing was moved.
        Unavailable: store or blobs don't answer; `finish` does the rest.
    """
    shelf, asset = keeper.shelf, held.asset
    contents = await _contents(shelf, held, blobs)
    leaving = [left for each in contents if (left := await _leave(keeper, each, tier, clock.now_ms(), but=asset.asset_id)) is not None]
    changed = await keeper.change(held, asset.tiered(tier, clock.now_ms()))
    for each in leaving:
        with suppress(BlobNotFound):  # the scrubber finds it, and says so; the others go on
            await _settle(shelf, each, tier, clock.now_ms())
    return changed


async def bring_back(keeper: Keeper, clock: Clock, held: HeldAsset) -> HeldAsset | None:
    """Have an asset's bytes HOT again, which is a use of it; None while the store still brings some of them back: call again later.

    Raises:
        VersionConflict: somebody else was at it: read it again.
        Unavailable: store or blobs don't answer.
    """
    shelf, is_there = keeper.shelf, True
    held = await keeper.change(held, held.asset.used(clock.now_ms()), naming=held.asset.movable)
    contents = await _contents(shelf, held, held.asset.movable)
    for each in contents:
        if each.content.is_at_rest:
            continue
        if not await shelf.move(each.content.blob, Tier.HOT):
            is_there = False
            continue
        await shelf.contents.replace(each, each.content.settled(Tier.HOT))
    if not is_there:
        return None
    if not await shelf.holds(held.asset.account_id, [each.content for each in contents]):
        raise VersionConflict(f"bytes of asset {held.asset.asset_id} began to be moved away meanwhile")
    return await keeper.change(held, held.asset.tiered(Tier.HOT, clock.now_ms()))


async def finish(shelf: Shelf, assets: Assets, clock: Clock) -> int:
    """End the moves that were cut off, and say how many; raises Unavailable."""
    ended = 0
    for each in await shelf.contents.moving(clock.now_ms() - STALLED_MS, limit=PAGE):
        tier = Tier.HOT if await assets.needs_at_once(each.content.blob) else each.content.tier
        with suppress(BlobNotFound):  # nobody needs it any more: the sweeper was first
            ended += await _settle(shelf, each, tier, clock.now_ms())
    return ended


async def _leave(keeper: Keeper, held: Held, tier: Tier, now_ms: int, *, but: AssetId) -> Held | None:
    """A content that is on its way, None when an asset but this one needs its bytes at once; raises VersionConflict."""
    contents, blob = keeper.shelf.contents, held.content.blob
    if await keeper.assets.needs_at_once(blob, but=but):
        return None
    leaving = await contents.replace(held, held.content.moving(tier, now_ms))
    if not await keeper.assets.needs_at_once(blob, but=but):
        return leaving
    await contents.replace(leaving, held.content)
    return None


async def _settle(shelf: Shelf, held: Held, tier: Tier, now_ms: int) -> bool:
    """Move a blob, and say that it is there; back, if somebody has written its bytes anew meanwhile. False while it is still brought
    back: it is noted as begun now, so that `finish` looks at others first.
    """
    content = held.content
    is_there = await shelf.move(content.blob, tier)
    try:
        await shelf.contents.replace(held, content.settled(tier) if is_there else content.moving(content.tier, now_ms))
    except VersionConflict:
        if is_there and await _is_hot(shelf, content):
            await shelf.move(content.blob, Tier.HOT)
    return is_there


async def _is_hot(shelf: Shelf, content: Content) -> bool:
    found = (await shelf.contents.get_many(content.account_id, [content.content_id])).get(content.content_id)
    return found is not None and found.content.blob == content.blob and found.content.tier is Tier.HOT


async def _contents(shelf: Shelf, held: HeldAsset, blobs: Sequence[BlobKey]) -> Sequence[Held]:
    """Of these bytes of an asset, those that can be counted on."""
    found = await shelf.contents.get_many(held.asset.account_id, [content_id(held.asset.account_id, digest_of(blob)) for blob in blobs])
    return [each for each in found.values() if each.content.blob in blobs and each.content.standing is Standing.LIVE]
