"""The disk of this machine, by plain POSIX calls.

A name is safe only when its folder was flushed too (fsync(2): "Calling fsync() does not necessarily ensure that the entry in the
directory containing the file has also reached disk").
"""

import contextlib
import fcntl
import os
import shutil
from pathlib import Path, PurePosixPath

HALF_DONE = ".tmp"
"""Ends the name of a file that `replace` was writing when the machine or the process died; `names` leaves them out."""


class PosixFiles:
    """Files under `root`."""

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()
        _make_folder(self._root)

    def names(self, folder: str) -> list[str]:
        """Names in `folder`, sorted."""
        try:
            return sorted(entry.name for entry in self._at(folder).iterdir() if not entry.name.endswith(HALF_DONE))
        except FileNotFoundError:
            return []

    def size(self, path: str) -> int:
        """Bytes in the file."""
        return self._at(path).stat().st_size

    def read(self, path: str, offset: int, size: int) -> bytes:
        """Up to `size` bytes from `offset`."""
        descriptor = os.open(self._at(path), os.O_RDONLY)
        try:
            return os.pread(descriptor, size, offset)
        finally:
            os.close(descriptor)

    def create(self, path: str) -> "PosixAppendFile":
        """A new file."""
        target = self._at(path)
        _make_folder(target.parent)
        return PosixAppendFile(target)

    def replace(self, path: str, data: bytes) -> None:
        """Put `data` in place of the file's content."""
        target = self._at(path)
        _make_folder(target.parent)
        half_done = target.with_name(target.name + HALF_DONE)
        descriptor = os.open(half_done, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        try:
            _write_all(descriptor, data)
            _flush(descriptor)
        finally:
            os.close(descriptor)
        half_done.rename(target)
        _flush_folder(target.parent)

    def truncate(self, path: str, size: int) -> None:
        """Cut the file."""
        descriptor = os.open(self._at(path), os.O_WRONLY)
        try:
            os.ftruncate(descriptor, size)
            _flush(descriptor)
        finally:
            os.close(descriptor)

    def move(self, source: str, target: str) -> None:
        """Rename a file."""
        origin, destination = self._at(source), self._at(target)
        _make_folder(destination.parent)
        origin.rename(destination)
        _flush_folder(destination.parent)
        if origin.parent != destination.parent:
            _flush_folder(origin.parent)

    def delete(self, path: str) -> None:
        """Remove a file."""
        self._at(path).unlink(missing_ok=True)

    def delete_folder(self, folder: str) -> None:
        """Remove a folder and all in it."""
        try:
            shutil.rmtree(self._at(folder))
        except FileNotFoundError:
            return

    def lock(self, path: str) -> "PosixFileLock | None":
        """Take a lock by flock(2), which ends with the descriptor and so with the process."""
        target = self._at(path)
        while True:
            _make_folder(target.parent)
            descriptor = os.open(target, os.O_RDWR | os.O_CREAT, 0o644)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                return None
            if _is_still(target, descriptor):
                return PosixFileLock(descriptor)
            os.close(descriptor)  # somebody deleted the file between open and flock: this lock would exclude nobody

    def _at(self, path: str) -> Path:
        parts = PurePosixPath(path).parts
        if ".." in parts or path.startswith("/"):
            raise ValueError(f"{path!r} leads out of {self._root}; pass a path relative to it, without '..'")
        return self._root.joinpath(*parts)


class PosixAppendFile:
    """A file that grows at its end: one write(2) for each `write`."""

    def __init__(self, path: Path) -> None:
        self._folder = path.parent
        self._name_is_safe = False
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)

    def write(self, data: bytes) -> None:
        """Append all of `data`."""
        _write_all(self._descriptor, data)

    def sync(self) -> None:
        """Flush the data, and the first time also the name."""
        _flush(self._descriptor)
        if not self._name_is_safe:
            _flush_folder(self._folder)
            self._name_is_safe = True

    def close(self) -> None:
        """Let go of the file."""
        with contextlib.suppress(OSError):  # what a late error could tell, `sync` has told; the descriptor is gone anyway
            os.close(self._descriptor)


class PosixFileLock:
    """Holds a lock as long as its descriptor is open."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def release(self) -> None:
        """Let others have it."""
        os.close(self._descriptor)


def _write_all(descriptor: int, data: bytes) -> None:
    written = os.write(descriptor, data)
    while written < len(data):  # a full disk or a signal cut it short: the next call finishes or says what is wrong
        written += os.write(descriptor, memoryview(data)[written:])


def _flush(descriptor: int) -> None:
    if hasattr(fcntl, "F_FULLFSYNC"):  # macOS: fsync leaves the data in the drive's cache
        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
    elif hasattr(os, "fdatasync"):
        os.fdatasync(descriptor)  # flushes the new size too, and spares the time stamps
    else:
        os.fsync(descriptor)


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _make_folder(folder: Path) -> None:
    """Make `folder` and those above it; the names of new ones survive the machine."""
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    _flush_folder(folder.parent)


def _is_still(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
