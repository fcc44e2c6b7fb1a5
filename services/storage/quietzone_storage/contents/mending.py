"""Making bytes again that were lost: a code's files from its modules, an upload's from its original."""

from functools import partial

from quietzone_kit.blobs import BlobArchived, BlobNotFound
from quietzone_kit.documents import VersionConflict
from quietzone_kit.runtime import Clock, Executor
from quietzone_storage.assets.domain import Asset, State, Variant
from quietzone_storage.assets.repository import Held
from quietzone_storage.assets.use_cases import Drawing, Keeper
from quietzone_storage.contents.domain import Content, digest
from quietzone_storage.contents.use_cases import BytesDamaged, File
from quietzone_storage.images.process import ImageFailed, Images
from quietzone_storage.variants.domain import CODE_FORMS, WrongSymbol
from quietzone_storage.variants.symbol import NotShown, draw


class Mender:
    """What is needed for that. `executor` draws."""

    def __init__(self, keeper: Keeper, images: Images, executor: Executor, clock: Clock) -> None:
        self.keeper = keeper
        self._images = images
        self._executor = executor
        self._clock = clock

    async def mend(self, content: Content) -> bool:
        """Have a content's bytes again in their place, or, where another release makes others of the same, each asset that had them by its
        own; False when an asset is left without. Raises Unavailable.
        """
        for held in await self.keeper.assets.that_name(content.blob):
            variant = next((one for one in held.asset.variants if one.blob == content.blob), None)
            made = None if variant is None or held.asset.state is not State.READY else await self._made(held.asset, variant)
            if made is None:
                continue
            if digest(made.data) == content.digest:
                await self.keeper.shelf.mend(content.account_id, content.blob, File(made.data, made.media_type))
                return True
            await self._put(held, made)
        return not await self.keeper.assets.names(content.blob)

    async def _made(self, asset: Asset, variant: Variant) -> Drawing | None:
        """A file as this release makes it; None when nothing is left to make it from."""
        try:
            if asset.symbol is not None:
                form = next(form for form in CODE_FORMS if form.variant == variant.name)
                return await self._executor.run(partial(draw, asset.symbol, form))
            if asset.source is None or asset.source.blob == variant.blob:
                return None
            original = await self.keeper.shelf.read(asset.source.blob)
            files = await self._images.make(original, asset.source.media_type)
        except (WrongSymbol, NotShown, BlobNotFound, BlobArchived, BytesDamaged, ImageFailed):
            return None
        return next(
            (Drawing(one.variant, one.data, one.media_type, one.width, one.height) for one in files if one.variant == variant.name), None
        )

    async def _put(self, held: Held, made: Drawing) -> None:
        def finish(asset: Asset, variants: tuple[Variant, ...]) -> Asset:
            return asset.mended(variants[0], self._clock.now_ms())

        try:
            await self.keeper.furnish(held, [made], finish, in_place=True)
        except VersionConflict:
            return  # somebody else is at it: the next scrub sees what became of it
