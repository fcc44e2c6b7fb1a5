"""A folder of blobs, by blocking calls.

A blob is written beside its place, flushed, and renamed into it under a lock of its key. `.quietzone` holds drafts, locks and sheets, and
below `tiers` a folder for each tier but HOT, into which blobs are renamed; keys have no parts that begin with a dot. Locks end with their
process, so that what a killed writer left can be told from what is under way. `.quietzone/place` names the folder, so that a process sees
when another one stands where it was, or none: a disk that was taken away must not look like one on which nothing is.
"""

import errno
import hashlib
import os
import stat
import threading
import time
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from heapq import merge
from itertools import islice
from pathlib import Path

import msgspec

from quietzone_kit.blobs import (
    AT_ONCE,
    MAX_GET_BYTES,
    About,
    AlreadyThere,
    Blob,
    BlobArchived,
    BlobNotFound,
    BlobsUnavailable,
    BlobTooLarge,
    Entry,
    InvalidKey,
    Page,
    Tier,
)
from quietzone_kit.blobs._checks import is_key
from quietzone_kit.blobs._files.sheets import Sheet, Version
from quietzone_kit.blobs._metrics import CLEARED
from quietzone_kit.files import AppendFile, FileLock, Files, posix_files
from quietzone_kit.runtime import Randomness

LOCKS = 256
"""Locks that keys share, so that none need be cleared away; each is held for the flushes of a rename."""
LOCK_TRIES, LOCK_PAUSE_S = 500, 0.01
"""5 s in all: hundreds of renames; a process that holds a lock for longer is stopped, or its disk is."""
LEFT_S = 3600
"""Age of a draft that no process holds, and that is removed."""
LOOKS = 3
"""At a file and its sheet, which change one after the other, before the file's digest is asked."""

_OWN = ".quietzone"
_DRAFTS = f"{_OWN}/drafts"
_PLACE = f"{_OWN}/place"


class Draft:
    """A file that is being written. Whoever gives up drops it while a thread may still write to it: the lock keeps them apart."""

    def __init__(self, files: Files, path: str) -> None:
        self.path = path
        self._files = files
        self._file: AppendFile | None = files.create(path)
        self._held = files.lock(path)
        self._digest = hashlib.sha256()
        self._turn = threading.Lock()

    def write(self, data: bytes) -> None:
        """Append."""
        with self._turn, _told(self.path, writing=True):
            self._still().write(data)
        self._digest.update(data)

    def finish(self) -> str:
        """Flush all of it; its digest."""
        with self._turn:
            self._still().sync()
        return self._digest.hexdigest()

    def drop(self) -> None:
        """Remove it, if it wasn't put in its place."""
        with self._turn:
            self._still().close()
            self._file = None
        self._files.delete(self.path)
        if self._held is not None:
            self._held.release()

    def _still(self) -> AppendFile:
        if self._file is None:
            raise BlobsUnavailable(f"{self.path}: writing was given up")
        return self._file


