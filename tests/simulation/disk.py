"""A machine's disk in memory: what was written survives a killed process, what was not synced may not survive the machine.

The port promises that `replace`, `move` and `truncate` survive the machine. What it doesn't promise is drawn when the machine crashes:
a file that was never synced may be gone with its name, one that was deleted may be back, bytes behind the last sync may be lost or torn.
"""

import errno
from collections.abc import Iterator
from dataclasses import dataclass, field

from simulation.chance import Chance
from simulation.process import Process

BLOCK = 512
"""What a torn write loses at once, at least: a sector."""


@dataclass(eq=False, slots=True)
class _Inode:
    data: bytearray = field(default_factory=bytearray)
    synced: int = 0
    named: bool = False
    holder: Process | None = None


@dataclass(slots=True)
class DiskFaults:
    """How likely each kind of error is, per call; all 0 when the disk is sound. `slow` calls take up to `slowest_s`."""

    full: float = 0.0
    failing_sync: float = 0.0
    failing_name: float = 0.0
    slow: float = 0.0
    slowest_s: float = 0.02


class Disk:
    """The disk of one machine. `files` gives a process its port on a folder of it."""

    def __init__(self, chance: Chance) -> None:
        self._chance = chance
        self._names: dict[str, _Inode] = {}
        self._folders: set[str] = set()
        self._deleted: dict[str, _Inode] = {}
        self.faults = DiskFaults()
        self.injected: dict[str, int] = {}

    def files(self, process: Process, root: str = "") -> "ProcessFiles":
        """The port of one process on the folder `root`."""
        return ProcessFiles(self, process, root)

    def crash(self) -> None:
        """The machine loses its power: each file keeps what was synced, and of the rest a torn part; deletions may be undone."""
        for path, inode in list(self._deleted.items()):
            if path not in self._names and self._chance.happens(0.5):
                self._put(path, inode)
        self._deleted.clear()
        for path, inode in list(self._names.items()):
            if not inode.named and self._chance.happens(0.5):
                del self._names[path]
            self._tear(inode)
            inode.named = True

    def paths(self) -> list[str]:
        """All files, sorted."""
        return sorted(self._names)

    def content(self, path: str) -> bytes:
        """What the file holds."""
        return bytes(self._names[path].data)

    def damage(self, path: str, offset: int, data: bytes) -> None:
        """Overwrite a part of a file behind everybody's back."""
        self._names[path].data[offset : offset + len(data)] = data

    def _tear(self, inode: _Inode) -> None:
        unsynced = len(inode.data) - inode.synced
        if unsynced:
            kept = self._chance.pick((0, unsynced, self._chance.between(0, unsynced)))
            del inode.data[inode.synced + kept :]
            if kept and self._chance.happens(0.3):
                self._lose_block(inode, inode.synced, inode.synced + kept)
        inode.synced = len(inode.data)

    def _lose_block(self, inode: _Inode, first: int, end: int) -> None:
        """The size reached the disk, a sector of the content didn't."""
        start = self._chance.between(first, end - 1) // BLOCK * BLOCK
        start, stop = max(start, first), min(start + BLOCK, end)
        inode.data[start:stop] = bytes(stop - start)

    def _put(self, path: str, inode: _Inode) -> None:
        self._names[path] = inode
        self._add_folders(path)

    def _add_folders(self, path: str) -> None:
        parts = path.split("/")[:-1]
        for count in range(1, len(parts) + 1):
            self._folders.add("/".join(parts[:count]))

    def _forget(self, path: str) -> None:
        inode = self._names.pop(path, None)
        if inode is not None:
            self._deleted[path] = inode

    def _below(self, folder: str) -> Iterator[str]:
        start = f"{folder}/" if folder else ""
        yield from [path for path in self._names if path.startswith(start)]

    def take_time(self, process: Process) -> None:
        """Let others go on in the middle of a call, maybe."""
        if self.faults.slow and self._chance.happens(self.faults.slow):
            self.injected["slow calls"] = self.injected.get("slow calls", 0) + 1
            process.loop.block(process, self._chance.uniform(0, self.faults.slowest_s))
            process.check()

    def _fails(self, kind: str, probability: float, number: int) -> None:
        if probability and self._chance.happens(probability):
            self.injected[kind] = self.injected.get(kind, 0) + 1
            raise OSError(number, f"injected: {kind}")


