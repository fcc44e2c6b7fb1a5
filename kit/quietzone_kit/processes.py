"""Processes that are started and ended without leaving a pipe open, however their caller ends."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

CLOSED_WITHIN_S = 5.0
"""For the pipes of a process that was killed: they close with it, unless it has left them to another one."""


async def start(command: Sequence[str], *, stderr: int, environment: dict[str, str] | None = None) -> asyncio.subprocess.Process:
    """A process with pipes to its input and from its output; `stderr` is `asyncio.subprocess.PIPE` or `DEVNULL`.

    Who is cancelled meanwhile leaves no process and no pipe. (asyncio alone closes only those that were opened by then: CPython 3.11,
    `BaseSubprocessTransport.close`.)

    Raises:
        OSError: it can't be started.
    """
    pipe = asyncio.subprocess.PIPE
    starting = asyncio.ensure_future(asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=stderr, env=environment))
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        with suppress(OSError):
            await end(await starting)
        raise


async def end(process: asyncio.subprocess.Process) -> None:
    """Kill a process that hasn't ended, and close its pipes; what is left in them is thrown away."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.kill()
    try:
        async with asyncio.timeout(CLOSED_WITHIN_S):
            await process.communicate()
    except TimeoutError:
        process._transport.close()  # type: ignore[attr-defined] # noqa: SLF001 - no other way to let go of pipes that another process holds
        await asyncio.sleep(0)  # it closes them in the loop's next turn
    await process.wait()
