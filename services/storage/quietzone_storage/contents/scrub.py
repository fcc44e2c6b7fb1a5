"""Reading all bytes again, and comparing them with their digests: disks forget, and so do copies of them."""

from dataclasses import dataclass, replace

from quietzone_kit.blobs import BlobArchived, BlobNotFound
from quietzone_kit.runtime import Clock
from quietzone_storage.assets.domain import AT_ONCE
from quietzone_storage.contents.domain import Content, Standing
from quietzone_storage.contents.mending import Mender
from quietzone_storage.contents.repository import is_live
from quietzone_storage.contents.use_cases import BytesDamaged
from quietzone_storage.metrics import LOST

PAGE = 100
MAX_NAMED = 100
"""Blobs that are named in a report; more of them mean that the place itself is at fault."""


@dataclass(frozen=True, slots=True)
class Scrubbed:
    """What was read, and the blobs that weren't what they should be: `mended` of them are again; others are named, at most MAX_NAMED."""

    read: int = 0
    read_bytes: int = 0
    wrong: int = 0
    mended: int = 0
    named: tuple[str, ...] = ()

    @property
    def lost(self) -> int:
        """Those that have to be restored from a copy."""
        return self.wrong - self.mended

    def plus(self, content: Content) -> "Scrubbed":
        """After one more that was sound."""
        return replace(self, read=self.read + 1, read_bytes=self.read_bytes + content.size)

    def plus_wrong(self, content: Content, fault: str, *, mended: bool) -> "Scrubbed":
        """After one more that wasn't."""
        named = self.named if mended or len(self.named) >= MAX_NAMED else (*self.named, f"{content.blob}: {fault}")
        return replace(self.plus(content), wrong=self.wrong + 1, mended=self.mended + mended, named=named)

    def told(self) -> str:
        """For people."""
        wrong = f"{self.wrong:,} of them wrong, of which {self.mended:,} were made again"
        return "\n".join((f"{self.read:,} contents read ({self.read_bytes:,} bytes), {wrong}", *self.named))


async def scrub(mender: Mender, clock: Clock, so_far: Scrubbed, cursor: str | None, *, for_s: float) -> tuple[Scrubbed, str | None]:
    """Read bytes that can be counted on, from a cursor on and for some seconds, and make again what can be; what was found with it, and
    where to go on, None at the end. Raises Unavailable.
    """
    scrubbed, until = so_far, clock.monotonic() + for_s
    while True:
        held, cursor = await mender.keeper.shelf.contents.page(limit=PAGE, after=cursor)
        for each in held:
            if each.content.standing is Standing.LIVE and each.content.tier in AT_ONCE:  # what is archived would have to be brought back
                scrubbed = await _look_at(mender, each.content, scrubbed)
        if cursor is None or clock.monotonic() >= until:
            return scrubbed, cursor


async def _look_at(mender: Mender, content: Content, scrubbed: Scrubbed) -> Scrubbed:
    fault = await _fault(mender, content)
    if fault is None:
        return scrubbed.plus(content)
    mended = await mender.mend(content)
    LOST.labels("mended" if mended else "lost").inc()
    return scrubbed.plus_wrong(content, fault, mended=mended)


async def _fault(mender: Mender, content: Content) -> str | None:
    """What is wrong with a content, if anything is; not what was removed or moved, or isn't written yet, while it was looked at."""
    keeper = mender.keeper
    try:
        await keeper.shelf.read(content.blob)
    except BlobArchived:
        return None
    except BytesDamaged as error:
        fault = str(error)
    except BlobNotFound:
        fault = "gone; its asset has no such file any more"
    else:
        return None
    found = await keeper.shelf.contents.get_many(content.account_id, [content.content_id])
    is_needed = is_live(found.get(content.content_id), content) and await keeper.assets.names(content.blob)
    return fault if is_needed else None
