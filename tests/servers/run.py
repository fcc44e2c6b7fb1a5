"""A run: the servers that one process of pytest, `make servers` or a chaos script started, in one folder.

The folder is locked while the run lasts. A folder without a lock is what a killed run left: the next run clears it.
"""

import fcntl
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from servers import reaper
from servers.packages import CACHE
from servers.process import Server

AnyServer = TypeVar("AnyServer", bound=Server)

CLEARED_WITHIN_S = 90.0


class Run:
    """Use `Run.begin`; everything that runs in its folders ends with it, and the folders are removed."""

    def __init__(self, place: Path, lock: int) -> None:
        self.place = place
        self._lock = lock
        self._used: list[Server] = []
        self._reaper = subprocess.Popen([sys.executable, reaper.__file__, str(place)], stdin=subprocess.PIPE, start_new_session=True)

    @classmethod
    def begin(cls, runs: Path = CACHE / "run") -> "Run":
        """A new run below `runs`; first clears what killed ones left there."""
        runs.mkdir(parents=True, exist_ok=True)
        for place in runs.iterdir():
            _clear_if_left(place)
        number = 0
        while (lock := _locked(runs / f"{os.getpid()}-{number}", fresh=True)) is None:
            number += 1
        return cls(runs / f"{os.getpid()}-{number}", lock)

    def folder(self, name: str) -> Path:
        """A folder for one server; another one each time that the same name is asked for."""
        number = 0
        while True:
            folder = self.place / (f"{name}-{number}" if number else name)
            with suppress(FileExistsError):
                folder.mkdir()
                return folder
            number += 1

    def end(self) -> None:
        """Kill what runs, remove its data."""
        for server in self._used:
            server.kill()
        if self._reaper.stdin is not None:
            self._reaper.stdin.close()
        self._reaper.wait(CLEARED_WITHIN_S)
        os.close(self._lock)

    def use(self, server: AnyServer) -> AnyServer:
        """Start a server that ends with this run, or at once if it doesn't come up."""
        try:
            server.start()
        except BaseException:
            server.kill()
            raise
        self._used.append(server)
        return server

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        self.end()


def _clear_if_left(place: Path) -> None:
    lock = _locked(place, fresh=False)
    if lock is not None:
        reaper.clear(place)
        os.close(lock)


def _locked(place: Path, *, fresh: bool) -> int | None:
    """A lock on a folder, made here if `fresh`; None if another run has it."""
    try:
        if fresh:
            place.mkdir()
        lock = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
    except (FileExistsError, FileNotFoundError, NotADirectoryError):
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    if not place.exists() or place.stat().st_ino != os.fstat(lock).st_ino:  # cleared by another run before the lock was ours
        os.close(lock)
        return None
    return lock
