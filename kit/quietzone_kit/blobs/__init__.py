"""Blobs: bytes under a key, written whole and read whole or in parts.

A blob appears when all of it is written, and stays as it was written until another takes its place: whoever reads sees one version or
hears that it has changed. `open_blobs` chooses the adapter by the URL's scheme; all adapters pass one contract suite
(tests/contract/blobs).
"""

from collections.abc import AsyncIterable, AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol, TypeAlias
from urllib.parse import urlsplit

from quietzone_kit.runtime import Executor, Randomness
from quietzone_kit.urls import wrong_scheme

MAX_GET_BYTES = 64_000_000
"""What `get` takes into memory at once; `stream` is for what is larger."""

MAX_BLOB_BYTES = 80_000_000_000
"""S3 takes 10,000 parts, and we send parts of 8 MB: what one writer keeps in memory."""

MAX_PAGE = 1_000
"""Entries of one page, as S3 has it."""

Content: TypeAlias = bytes | AsyncIterable[bytes]


class Tier(Enum):
    """How quickly, and for how much, a blob is to be had; every blob begins HOT."""

    HOT = "HOT"
    """At once."""
    WARM = "WARM"
    """At once, cheaper to keep and dearer to read."""
    COLD = "COLD"
    """When it was moved back, which takes minutes to hours."""
    ARCHIVE = "ARCHIVE"
    """The same, and hours."""


AT_ONCE = frozenset({Tier.HOT, Tier.WARM})
"""Tiers that blobs are read from."""


@dataclass(frozen=True, slots=True)
class About:
    """What is said about a blob when it is written. Metadata: names of `a-z0-9-`, values of printable ASCII, 2,000 bytes in all.

    Tags are for those who look at the store from outside: ten at most, of the characters of keys. The port doesn't give them back.
    """

    content_type: str = "application/octet-stream"
    metadata: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict, compare=False)


PLAIN = About()


@dataclass(frozen=True, slots=True)
class Blob:
    """What is known of a blob. `etag` differs between versions of different content, and means nothing else."""

    key: str
    size: int
    etag: str
    modified_ms: int
    about: About
    tier: Tier = Tier.HOT


@dataclass(frozen=True, slots=True)
class Entry:
    """A blob in a list."""

    key: str
    size: int
    modified_ms: int


@dataclass(frozen=True, slots=True)
class Page:
    """Blobs in the order of their keys' bytes; `cursor` brings the next page, None when there is none."""

    entries: Sequence[Entry]
    cursor: str | None


class BlobsError(Exception):
    """The store could not do what was asked."""


class BlobsUnavailable(BlobsError):
    """Not now: the same call may well succeed later. Names the store, what was tried and what to do. A write may have happened."""


class BlobNotFound(BlobsError):
    """There is no blob with this key."""


class BlobArchived(BlobsError):
    """It is COLD or in the ARCHIVE: move it to HOT, and read it then."""


class AlreadyThere(BlobsError):
    """There is a blob with this key."""


class BlobTooLarge(BlobsError, ValueError):
    """More bytes than the call takes: says which would do."""


class InvalidKey(BlobsError, ValueError):
    """No store takes this key: says what would do."""


class InvalidAbout(BlobsError, ValueError):
    """No store takes this content type or metadata: says what would do."""


class Blobs(Protocol):
    """A store of blobs.

    Keys are 1 to 1,000 characters: parts with `/` between them, each of 1 to 200 letters, digits and `-_.=+@,`, not beginning with a
    dot. No key may be the folder of another (`a` beside `a/b`): files can't have both. Every call can raise InvalidKey and
    BlobsUnavailable.
    """

    async def put(self, key: str, content: Content, about: About = PLAIN) -> Blob:
        """Write a blob, in the place of what is there; when this returns it is durable. If it fails, the old one is there or the new.

        Raises:
            InvalidAbout, BlobTooLarge: nothing is written.
        """

    async def put_if_absent(self, key: str, content: Content, about: About = PLAIN) -> Blob:
        """Write a blob if there is none; of several that try at once, one succeeds.

        Raises:
            AlreadyThere: there is one.
            InvalidAbout, BlobTooLarge: nothing is written.
        """

    async def get(self, key: str, *, start: int = 0, end: int | None = None) -> bytes:
        """The bytes from `start` to before `end`, cut at the blob's end.

        Raises:
            BlobNotFound: there is none.
            BlobArchived: it can't be read before it was moved back.
            BlobTooLarge: these are more than MAX_GET_BYTES.
        """

    def stream(self, key: str, *, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """The same in pieces of some MB, all of one version (BlobsUnavailable if that is gone before its end); raises BlobNotFound
        and BlobArchived.
        """

    async def head(self, key: str) -> Blob:
        """What is known of it; raises BlobNotFound."""

    async def move(self, key: str, tier: Tier, tags: Mapping[str, str]) -> bool:
        """Keep a blob at another tier, with these tags; True when it is there. False while the store brings it back: call again later.

        A store without tiers answers True, and reads it at once as before.

        Raises:
            BlobNotFound: there is none.
            InvalidAbout: no store takes these tags.
        """

    async def delete(self, key: str) -> None:
        """Remove a blob; nothing happens if there is none."""

    async def list(self, prefix: str = "", *, limit: int = MAX_PAGE, after: str | None = None) -> Page:
        """One page of the blobs whose keys begin with `prefix`, from behind the cursor `after`; at most MAX_PAGE entries."""

    async def close(self) -> None:
        """Let go of everything."""


def open_blobs(url: str, *, executor: Executor, randomness: Randomness) -> Blobs:
    """The store at `url`; nothing is opened before the first call. Give the executor as many threads as calls may run at once.

    - `file:///var/lib/blobs` is a folder of this machine, made if need be. Blobs are plain files in it, for others to read.
    - `s3://bucket[/prefix]?endpoint=https://host:port&region=name` is a bucket that is there. Credentials come from the environment as
      the AWS tools have it, or from `credentials_file` (an INI file with a section `[default]`), which is read again for each request.
      Without `endpoint` it is Amazon's; `ca_file` is for one with a certificate of its own.

    Raises:
        ValueError: says which URLs there are, or what is wrong with this one.
    """
    parts = urlsplit(url)
    if parts.scheme == "file":
        if not url.startswith("file:///") or parts.query or not parts.path.strip("/"):
            raise ValueError(f"{url!r} names no folder of this machine; use file:///absolute/path")
        from quietzone_kit.blobs._files import FileBlobs  # noqa: PLC0415 - a process loads only the adapter that it uses

        return FileBlobs("/" + parts.path.strip("/"), executor=executor, randomness=randomness)
    if parts.scheme == "s3":
        from quietzone_kit.blobs._s3 import S3Blobs  # noqa: PLC0415 - a process loads only the adapter that it uses

        return S3Blobs(url, executor=executor, randomness=randomness)
    raise ValueError(wrong_scheme(url, "file:///absolute/path or s3://bucket?endpoint=https://host:port"))
