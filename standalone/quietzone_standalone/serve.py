"""The composition root of one machine."""

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TextIO

from quietzone_kit.runtime import SystemRandomness
from quietzone_standalone.ports import check_free
from quietzone_standalone.roles import ROLES, environment, ops_ports
from quietzone_standalone.settings import Backends, Installation
from quietzone_standalone.supervisor import Say, Supervisor

MOVED = "MOVED"
"""The file that says that a data folder's stores are history."""

LONGEST_SOCKET_PATH = 100
"""A Unix socket's path has at most 107 bytes on Linux and 103 on macOS, `.sock` included."""


class DataFolderTaken(Exception):
    """Another `quietzone serve` uses the folder, or it can't be used: says what to do."""


@asynccontextmanager
async def running(installation: Installation, say: Say) -> AsyncIterator[Supervisor]:
    """All roles, ready within the block; stopped in good order at its end.

    Raises:
        PortTaken: a port isn't free.
        DataFolderTaken: the folder isn't free.
        SettingsError: names every variable that is wrong.
        RoleFailed: a role can't start.
    """
    told = environment(installation, SystemRandomness().token(32).hex())
    with locked(installation):  # before the ports: a second serve of the same folder is told of the first, not of "another program"
        check_free(installation.port, "the API")
        check_free(installation.scan_port, "scans")
        for role, port in ops_ports(told).items():
            check_free(port, f"the operators' port of {role.title}, from QUIETZONE_OPS_PORT on")
        supervisor = Supervisor(ROLES, told, say)
        try:
            await supervisor.start()
            async with asyncio.TaskGroup() as group:
                watching = group.create_task(supervisor.watch())
                yield supervisor
                watching.cancel()
        except BaseExceptionGroup as failures:  # the first is what happened, be it a role's end or the block's; the rest followed
            raise failures.exceptions[0] from None
        finally:
            await supervisor.stop()


def locked(installation: Installation) -> TextIO:
    """Make the data folder and take it for this process; the lock ends with the file's closing, or with the process.

    Raises:
        DataFolderTaken: another process has it, it can't be used, or what it held has moved to servers.
    """
    run = installation.data / "run"
    if len(os.fsencode(run)) + len("/analytics.sock") > LONGEST_SOCKET_PATH:
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
