"""Files that nobody has kept, made when somebody asks: a code's from its modules, an upload's from the sharpest of its copies."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Protocol

from quietzone_kit.errors import FailedPrecondition, FieldViolation, InvalidInput, NotFound, ResourceExhausted
from quietzone_kit.runtime import Executor
from quietzone_storage.assets.domain import AT_ONCE, Asset, BlobKey, Symbol, Variant
from quietzone_storage.assets.use_cases import Drawing
from quietzone_storage.contents.use_cases import Shelf
from quietzone_storage.images.messages import Made
from quietzone_storage.images.process import ImageFailed
from quietzone_storage.variants.domain import WEB_PNG, Form, WrongSymbol
from quietzone_storage.variants.symbol import draw

DRAWN_AT_ONCE = 2
"""One works while another's bytes come and go; more would only wait for a processor."""
MAX_WAITING = 64
"""Codes that wait to be drawn: at 10 ms each the last waits for a second."""

RESIZED_AT_ONCE = 1
"""A decoder takes a processor, and up to 128 MB beside those that process uploads."""
MAX_RESIZED_WAITING = 8
"""At half a second each the last waits for four."""
KEPT_BYTES = 16_000_000
"""Of resized files, some hundred of usual ones: what is asked for again doesn't take a decoder again."""


class Resizer(Protocol):
    """Who decodes; `Images`, but for tests."""

    async def resize(self, data: bytes, media_type: str, form: Form) -> Made:
        """See `Images`."""


class Sizes:
    """Makes them, few at once. `executor` draws."""

    def __init__(self, shelf: Shelf, images: Resizer, executor: Executor) -> None:
        self._shelf = shelf
        self._images = images
        self._executor = executor
        self._drawing, self._drawn_waiting = asyncio.Semaphore(DRAWN_AT_ONCE), 0
        self._resizing, self._resized_waiting = asyncio.Semaphore(RESIZED_AT_ONCE), 0
        self._kept: OrderedDict[tuple[BlobKey, Form], Drawing] = OrderedDict()
        self._kept_bytes = 0

    async def make(self, asset: Asset, form: Form) -> Drawing:
        """The file of an asset in this form.

        Raises:
            InvalidInput: a size in which its symbol has no room.
            NotFound: nothing can be made of the asset.
            FailedPrecondition: what it is made from is archived, or can't be decoded.
            ResourceExhausted: too many wait already.
            Unavailable, BlobArchived, BlobNotFound, BytesDamaged: see `Shelf.read`.
        """
        if asset.symbol is not None:
            return await self._draw(asset.symbol, form)
        copy = sharpest(asset)
        if copy is None:
            raise NotFound("there is no such file, or none any more")
        if asset.tier not in AT_ONCE:
            raise FailedPrecondition("the file is archived: its owner can have it brought back")
        if (kept := self._kept.get((copy.blob, form))) is not None:
            self._kept.move_to_end((copy.blob, form))
            return kept
        return self._keep(copy.blob, form, await self._resize(copy, form))

    async def _draw(self, symbol: Symbol, form: Form) -> Drawing:
        if self._drawn_waiting >= MAX_WAITING:
            raise ResourceExhausted("too many sizes are being drawn: try again in a moment", retry_after_s=1)
        self._drawn_waiting += 1
        try:
            async with self._drawing:
                with as_size():
                    return await self._executor.run(partial(draw, symbol, form))
        finally:
            self._drawn_waiting -= 1

    async def _resize(self, copy: Variant, form: Form) -> Drawing:
        if self._resized_waiting >= MAX_RESIZED_WAITING:
            raise ResourceExhausted("too many sizes are being made: try again in a moment", retry_after_s=2)
        self._resized_waiting += 1
        try:
            async with self._resizing:  # the bytes too: up to 17 MB each
                made = await self._images.resize(await self._shelf.read(copy.blob), copy.media_type, form)
        except ImageFailed as error:
            raise FailedPrecondition(f"this size can't be made: {error}") from error
        finally:
            self._resized_waiting -= 1
        return Drawing(form.variant, made.data, made.media_type, made.width, made.height)

    def _keep(self, blob: BlobKey, form: Form, drawing: Drawing) -> Drawing:
        if len(drawing.data) <= KEPT_BYTES and (blob, form) not in self._kept:
            self._kept[blob, form] = drawing
            self._kept_bytes += len(drawing.data)
        while self._kept_bytes > KEPT_BYTES:
            self._kept_bytes -= len(self._kept.popitem(last=False)[1].data)
        return drawing


def sharpest(asset: Asset) -> Variant | None:
    """What other sizes of an upload are made from: its optimised copy without loss; None for what is no image."""
    return next((variant for variant in asset.variants if variant.name == WEB_PNG.variant), None)


@contextmanager
def as_size() -> Iterator[None]:
    """A symbol that has no room in a size, as a wrong size."""
    try:
        yield
    except WrongSymbol as error:
        raise InvalidInput(FieldViolation("size_px", str(error))) from error
