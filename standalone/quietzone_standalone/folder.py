"""The data folder of one machine, and who has it."""

import fcntl
import os
from typing import TextIO

from quietzone_standalone.errors import DataFolderTaken
from quietzone_standalone.settings import Backends, Installation

MOVED = "MOVED"
"""The file that says that a data folder's stores are history."""

LONGEST_SOCKET_PATH = 100
"""A Unix socket's path has at most 107 bytes on Linux and 103 on macOS, `.sock` included."""


def locked(installation: Installation) -> TextIO:
    """Make the data folder and take it for this process; the lock ends with the file's closing, or with the process.

    Raises:
        DataFolderTaken: another process has it, it can't be used, or what it held has moved to servers.
    """
    run = installation.data / "run"
    if len(os.fsencode(run)) + len("/notification.sock") > LONGEST_SOCKET_PATH:
        raise DataFolderTaken(f"{installation.data} is too long a path for the sockets in it: choose a shorter one with --data")
    try:
        run.mkdir(parents=True, exist_ok=True)
        installation.data.chmod(0o700)
        file = (installation.data / "serve.lock").open("w", encoding="utf-8")
    except OSError as error:
        raise DataFolderTaken(f"{installation.data} can't be used ({error.strerror}): choose another folder with --data") from error
    if installation.backends is Backends.EMBEDDED and (installation.data / MOVED).exists():
        file.close()
        raise DataFolderTaken(
            f"what {installation.data} held has moved to servers: start it with --backends real (or remove its file {MOVED} to go back "
            "to the state before the move)"
        )
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise DataFolderTaken(
            f"another `quietzone serve` uses {installation.data}: stop it, or choose another folder with --data"
        ) from None
    return file
