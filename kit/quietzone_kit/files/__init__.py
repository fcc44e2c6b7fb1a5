"""Files as a port: what the spool needs of a disk, so that a simulation can lose what was not flushed.

Calls block; whoever is on an event loop passes the slow ones (`sync`, `replace`) to an executor. Paths are relative to the
root that the adapter was made with, with `/` between their parts.
"""

from pathlib import Path
from typing import Protocol


class AppendFile(Protocol):
    """A file that grows at its end."""

    def write(self, data: bytes) -> None:
        """Append all of `data`; it survives the process, not the machine.

        Raises:
            OSError: nothing or a part was written; the file must not be written again.
        """

    def sync(self) -> None:
        """Return when the file's name and all that was written before this call survive the machine."""

    def close(self) -> None:
        """Let go of the file; doesn't sync."""


class FileLock(Protocol):
    """A lock that ends with its process."""

    def release(self) -> None:
        """Let others have it."""


class Files(Protocol):
    """A folder and what is in it."""

    def names(self, folder: str) -> list[str]:
        """Names in `folder`, sorted; none when it isn't there."""

    def size(self, path: str) -> int:
        """Bytes in the file; FileNotFoundError when it isn't there."""

    def read(self, path: str, offset: int, size: int) -> bytes:
        """Up to `size` bytes from `offset`; fewer at the file's end."""

    def create(self, path: str) -> AppendFile:
        """A new file, with the folders above it; FileExistsError when it is there. Its name survives the machine after its first `sync`."""

    def replace(self, path: str, data: bytes) -> None:
        """Put `data` in place of the file's content, all or nothing; it survives the machine."""

    def truncate(self, path: str, size: int) -> None:
        """Cut the file to `size` bytes; it survives the machine."""

    def move(self, source: str, target: str) -> None:
        """Rename a file, with the folders above `target`; it survives the machine."""

    def delete(self, path: str) -> None:
        """Remove a file; nothing happens when it isn't there."""

    def delete_folder(self, folder: str) -> None:
        """Remove a folder and all in it; nothing happens when it isn't there."""

    def lock(self, path: str) -> FileLock | None:
        """Take the lock that the file at `path` stands for (made when absent, with the folders above it); None when it is taken."""


def posix_files(root: Path) -> Files:
    """The folder `root` of this machine's disk; it is made when absent."""
    from quietzone_kit.files._posix import PosixFiles  # noqa: PLC0415 - only who uses the adapter pays for it

    return PosixFiles(root)
