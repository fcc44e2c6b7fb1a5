"""Processes that are started and ended without leaving a pipe open, however their caller ends."""

import asyncio
import os
import sys
from collections.abc import Sequence
from contextlib import suppress

CLOSED_WITHIN_S = 5.0
"""For the pipes of a process that was killed: they close with it, unless it has left them to another one."""

PIECE_BYTES = 1_000_000

_KEPT = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "LANG")


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


async def answer_of(module: str, message: bytes, *, max_bytes: int) -> tuple[bytes, int]:
    """What `python -m module` answers to a message on its standard input, and how it ended; it ends with this call, however that ends.

    Whatever it does, this process only waits, for bounded bytes: an answer of more than `max_bytes` is cut off, and the process killed.
    """
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
    process = await start((sys.executable, "-m", module), stderr=asyncio.subprocess.DEVNULL, environment=environment)
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(_send(process, message))
            reading = group.create_task(_read(process, max_bytes))
        return reading.result(), await process.wait()
    finally:
        await end(process)


async def _send(process: asyncio.subprocess.Process, message: bytes) -> None:
    assert process.stdin is not None  # noqa: S101 - it is a pipe
    with suppress(BrokenPipeError, ConnectionResetError):  # it has ended: its exit code says how
        process.stdin.write(message)
        await process.stdin.drain()
    process.stdin.close()


async def _read(process: asyncio.subprocess.Process, max_bytes: int) -> bytes:
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    answer = bytearray()
    while piece := await process.stdout.read(PIECE_BYTES):
        answer += piece
        if len(answer) > max_bytes:
            process.kill()
            break
    return bytes(answer)
