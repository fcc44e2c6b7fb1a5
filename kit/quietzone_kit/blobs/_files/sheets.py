"""What is known of the versions of a file, beside it.

A sheet is written before its file takes its place, and describes that one and the one before: whichever stands there after a crash. The
version is recognised by inode, time and size, which a rename keeps; a file that was restored from elsewhere by its digest; and what
somebody put there by hand is a blob without metadata.
"""

import hashlib
import os

import msgspec

from quietzone_kit.blobs import About

_READ_BYTES = 1_000_000


class Version(msgspec.Struct, frozen=True):
    """One version of a file."""

    inode: int
    modified_ns: int
    size: int
    sha256: str
    content_type: str
    metadata: dict[str, str]
    tags: dict[str, str] = {}  # for people

    def is_of(self, status: os.stat_result) -> bool:
        """Whether it describes the file with this status."""
        return (self.inode, self.modified_ns, self.size) == (status.st_ino, status.st_mtime_ns, status.st_size)

    @property
    def about(self) -> About:
        """What was said about it."""
        return About(self.content_type, self.metadata)


class Sheet(msgspec.Struct, frozen=True):
    """The newest version first."""

    versions: list[Version]

    @classmethod
    def decode(cls, data: bytes) -> "Sheet":
        """What `encode` made; of anything else, nothing is known."""
        try:
            return msgspec.json.decode(data, type=cls)
        except msgspec.DecodeError:
            return cls([])

    def encode(self) -> bytes:
        """As people can read it."""
        return msgspec.json.format(msgspec.json.encode(self))

    def of(self, status: os.stat_result) -> Version | None:
        """The version that has this status."""
        return next((version for version in self.versions if version.is_of(status)), None)

    def by_digest(self, descriptor: int) -> Version:
        """The version that has the content of an open file; reads all of it."""
        status, sha256 = os.fstat(descriptor), _sha256(descriptor)
        same = next((version for version in self.versions if version.sha256 == sha256), None)
        about = same.about if same is not None else About()
        return Version(status.st_ino, status.st_mtime_ns, status.st_size, sha256, about.content_type, dict(about.metadata))


def _sha256(descriptor: int) -> str:
    digest, offset = hashlib.sha256(), 0
    while data := os.pread(descriptor, _READ_BYTES, offset):
        digest.update(data)
        offset += len(data)
    return digest.hexdigest()
