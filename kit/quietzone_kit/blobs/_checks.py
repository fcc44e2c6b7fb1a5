"""What every store checks before it is asked."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping
from typing import TypeVar

from quietzone_kit.blobs import (
    MAX_BLOB_BYTES,
    MAX_PAGE,
    About,
    BlobsError,
    BlobsUnavailable,
    BlobTooLarge,
    Content,
    InvalidAbout,
    InvalidKey,
)
from quietzone_kit.blobs._metrics import BYTES, CALLS
from quietzone_kit.runtime import Executor

T = TypeVar("T")

CALL_S = 60.0
"""What one call of an adapter may take; an S3 client that tries three times needs 40 s at most."""

_PART = re.compile(r"[A-Za-z0-9_=+@,-][A-Za-z0-9_.=+@,-]{0,199}")
_PREFIX = re.compile(r"[A-Za-z0-9_.=+@,/-]{0,1000}")
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,99})")
_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+(?:; ?[a-z-]+=[A-Za-z0-9_.-]+)*")
OWN = "quietzone-"
MAX_TAGS = 10  # S3 takes no more


def is_key(key: str) -> bool:
    """Whether every store takes it."""
    return len(key) <= 1_000 and all(_PART.fullmatch(part) for part in key.split("/"))


def check_key(key: str) -> None:
    """Raise InvalidKey unless every store takes `key`."""
    if not is_key(key):
        raise InvalidKey(
            f"{key!r:.100} is no key: use 1 to 1,000 letters, digits and -_.=+@, in parts with / between them, none beginning with a dot"
        )


def check_range(start: int, end: int | None) -> None:
    """Raise ValueError unless it is one."""
    if start < 0 or (end is not None and end < start):
        raise ValueError(f"no range: from {start} to before {end}")


def check_page(prefix: str, limit: int) -> None:
    """Raise InvalidKey or ValueError unless such a page can be asked for."""
    if not _PREFIX.fullmatch(prefix):
        raise InvalidKey(f"{prefix!r:.100} begins no key")
    if not 1 <= limit <= MAX_PAGE:
        raise ValueError(f"a page has 1 to {MAX_PAGE} entries, not {limit}")


def check_about(about: About) -> None:
    """Raise InvalidAbout unless every store takes it."""
    if not _TYPE.fullmatch(about.content_type):
        raise InvalidAbout(f"{about.content_type!r:.100} is no content type; use one such as text/csv or text/csv; charset=utf-8")
    for name, value in about.metadata.items():
        if not _NAME.fullmatch(name) or name.startswith(OWN):
            raise InvalidAbout(f"{name!r:.100} can't name metadata: use a-z, 0-9 and -, not beginning with {OWN}")
        if not (value.isascii() and value.isprintable() and value == value.strip()):
            raise InvalidAbout(f"metadata {name}: use printable ASCII without spaces at its ends")
    check_tags(about.tags)
    if sum(len(name) + len(value) for name, value in about.metadata.items()) > 1_900:
        raise InvalidAbout("metadata are too long: 1,900 bytes in all, names included, leave S3's limit of 2 KB to us")


def check_tags(tags: Mapping[str, str]) -> None:
    """Raise InvalidAbout unless every store takes them."""
    if len(tags) > MAX_TAGS or not all(_PART.fullmatch(text) for tag in tags.items() for text in tag):
        raise InvalidAbout(f"{dict(tags)!r:.200}: use {MAX_TAGS} tags at most, of letters, digits and -_.=+@,")


async def pieces(content: Content, size: int) -> AsyncIterator[bytes]:
    """`content` in pieces of `size` bytes, the last one shorter, and at least one.

    Raises:
        BlobTooLarge: it is more than any store takes.
    """
    waiting, total = bytearray(), 0
    async for part in _one(content) if isinstance(content, bytes) else content:
        total += len(part)
        if total > MAX_BLOB_BYTES:
            raise BlobTooLarge(f"more than {MAX_BLOB_BYTES} bytes; write several blobs")
        waiting += part
        while len(waiting) > size:
            yield bytes(waiting[:size])
            del waiting[:size]
    yield bytes(waiting)
    BYTES.labels("written").inc(total)


async def _one(content: bytes) -> AsyncIterator[bytes]:
    yield content


class Calls:
    """Blocking calls to a store, each on the executor and measured; `store` is its name for people."""

    def __init__(self, executor: Executor, store: str) -> None:
        self._executor = executor
        self._store = store

    async def run(self, operation: str, work: Callable[[], T]) -> T:
        """`work`'s result.

        Raises:
            BlobsUnavailable: it takes too long.
        """
        loop = asyncio.get_running_loop()
        began, outcome = loop.time(), "ok"
        try:
            async with asyncio.timeout(CALL_S):
                return await self._executor.run(work)
        except TimeoutError as error:
            outcome = "BlobsUnavailable"
            raise BlobsUnavailable(f"{self._store}: no answer to {operation} within {CALL_S:g} s; see whether it hangs") from error
        except BlobsError as error:
            outcome = type(error).__name__
            raise
        finally:
            CALLS.labels(operation, outcome).observe(loop.time() - began)
