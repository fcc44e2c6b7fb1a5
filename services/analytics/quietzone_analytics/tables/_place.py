"""The folder in which one process keeps its drafts, by blocking calls. What killed processes left is removed by the next that opens one."""

import os
import shutil
from pathlib import Path

from quietzone_analytics.tables import Draft
from quietzone_kit.files import Files, posix_files

PIECE_BYTES = 1_000_000
"""What is read in one step of the executor: a millisecond."""


class Place:
    """A new folder `name` below `above`, held by a lock that ends with the process."""

    def __init__(self, above: Path, name: str) -> None:
        self._files = posix_files(above)
        _clear(self._files)
        self._name = name
        self._lock = self._files.lock(f"{name}.lock")
        self.folder = above / name
        self.folder.mkdir(mode=0o700)

    def path(self, draft: Draft) -> Path:
        """Where a draft is."""
        return self.folder / draft.name

    def create(self, draft: Draft) -> None:
        """An empty draft."""
        self.path(draft).touch(exist_ok=False)

    def append(self, draft: Draft, at: int, data: bytes) -> None:
        """Let the draft end with `data` from byte `at`. A draft that was dropped meanwhile isn't made again."""
        descriptor = os.open(self.path(draft), os.O_WRONLY)
        try:
            os.ftruncate(descriptor, at)
            rest = memoryview(data)
            while rest:
                written = os.pwrite(descriptor, rest, at)
                rest, at = rest[written:], at + written
        finally:
            os.close(descriptor)

    def read(self, draft: Draft, start: int) -> bytes:
        """PIECE_BYTES, or what there is."""
        descriptor = os.open(self.path(draft), os.O_RDONLY)
        try:
            return os.pread(descriptor, PIECE_BYTES, start)
        finally:
            os.close(descriptor)

    def size(self, draft: Draft) -> int:
        """Bytes in it."""
        return self.path(draft).stat().st_size

    def remove(self, draft: Draft) -> None:
        """Remove it."""
        self.path(draft).unlink(missing_ok=True)

    def scratch(self, draft: Draft) -> Path:
        """A new, empty folder for what is needed while a draft is made."""
        folder = self.folder / f"{draft.name}.scratch"
        folder.mkdir(mode=0o700)
        return folder

    def clear(self, draft: Draft) -> None:
        """Remove a draft's scratch."""
        shutil.rmtree(self.folder / f"{draft.name}.scratch", ignore_errors=True)

    def close(self) -> None:
        """Remove the folder."""
        self._files.delete_folder(self._name)
        self._files.delete(f"{self._name}.lock")
        if self._lock is not None:
            self._lock.release()


def _clear(files: Files) -> None:
    for name in files.names("."):
        held = files.lock(name) if name.endswith(".lock") else None
        if held is not None:
            files.delete_folder(name.removesuffix(".lock"))
            files.delete(name)
            held.release()


def quoted(text: str) -> str:
    """A text as SQL has it."""
    return "'" + text.replace("'", "''") + "'"
