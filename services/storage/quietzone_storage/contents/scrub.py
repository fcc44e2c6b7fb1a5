"""Reading all bytes again, and comparing them with their digests: disks forget, and so do copies of them."""

from dataclasses import dataclass

from quietzone_kit.blobs import BlobNotFound
from quietzone_storage.assets.domain import AT_ONCE
from quietzone_storage.assets.repository import Assets
from quietzone_storage.contents.domain import Content, Standing, digest
from quietzone_storage.contents.repository import is_live
from quietzone_storage.contents.use_cases import Shelf

PAGE = 100
MAX_NAMED = 100
"""Blobs that are named in a report; more of them mean that the place itself is at fault."""


@dataclass(frozen=True, slots=True)
class Scrubbed:
    """What was read, and the blobs that aren't what they should be: gone, or other bytes. At most MAX_NAMED are named."""

    read: int = 0
    read_bytes: int = 0
    wrong: int = 0
    named: tuple[str, ...] = ()

    def plus(self, content: Content, fault: str | None) -> "Scrubbed":
        """After one more."""
        named = self.named if fault is None or len(self.named) >= MAX_NAMED else (*self.named, f"{content.blob}: {fault}")
        return Scrubbed(self.read + 1, self.read_bytes + content.size, self.wrong + (fault is not None), named)

    def told(self) -> str:
        """For people."""
        summary = f"{self.read:,} contents read ({self.read_bytes:,} bytes), {self.wrong:,} of them wrong"
        return "\n".join((summary, *self.named))


async def scrub(shelf: Shelf, assets: Assets) -> Scrubbed:
    """Read all bytes that can be counted on; raises Unavailable."""
    scrubbed, cursor = Scrubbed(), None
    while True:
        held, cursor = await shelf.contents.page(limit=PAGE, after=cursor)
        for each in held:
            if each.content.standing is Standing.LIVE and each.content.tier in AT_ONCE:  # what is archived would have to be brought back
                scrubbed = scrubbed.plus(each.content, await _fault(shelf, assets, each.content))
        if cursor is None:
            return scrubbed


async def _fault(shelf: Shelf, assets: Assets, content: Content) -> str | None:
    """What is wrong with a content, if anything is; not what was removed, or isn't written yet, while it was looked at."""
    try:
        data = await shelf.read(content.blob)
    except BlobNotFound:
        found = await shelf.contents.get_many(content.account_id, [content.content_id])
        is_needed = is_live(found.get(content.content_id), content) and await assets.names(content.blob)
        return "gone; its asset has no such file any more" if is_needed else None
    return None if digest(data) == content.digest else f"{len(data):,} bytes that aren't those that were written"