class ProcessFiles:
    """The kit's `Files` for one process; its locks end with the process, and all calls of a dead process are refused."""

    def __init__(self, disk: Disk, process: Process, root: str) -> None:
        self._disk = disk
        self._process = process
        self._root = root

    def names(self, folder: str) -> list[str]:
        """Names in `folder`."""
        self._process.check()
        self._disk.take_time(self._process)
        start = f"{self._path(folder)}/" if self._path(folder) else ""
        found = {path[len(start) :].split("/")[0] for path in self._disk._names if path.startswith(start)}
        found |= {path[len(start) :].split("/")[0] for path in self._disk._folders if path.startswith(start)}
        return sorted(found)

    def size(self, path: str) -> int:
        """Bytes in the file."""
        return len(self._inode(path).data)

    def read(self, path: str, offset: int, size: int) -> bytes:
        """Up to `size` bytes."""
        return bytes(self._inode(path).data[offset : offset + size])

    def create(self, path: str) -> "ProcessFile":
        """A new file."""
        self._process.touch()
        full = self._path(path)
        if full in self._disk._names or full in self._disk._folders:
            raise FileExistsError(errno.EEXIST, "File exists", path)
        self._disk._fails("create", self._disk.faults.failing_name, errno.ENOSPC)
        self._disk._add_folders(full)
        self._disk.take_time(self._process)
        inode = _Inode()
        self._disk._put(full, inode)
        self._process.touch()
        return ProcessFile(self._disk, self._process, inode)

    def replace(self, path: str, data: bytes) -> None:
        """All or nothing."""
        self._process.touch()
        self._disk._fails("replace", self._disk.faults.failing_name, errno.ENOSPC)
        self._disk.take_time(self._process)
        self._disk._put(self._path(path), _Inode(bytearray(data), len(data), named=True))
        self._process.touch()

    def truncate(self, path: str, size: int) -> None:
        """Cut the file."""
        self._process.touch()
        inode = self._inode(path)
        self._disk._fails("truncate", self._disk.faults.failing_name, errno.EIO)
        del inode.data[size:]
        inode.synced = len(inode.data)
        self._process.touch()

    def move(self, source: str, target: str) -> None:
        """Rename a file."""
        self._process.touch()
        inode = self._inode(source)
        self._disk._fails("move", self._disk.faults.failing_name, errno.EIO)
        del self._disk._names[self._path(source)]
        inode.named = True
        self._disk._put(self._path(target), inode)
        self._process.touch()

    def delete(self, path: str) -> None:
        """Remove a file."""
        self._process.touch()
        self._disk._forget(self._path(path))
        self._process.touch()

    def delete_folder(self, folder: str) -> None:
        """Remove a folder file by file: a process can die between two of them."""
        self._process.touch()
        full = self._path(folder)
        for path in self._disk._below(full):
            self._disk._forget(path)
            self._process.touch()
            self._disk.take_time(self._process)
        self._disk._folders = {name for name in self._disk._folders if name != full and not name.startswith(f"{full}/")}
        self._process.touch()

    def lock(self, path: str) -> "ProcessLock | None":
        """Take a lock, unless another holds it."""
        self._process.check()
        full = self._path(path)
        while True:
            inode = self._disk._names.get(full)
            if inode is None:
                self._disk._add_folders(full)
                self._disk.take_time(self._process)
                inode = self._disk._names.setdefault(full, _Inode())
            self._disk.take_time(self._process)
            if inode.holder is not None and inode.holder.alive:
                return None
            if self._disk._names.get(full) is inode:  # else somebody has deleted it meanwhile
                inode.holder = self._process
                return ProcessLock(self._process, inode)

    def _inode(self, path: str) -> _Inode:
        self._process.check()
        self._disk.take_time(self._process)
        inode = self._disk._names.get(self._path(path))
        if inode is None:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", path)
        return inode

    def _path(self, path: str) -> str:
        return f"{self._root}/{path}".strip("/") if self._root else path.strip("/")


class ProcessFile:
    """The kit's `AppendFile`."""

    def __init__(self, disk: Disk, process: Process, inode: _Inode) -> None:
        self._disk = disk
        self._process = process
        self._inode = inode
        self._closed = False

    def write(self, data: bytes) -> None:
        """Append all of `data`, or a part of it and fail."""
        self._process.touch()
        self._check_open()
        try:
            self._disk._fails("write", self._disk.faults.full, errno.ENOSPC)
        except OSError:
            self._inode.data += data[: self._disk._chance.between(0, len(data) - 1)]
            raise
        half = self._disk._chance.between(0, len(data))
        self._inode.data += data[:half]
        if self._process.fuse != 1:  # else it is killed in the middle of the write
            self._disk.take_time(self._process)
            self._inode.data += data[half:]
        self._process.touch()

    def sync(self) -> None:
        """Make all that was written survive the machine."""
        self._process.touch()
        self._check_open()
        self._disk._fails("sync", self._disk.faults.failing_sync, errno.EIO)
        written = len(self._inode.data)
        self._disk.take_time(self._process)
        self._inode.synced = max(self._inode.synced, min(written, len(self._inode.data)))
        self._inode.named = True
        self._process.touch()

    def close(self) -> None:
        """Let go of the file."""
        self._process.check()
        self._closed = True

    def _check_open(self) -> None:
        if self._closed:
            raise ValueError("the file is closed")


class ProcessLock:
    """The kit's `FileLock`."""

    def __init__(self, process: Process, inode: _Inode) -> None:
        self._process = process
        self._inode = inode

    def release(self) -> None:
        """Let others have it."""
        self._process.check()
        if self._inode.holder is self._process:
            self._inode.holder = None
