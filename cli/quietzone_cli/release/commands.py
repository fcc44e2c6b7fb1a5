"""Running helm and kubectl: arguments in, text out, within a bound."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from quietzone_cli.errors import CommandFailed
from quietzone_kit.processes import end, start

MAX_SAID = 2_000
"""Characters of what a command said that are shown."""

ENDS_S = 10.0
"""Helm that is told to end writes down that its upgrade failed: one more answer of the cluster."""


class ReleaseFailed(CommandFailed):
    """helm, kubectl or the cluster didn't do what was asked: the message says what they said."""


async def output_of(command: Sequence[str], *, within_s: float, given: str = "") -> str:
    """What a command prints; `given` is its input.

    Raises:
        ReleaseFailed: it isn't installed, failed, or took too long; with the end of what it said.
    """
    try:
        process = await start(command, stderr=asyncio.subprocess.PIPE)
    except FileNotFoundError as error:
        raise ReleaseFailed(f"{command[0]} isn't installed: these commands drive helm and kubectl") from error
    try:
        async with asyncio.timeout(within_s):
            said, complained = await process.communicate(given.encode())
    except TimeoutError as error:
        await _end(process)
        raise ReleaseFailed(f"`{_shown(command)}` took longer than {within_s:.0f} s: does the cluster answer?") from error
    except asyncio.CancelledError:
        await _end(process)
        raise
    if process.returncode:
        raise ReleaseFailed(f"`{_shown(command)}` failed: {complained.decode(errors='replace').strip()[-MAX_SAID:]}")
    return said.decode()


async def _end(process: asyncio.subprocess.Process) -> None:
    """Tell it to end, and kill it only when it doesn't: a release whose helm was killed stays pending, and takes no other upgrade."""
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(ENDS_S):
            await process.communicate()
    except TimeoutError:
        await end(process)


def _shown(command: Sequence[str]) -> str:
    return " ".join(command[:4])
