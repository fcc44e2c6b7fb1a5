"""Work in a process of its own, which ends with the call: whatever it does, this process only waits, for bounded bytes."""

import asyncio
import os
import sys
from contextlib import suppress

from quietzone_kit.processes import end, start

PIECE_BYTES = 1_000_000

_KEPT = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "LANG")


async def answer_of(module: str, message: bytes, *, max_bytes: int) -> tuple[bytes, int]:
    """What `python -m module` answers to a message on its standard input, and how it ended; it ends with this call, however that ends.

    An answer of more than `max_bytes` is cut off, and the process killed.
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
