"""Blobs as plain files: durable, for one machine, shared by its processes."""

import os
from collections.abc import AsyncIterator, Mapping
from functools import partial

from quietzone_kit.blobs import MAX_PAGE, PLAIN, About, Blob, Content, Page, Tier
from quietzone_kit.blobs._checks import Calls, check_about, check_key, check_page, check_range, check_tags, pieces
from quietzone_kit.blobs._files.folder import Folder
from quietzone_kit.blobs._metrics import BYTES
from quietzone_kit.runtime import Executor, Randomness

PIECE_BYTES = 1_000_000
"""What goes to or from the disk in one step of the executor: a millisecond."""


class FileBlobs:
    """See Blobs."""

    def __init__(self, root: str, *, executor: Executor, randomness: Randomness) -> None:
        self._folder = Folder(root, randomness)
        self._calls = Calls(executor, f"file://{root}")

    async def put(self, key: str, content: Content, about: About = PLAIN) -> Blob:
        """See Blobs."""
        return await self._put(key, content, about, replace=True)

    async def put_if_absent(self, key: str, content: Content, about: About = PLAIN) -> Blob:
        """See Blobs."""
        return await self._put(key, content, about, replace=False)

    async def get(self, key: str, *, start: int = 0, end: int | None = None) -> bytes:
        """See Blobs."""
        check_key(key)
        check_range(start, end)
        data = await self._calls.run("get", partial(self._folder.read, key, start, end))
        BYTES.labels("read").inc(len(data))
        return data

    async def stream(self, key: str, *, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """See Blobs. The file stays open, and with it this version of it."""
        check_key(key)
        check_range(start, end)
        descriptor = await self._calls.run("stream", partial(self._folder.open, key))
        try:
            while end is None or start < end:
                size = PIECE_BYTES if end is None else min(PIECE_BYTES, end - start)
                piece = await self._calls.run("stream", partial(self._folder.piece, key, descriptor, size, start))
                if not piece:
                    return
                BYTES.labels("read").inc(len(piece))
                yield piece
                start += len(piece)
        finally:
            os.close(descriptor)

    async def head(self, key: str) -> Blob:
        """See Blobs."""
        check_key(key)
        return await self._calls.run("head", partial(self._folder.head, key))

    async def move(self, key: str, tier: Tier, tags: Mapping[str, str]) -> bool:
        """See Blobs."""
        check_key(key)
        check_tags(tags)
        await self._calls.run("move", partial(self._folder.move, key, tier, dict(tags)))
        return True

    async def delete(self, key: str) -> None:
        """See Blobs."""
        check_key(key)
        await self._calls.run("delete", partial(self._folder.delete, key))

    async def list(self, prefix: str = "", *, limit: int = MAX_PAGE, after: str | None = None) -> Page:
        """See Blobs."""
        check_page(prefix, limit)
        return await self._calls.run("list", partial(self._folder.page, prefix, limit, after or ""))

    async def close(self) -> None:
        """See Blobs. The executor is the caller's."""

    async def _put(self, key: str, content: Content, about: About, *, replace: bool) -> Blob:
        check_key(key)
        check_about(about)
        draft = await self._calls.run("put", self._folder.begin)
        try:
            async for piece in pieces(content, PIECE_BYTES):
                await self._calls.run("put", partial(draft.write, piece))
            return await self._calls.run("put", partial(self._folder.publish, draft, key, about, replace=replace))
        finally:
            await self._calls.run("put", draft.drop)
