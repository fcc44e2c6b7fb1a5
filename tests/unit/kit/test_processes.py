"""A process that was started leaves no pipe open, whenever its caller is cancelled."""

import asyncio
import os
import shutil
import time
from pathlib import Path

import pytest

from quietzone_kit import processes
from quietzone_kit.processes import end, start

SH = shutil.which("sh") or "sh"
PIPE = asyncio.subprocess.PIPE


def descriptors() -> set[str]:
    return {target for one in Path("/proc/self/fd").iterdir() if (target := _target(one)).startswith("pipe:")}


def _target(descriptor: Path) -> str:
    try:
        return str(descriptor.readlink())
    except FileNotFoundError:
        return ""


@pytest.mark.parametrize("turns", range(12))
async def test_who_is_cancelled_while_it_starts_leaves_nothing_open(turns: int) -> None:
    await end(await start([SH, "-c", "exit 1"], stderr=PIPE))  # what asyncio itself opens once
    before = descriptors()

    starting = asyncio.ensure_future(start([SH, "-c", "exit 1"], stderr=PIPE))
    for _ in range(turns):
        await asyncio.sleep(0)
    starting.cancel()
    await asyncio.wait([starting])
    if not starting.cancelled():
        await end(starting.result())

    assert descriptors() == before


async def test_a_process_is_killed_whose_answer_nobody_wants() -> None:
    process = await start([SH, "-c", "exec sleep 600"], stderr=PIPE)

    await end(process)

    assert process.returncode == -9


async def test_what_a_process_has_left_its_pipes_to_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "CLOSED_WITHIN_S", 0.1)
    before = descriptors()
    process = await start([SH, "-c", "sleep 30 & echo $!; wait"], stderr=asyncio.subprocess.DEVNULL)
    assert process.stdout is not None
    left = int(await process.stdout.readline())
    began = time.monotonic()

    await end(process)

    assert (time.monotonic() - began < 10, descriptors()) == (True, before)
    os.kill(left, 9)


async def test_a_program_that_isnt_there_cant_be_started() -> None:
    with pytest.raises(OSError, match="no-such-program"):
        await start(["no-such-program"], stderr=PIPE)
