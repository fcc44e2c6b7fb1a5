"""How long the store and the blobs may take; later is as good as not there, and the caller tries again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from quietzone_kit.blobs import BlobsUnavailable
from quietzone_kit.documents import DocumentsUnavailable
from quietzone_kit.errors import Unavailable

STORE_S = 5.0  # a page of 1,000 assets takes 50 ms here
BLOB_S = 30.0  # 20 MB to a server that is 100 Mbit/s away take 2 s; its three attempts end after 40


@asynccontextmanager
async def store_answers() -> AsyncIterator[None]:
    """The block under the store's deadline.

    Raises:
        Unavailable: it passed, or the store can't be reached.
    """
    try:
        async with asyncio.timeout(STORE_S):
            yield
    except (DocumentsUnavailable, TimeoutError) as error:
        raise Unavailable("the store of assets doesn't answer; try again") from error


@asynccontextmanager
async def blobs_answer() -> AsyncIterator[None]:
    """The block under the deadline for one blob.

    Raises:
        Unavailable: it passed, or the blobs can't be reached.
    """
    try:
        async with asyncio.timeout(BLOB_S):
            yield
    except (BlobsUnavailable, TimeoutError) as error:
        raise Unavailable("the place of files doesn't answer; try again") from error