class Folder:
    """Blobs below `root`."""

    def __init__(self, root: str, randomness: Randomness) -> None:
        self._root = Path(root)
        self._randomness = randomness
        self._opened: Files | None = None
        self._place: str | None = None

    def begin(self) -> Draft:
        """A new draft."""
        files = self._files()
        self._recognise()
        with _told(str(self._root), writing=True):
            return Draft(files, f"{_DRAFTS}/{self._randomness.token(12).hex()}")

    def publish(self, draft: Draft, key: str, about: About, *, replace: bool) -> Blob:
        """Put a draft in its place."""
        files = self._files()
        with _told(key, writing=True), self._locked(key):
            there = self._there(key)
            if there is not None and not replace:
                raise AlreadyThere(f"{key} is there; use another key, or put")
            _make_way(self._root / key)
            sha256 = draft.finish()
            written = (self._root / draft.path).stat()
            said = (about.content_type, dict(about.metadata), dict(about.tags))
            version = Version(written.st_ino, written.st_mtime_ns, written.st_size, sha256, *said)
            before = self._sheet(key)
            standing = before.of(there.status) if there is not None else None
            files.replace(_sheet_of(key), Sheet([version, *([standing] if standing else before.versions[:1])]).encode())
            files.move(draft.path, key)
            if there is not None and there.tier is not Tier.HOT:
                files.delete(there.path)  # who finds both takes the first
            return _blob(key, version, Tier.HOT)

    def move(self, key: str, tier: Tier, tags: dict[str, str]) -> None:
        """Keep the file at another tier."""
        files = self._files()
        self._recognise()
        with _told(key, writing=True), self._locked(key):
            there = self._there(key)
            if there is None:
                raise _not_found(key)
            sheet = self._sheet(key)
            tagged = [msgspec.structs.replace(one, tags=tags) if one.is_of(there.status) else one for one in sheet.versions]
            files.replace(_sheet_of(key), Sheet(tagged).encode())
            if there.tier is not tier:
                files.move(there.path, _path_in(tier, key))

    def open(self, key: str) -> int:
        """A descriptor of the file, if it is to be had at once."""
        descriptor, tier = self._open(key)
        if tier not in AT_ONCE:
            os.close(descriptor)
            raise BlobArchived(f"{key} is {tier.value}: move it to HOT, and read it then")
        return descriptor

    def piece(self, key: str, descriptor: int, size: int, start: int) -> bytes:
        """Some bytes of an open file."""
        with _told(key):
            return os.pread(descriptor, size, start)

    def read(self, key: str, start: int, end: int | None) -> bytes:
        """Bytes from `start` to before `end`."""
        descriptor = self.open(key)
        try:
            size = os.fstat(descriptor).st_size
            wanted = min(size if end is None else end, size) - start
            if wanted > MAX_GET_BYTES:
                raise BlobTooLarge(f"{key}: {wanted} bytes at once; use stream, or a range")
            return self.piece(key, descriptor, max(wanted, 0), start)
        finally:
            os.close(descriptor)

    def head(self, key: str) -> Blob:
        """What is known of the file."""
        for _ in range(LOOKS):
            descriptor, tier = self._open(key)
            try:
                sheet = self._sheet(key)
                version = sheet.of(os.fstat(descriptor))
                if version is not None:
                    return _blob(key, version, tier)
            finally:
                os.close(descriptor)
        descriptor, tier = self._open(key)
        try:
            return _blob(key, self._sheet(key).by_digest(descriptor), tier)
        finally:
            os.close(descriptor)

    def delete(self, key: str) -> None:
        """Remove the file."""
        files = self._files()
        self._recognise()
        with _told(key, writing=True), self._locked(key):
            there = self._there(key)
            while there is not None:  # twice where a crash has left a replaced one in its tier
                files.delete(there.path)
                _flush((self._root / there.path).parent)
                there = self._there(key)
            files.delete(_sheet_of(key))

    def page(self, prefix: str, limit: int, after: str) -> Page:
        """Files in the order of their keys."""
        self._recognise()
        with _told(str(self._root)):  # a root that isn't there has nothing in it
            tiers = (_walk(self._root / _path_in(tier, ""), "", prefix, after) for tier in Tier)
            found = list(islice(_once(merge(*tiers, key=lambda entry: entry.key)), limit + 1))
        return Page(found[:limit], found[limit - 1].key if len(found) > limit else None)

    def _files(self) -> Files:
        if self._opened is None:
            with _told(str(self._root), writing=True):
                files = posix_files(self._root)
                if self._place is None:
                    self._name(files)
                self._clear(files)
                self._opened = files
        return self._opened

    def _name(self, files: Files) -> None:
        """Give the folder a name, unless it has one, or another process is about to."""
        lock = files.lock(f"{_OWN}/locks/place")
        if lock is None:
            return
        if self._named() is None:
            files.replace(_PLACE, self._randomness.token(12).hex().encode())
        lock.release()

    def _recognise(self) -> None:
        """See that the folder is the one that was there at first; raises BlobsUnavailable."""
        named = self._named()
        if self._place is None:
            self._place = named
        elif named != self._place:
            raise BlobsUnavailable(
                f"{self._root}: the folder of blobs that was here is gone, or another one is in its place: was its disk taken away, or was "
                "it moved? Put it back, or start anew"
            )

    def _named(self) -> str | None:
        try:
            return (self._root / _PLACE).read_text() or None
        except (FileNotFoundError, NotADirectoryError):
            return None

    def _clear(self, files: Files) -> None:
        """Remove the drafts that killed writers left."""
        now_s = time.clock_gettime(time.CLOCK_REALTIME)
        for name in files.names(_DRAFTS):
            path = f"{_DRAFTS}/{name}"
            try:
                old = now_s - (self._root / path).stat().st_mtime > LEFT_S
            except FileNotFoundError:
                continue
            held = files.lock(path) if old else None
            if held is not None:
                files.delete(path)
                held.release()
                CLEARED.inc()

    def _open(self, key: str) -> tuple[int, Tier]:
        """A descriptor of the file, and its tier; looked for twice, since it may be moved meanwhile."""
        if self._place is None:
            self._recognise()
        with _told(key):
            for tier in (*Tier, *Tier):
                with suppress(FileNotFoundError, NotADirectoryError):
                    descriptor = os.open(self._root / _path_in(tier, key), os.O_RDONLY)
                    if stat.S_ISREG(os.fstat(descriptor).st_mode):
                        return descriptor, tier
                    os.close(descriptor)
        self._recognise()
        raise _not_found(key)

    def _there(self, key: str) -> "_There | None":
        for tier in Tier:
            path = _path_in(tier, key)
            with suppress(FileNotFoundError, NotADirectoryError):
                status = (self._root / path).stat()
                if stat.S_ISREG(status.st_mode):
                    return _There(path, tier, status)
        return None

    def _sheet(self, key: str) -> Sheet:
        try:
            return Sheet.decode((self._root / _sheet_of(key)).read_bytes())
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return Sheet([])

    @contextmanager
    def _locked(self, key: str) -> Iterator[None]:
        lock = self._lock(f"{_OWN}/locks/{zlib.crc32(key.encode()) % LOCKS:02x}")
        try:
            yield
        finally:
            lock.release()

    def _lock(self, path: str) -> FileLock:
        for _ in range(LOCK_TRIES):
            lock = self._files().lock(path)
            if lock is not None:
                return lock
            time.sleep(LOCK_PAUSE_S)
        raise BlobsUnavailable(f"{self._root}: another process holds {path}; see whether it, or the disk, hangs")


