"""Starts the roles as processes, starts again what dies, and stops all of them in good order."""

import asyncio
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from quietzone_kit.settings import only_for
from quietzone_standalone.errors import RoleFailed
from quietzone_standalone.roles import Role, told_to

READY_WITHIN_S = 90.0
"""A start takes 3 s on two cores; more than 30 was seen where others kept slow ones busy, and a second house on servers began meanwhile."""

STOP_WITHIN_S = 15.0
"""For each role, above its drain time (10 s): one that hangs leaves the others their time to pass on what came in."""

FIRST_DELAY_S = 0.1
LONGEST_DELAY_S = 5.0
HEALTHY_AFTER_S = 10.0
"""Between a death and the next start: doubling from the first to the longest, from the first again for a role that ran this long."""

Say = Callable[[str], None]


@dataclass(slots=True)
class _Child:
    role: Role
    process: asyncio.subprocess.Process


class Supervisor:
    """The roles' parent. When it dies, however it dies, they notice by the pipe that it holds and stop."""

    def __init__(self, roles: tuple[Role, ...], environment: Mapping[str, str], say: Say) -> None:
        self._roles = roles
        self._environment = environment
        self._say = say
        self._children: dict[Role, _Child] = {}
        self._stopping = False
        self._alive_read, self._alive_write = os.pipe()

    async def start(self) -> None:
        """Start every role and wait until each says that it is ready.

        Raises:
            RoleFailed: one ended, or wasn't ready within READY_WITHIN_S; the others are stopped by `stop`.
        """
        async with asyncio.TaskGroup() as group:
            for role in self._roles:
                group.create_task(self._spawn_first(role))

    async def watch(self) -> None:
        """Start again what dies, until cancelled. It never gives up: the other roles go on meanwhile, scans above all."""
        async with asyncio.TaskGroup() as group:
            for child in list(self._children.values()):
                group.create_task(self._keep_alive(child))

    async def stop(self) -> None:
        """Ask the roles to stop, the last first, each when the one before it has ended; kill who runs on for STOP_WITHIN_S."""
        self._stopping = True
        for role in reversed(self._roles):
            if role in self._children:
                await _end(self._children[role].process)
        os.close(self._alive_write)
        os.close(self._alive_read)

    def pids(self) -> dict[str, int]:
        """Process ids by role title."""
        return {role.title: child.process.pid for role, child in self._children.items()}

    async def _spawn_first(self, role: Role) -> None:
        child = _Child(role, await self._spawn(role))
        self._children[role] = child

    async def _spawn(self, role: Role) -> asyncio.subprocess.Process:
        ready_read, ready_write = os.pipe()
        try:
            process = await self._begin(role, ready_write)
            try:
                async with asyncio.timeout(READY_WITHIN_S):
                    said = await _read_line(ready_read)
            except (TimeoutError, asyncio.CancelledError) as failure:
                process.kill()  # what hung while starting may hang while stopping; two of it must not live
                await process.wait()
                if isinstance(failure, asyncio.CancelledError):
                    raise
                raise RoleFailed(f"{role.title} wasn't ready within {READY_WITHIN_S:.0f} s") from None
        finally:
            os.close(ready_read)
        if not said:
            if process.returncode is None:
                process.terminate()
            raise RoleFailed(f"{role.title} ended with exit code {await process.wait()}: what it printed above says why")
        return process

    async def _begin(self, role: Role, ready_write: int) -> asyncio.subprocess.Process:
        try:
            return await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                role.module,
                role.name,
                env={
                    **only_for(role.settings, told_to(role, self._environment)),
                    "QUIETZONE_READY_FD": str(ready_write),
                    "QUIETZONE_PARENT_FD": str(self._alive_read),
                },
                pass_fds=(ready_write, self._alive_read),
                start_new_session=True,  # Ctrl-C reaches the supervisor alone, which stops them in order
            )
        finally:
            os.close(ready_write)

    async def _keep_alive(self, child: _Child) -> None:
        delay, started = FIRST_DELAY_S, time.monotonic()
        while True:
            code = await child.process.wait()
            if self._stopping:
                return
            delay = FIRST_DELAY_S if time.monotonic() - started > HEALTHY_AFTER_S else min(2 * delay, LONGEST_DELAY_S)
            self._say(f"{child.role.title} ended with exit code {code}; starting it again in {delay:.1f} s")
            await asyncio.sleep(delay)
            started = time.monotonic()
            try:
                child.process = await self._spawn(child.role)
            except (RoleFailed, OSError) as failure:  # OSError: no memory, processes or files to be had just now
                self._say(str(failure) if isinstance(failure, RoleFailed) else f"{child.role.title} can't be started now: {failure}")


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
    try:
        async with asyncio.timeout(STOP_WITHIN_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


async def _read_line(descriptor: int) -> bytes:
    """One line from a pipe, or nothing at its end."""
    loop = asyncio.get_running_loop()
    os.set_blocking(descriptor, False)
    got: asyncio.Future[bytes] = loop.create_future()

    def read() -> None:
        if not got.done():
            got.set_result(os.read(descriptor, 16))

    loop.add_reader(descriptor, read)
    try:
        return await got
    finally:
        loop.remove_reader(descriptor)
