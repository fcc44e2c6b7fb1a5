"""How long the store and the blobs may take; later is as good as not there, and the caller tries again."""

from contextlib import AbstractAsyncContextManager

from quietzone_kit.blobs import BlobsUnavailable
from quietzone_kit.deadlines import deadline
from quietzone_kit.documents import DocumentsUnavailable
from quietzone_kit.errors import Unavailable

STORE_S = 5.0  # a page of 1,000 assets takes 50 ms here
BLOB_S = 30.0  # 20 MB to a server that is 100 Mbit/s away take 2 s; its three attempts end after 40


def store_answers() -> AbstractAsyncContextManager[None]:
    """The block under the store's deadline.

    Raises:
        Unavailable: it passed, or the store can't be reached.
    """
    return deadline(STORE_S, Unavailable, "the store of assets doesn't answer; try again", away=(DocumentsUnavailable,))


def blobs_answer() -> AbstractAsyncContextManager[None]:
    """The block under the deadline for one blob.

    Raises:
        Unavailable: it passed, or the blobs can't be reached.
    """
    return deadline(BLOB_S, Unavailable, "the place of files doesn't answer; try again", away=(BlobsUnavailable,))