def _walk(folder: Path, at: str, prefix: str, after: str) -> Iterator[Entry]:
    """The blobs of a folder whose keys begin with `at`, in the order of their keys: a folder stands where its name with `/` does."""
    try:
        names = sorted(item.name + "/" * item.is_dir() for item in os.scandir(folder) if not item.name.startswith("."))
    except FileNotFoundError:
        return
    for name in names:
        key = at + name
        if not name.endswith("/"):
            if key > after and key.startswith(prefix) and is_key(key):
                try:
                    status = (folder / name).stat()
                except FileNotFoundError:
                    continue
                yield Entry(key, status.st_size, status.st_mtime_ns // 1_000_000)
        elif (key.startswith(prefix) or prefix.startswith(key)) and (key > after or after.startswith(key)):
            yield from _walk(folder / name, key, prefix, after)


@dataclass(frozen=True, slots=True)
class _There:
    """A file that is there."""

    path: str
    tier: Tier
    status: os.stat_result


def _path_in(tier: Tier, key: str) -> str:
    return key if tier is Tier.HOT else f"{_OWN}/tiers/{tier.value}/{key}"


def _once(entries: Iterable[Entry]) -> Iterator[Entry]:
    """The first of each key."""
    last = None
    for entry in entries:
        if entry.key != last:
            yield entry
        last = entry.key


def _sheet_of(key: str) -> str:
    return f"{_OWN}/sheets/{key}~"  # no key has this sign: no sheet is the folder of another


def _blob(key: str, version: Version, tier: Tier) -> Blob:
    return Blob(key, version.size, version.sha256, version.modified_ns // 1_000_000, version.about, tier)


def _make_way(path: Path) -> None:
    """Remove the folders that deleted blobs left where a blob shall stand; IsADirectoryError if there is still one in them."""
    if path.is_dir():
        with suppress(OSError):
            for folder, _, _ in os.walk(path, topdown=False):
                Path(folder).rmdir()
        if path.is_dir():
            raise IsADirectoryError(path)


def _flush(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _not_found(key: str) -> BlobNotFound:
    return BlobNotFound(f"there is no blob {key}")


@contextmanager
def _told(what: str, *, writing: bool = False) -> Iterator[None]:
    """An error of the disk as one of the port."""
    try:
        yield
    except FileNotFoundError as error:
        if writing:
            raise BlobsUnavailable(f"{what}: somebody removed what was being written; try again") from error
        raise _not_found(what) from error
    except (NotADirectoryError, IsADirectoryError, FileExistsError) as error:
        if writing:
            raise InvalidKey(f"{what}: it, or a part before a /, is both a folder and a blob; use another key") from error
        raise _not_found(what) from error
    except OSError as error:
        then = "free some of it" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "look at the disk and at the folder's owner and mode"
        raise BlobsUnavailable(f"{what}: {error.strerror or error}; {then}") from error
